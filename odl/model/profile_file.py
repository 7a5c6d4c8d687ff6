"""The file of a wearer's profile while a session or a command uses it.

Only its owner can read it. It is replaced as a whole, so that a power cut leaves the old one or the new one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import NDArray

from odl._files import lock, write_private
from odl.core.image import Image
from odl.model.profile import WearerProfile, read_profile

if TYPE_CHECKING:
    from odl.core.session import Session


@contextmanager
def held(path: str | Path) -> Iterator[None]:
    """Hold the lock of the profile at ``path``: a file beside it, since the profile itself is replaced.

    Raises
    ------
    OSError
        If another session or command holds it, or it cannot be written; the error names ``path``.
    """
    real = Path(os.path.realpath(path))
    beside = real.with_name(f".{real.name}.lock")
    with ExitStack() as opened:
        try:
            while True:  # until it is the one of that name: whoever held it has removed it
                file = opened.enter_context(beside.open("a"))
                if lock(file.fileno(), beside):
                    break
        except OSError as error:
            raise OSError(error.errno or 0, error.strerror or str(error), str(path)) from None
        try:
            yield
        finally:
            with suppress(OSError):  # Windows removes no open file
                beside.unlink()


class ProfileFile:
    """The profile of a session that runs: the file is locked, and written whenever the label log has changed.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from odl.core.state import Entry, log_dtype
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> with tempfile.TemporaryDirectory() as folder, ProfileFile.opened(f"{folder}/anna.odlp") as file:
    ...     print(file.profile)
    ...     log = np.zeros(1, log_dtype(image.features))
    ...     log["kind"], log["order"] = Entry.LABEL, 1
    ...     file.save(image, log)
    ...     print(read_profile(f"{folder}/anna.odlp").summary["labels"])
    None
    {'0': 1}
    """

    def __init__(self, path: Path, profile: WearerProfile | None) -> None:
        self.path, self.profile = path, profile
        self._saved = None if profile is None else profile.log.tobytes()

    @classmethod
    @contextmanager
    def opened(cls, path: str | Path) -> Iterator[Self]:
        """Lock and read the profile at ``path``, a new one if there is none.

        Raises
        ------
        ProfileError
            If the file is no profile.
        OSError
            If it cannot be read, or another session writes to it.
        """
        with held(path):
            path = Path(path)
            yield cls(path, read_profile(path) if path.exists() else None)

    def start(self, session: Session, resumed: bool) -> bytes | None:
        """The state in which a new ``session`` knows what the profile holds.

        None if it holds nothing, or if the session was ``resumed``, which knows it already.

        Raises
        ------
        ProfileError
            If the profile is one of another image, or a resumed session lacks labels of it.
        """
        if self.profile is None:
            return None
        if resumed:
            self.profile.check_in(session.image, session.log, str(self.path))
            return None
        return self.profile.state(session.image, session.config, str(self.path))

    def save(self, image: Image, log: NDArray[Any]) -> None:
        """Write the label log, if it is another than before; it is on the disk when this returns.

        Raises
        ------
        OSError
            If it cannot be written; the file is as it was.
        """
        profile = WearerProfile.of(image, log)
        data = profile.log.tobytes()
        if data != self._saved:
            write_private(self.path, profile.text())
            self.profile, self._saved = profile, data
