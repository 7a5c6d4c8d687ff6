"""Label logs on their way between a wearer's profile and a board."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from odl.core.image import Image
from odl.device.serial_line import SerialLine
from odl.evaluate.load_kernels import Progress
from odl.live.find import client_on
from odl.model.checkpoint import log_of
from odl.model.profile import ProfileError, WearerProfile
from odl.model.profile_merge import fitted
from odl.wire.client import BoardClient


def push_labels(line: SerialLine, image: Image, log: NDArray[Any], progress: Progress) -> None:
    """Give the board on ``line`` the label log of a wearer's profile, unless it has it; no session may run.

    Raises
    ------
    ProfileError
        If the board has learned labels that the profile lacks.
    BoardError
        If the board does not answer, or cannot keep the labels.
    """
    push_to(client_on(line), image, log, progress)


def push_to(client: BoardClient, image: Image, log: NDArray[Any], progress: Progress) -> bool:
    """As `push_labels`, over a greeted client; False if the board had the labels."""
    there, mine = pull_labels(client, image), WearerProfile.of(image, fitted(image, log))
    if there.log.tobytes() == mine.log.tobytes():
        return False
    try:
        there.check_in(image, log)
    except ProfileError:
        raise ProfileError(
            "the board has learned labels that the profile lacks: fetch them first with 'odl profile pull'"
        ) from None
    progress(f"sending {len(mine.log)} entries of the profile to the board")
    client.remember(entry.tobytes() for entry in mine.log)
    return True


def pull_labels(client: BoardClient, image: Image) -> WearerProfile:
    """What the board has been taught, as a profile of its ``image``."""
    return WearerProfile.of(image, log_of(image, client.snapshot()))
