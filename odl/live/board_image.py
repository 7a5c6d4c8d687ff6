"""Move model images to and from a board."""

from __future__ import annotations

from collections.abc import Callable

from firmware_sim.headers import room_of
from odl._text import shell_word
from odl.core.image import Image
from odl.evaluate.load_kernels import Progress, load_kernels
from odl.live.find import image_on
from odl.model.checkpoint import checkpoint, log_of
from odl.wire.client import BoardClient, BoardError
from odl.wire.messages import Refusal


def push_image(
    board: BoardClient, image: Image, name: str, progress: Progress = lambda sentence: None
) -> bool:
    """Put ``image`` on a board that has been greeted, and wait until it runs there.

    Parameters
    ----------
    name : str
        The image's name in messages.
    progress : callable
        Called with a sentence at each quarter of the upload.

    Returns
    -------
    bool
        False if the board runs the image already; nothing was sent then.

    Raises
    ------
    BoardError
        If the board's firmware was built for a model of other sizes, or cannot keep the image.
    """

    info, data = board.info, image.to_bytes()
    if info is None:
        info = board.hello()
    if (info.image, info.image_size) == (image.checksum, len(data)):
        return False
    needed = room_of(image)
    for what, here, there in (
        ("channels", len(image.channels), info.channels),
        ("bytes of state", needed["state"], _said(board, "state", needed["state"])),
    ):
        if here != there:
            raise BoardError(_unfit(name, f"{what}: {here} in the model, {there} on the board"))
    items, room = needed["items"], _said(board, "items", needed["items"])
    if items > room:
        why = f"room to learn from {items} labels and stored vectors is needed, {room} is on the board"
        raise BoardError(_unfit(name, why))
    if info.image_room < len(data):
        raise BoardError(f"{name} has {len(data)} bytes, but the board keeps {info.image_room} at most")
    _check_rate(board, image, progress)
    try:
        _upload(board, data, progress)
        _install(board, image.checksum)
    except BoardError as error:
        if error.why is Refusal.IMAGE:
            raise BoardError(_unfit(name, "the board cannot run it")) from None
        if error.why is Refusal.STORE:
            raise BoardError(f"the board could not keep {name}; it goes on with what it had") from None
        raise
    return True


def _said(board: BoardClient, name: str, otherwise: int) -> int:
    """Return a size that the firmware was built for, as the board describes itself."""
    size = board.description.board.get(name) if board.description else None
    return size if isinstance(size, int) and not isinstance(size, bool) else otherwise


def _unfit(name: str, why: str) -> str:
    return (
        f"the board's firmware was built for another model's sizes than {name} has ({why}); "
        f"build one with 'odl firmware build --model {shell_word(name)}' and flash it"
    )


def _check_rate(board: BoardClient, image: Image, progress: Progress) -> None:
    rate = board.description.board.get("rate_hz") if board.description else None
    if isinstance(rate, int | float) and abs(rate - image.rate_hz) > 0.01 * image.rate_hz:
        progress(f"the board's sensor gives {rate:g} Hz, but the model was made for {image.rate_hz:g} Hz")


def _upload(board: BoardClient, data: bytes, progress: Progress) -> None:
    """Send the image; where the rest of an interrupted upload is in the way, erase it and send again."""

    try:
        board.upload(data, _in_quarters("sent", progress))
    except BoardError as error:
        if error.why is not Refusal.STORE:
            raise
        progress("the rest of an earlier upload is in the way; starting over")
        board.upload(b"\xff" * 8)  # other first bytes: the place is erased
        board.upload(data, _in_quarters("sent", progress))


def _install(board: BoardClient, checksum: int) -> None:
    """Have the board run the image. Its answer may be lost in its restart; then ask which image it runs."""

    try:
        board.install()
    except BoardError as error:
        if error.why is not None or board.hello().image != checksum:
            raise


def _in_quarters(done: str, progress: Progress) -> Callable[[int, int], None]:
    """Return a callback that reports the bytes done, a quarter at a time."""
    reported = 0

    def report(so_far: int, total: int) -> None:
        nonlocal reported
        if so_far * 4 // total > reported:
            reported = so_far * 4 // total
            progress(f"{done} {25 * reported} % of {total} bytes")

    return report


def pull_image(
    board: BoardClient,
    *,
    learned: bool = True,
    vectors: bool = True,
    progress: Progress = lambda sentence: None,
) -> tuple[Image, Image]:
    """Read the image that a board runs; return it and a copy with all that the board has learned.

    Parameters
    ----------
    board : BoardClient
        A greeted client. The board's session, if one runs, continues.
    learned : bool
        If False, the copy is the image itself.
    vectors : bool
        See `odl.model.checkpoint.checkpoint`.

    Raises
    ------
    BoardError, ImageError, CheckpointError
        If the board does not answer, or its image is damaged.
    """

    base = image_on(board, _in_quarters("read", progress))
    if not learned:
        return base, base
    log = log_of(base, board.snapshot())
    load_kernels(base, progress)
    return base, checkpoint(base, log, vectors=vectors)
