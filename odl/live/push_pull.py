"""Push a model image to a board, and pull what it has learned, from Python."""

from __future__ import annotations

from pathlib import Path

from odl.core.image import Image
from odl.data.streams import load_model
from odl.evaluate.load_kernels import Progress
from odl.live.board_image import pull_image, push_image
from odl.live.connected import connected


def push(model: str | Path | Image, port: str = "auto", *, progress: Progress = print) -> bool:
    """Put a model image on a board, and wait until it runs there; as ``odl push``.

    Parameters
    ----------
    model : str, path or Image
        An ``.odlm`` file, a dataset's name, or the image itself.
    port : str
        A device, a URL of pyserial, or ``"auto"``, the one board that is plugged in.
    progress : callable
        Called with a short sentence before each step that takes time.

    Returns
    -------
    bool
        False if the board runs the image already; nothing was sent then.

    Raises
    ------
    BoardError, PortError, SerialPortError
        If there is no such board, it does not answer, or its firmware was built for a model of other sizes.
    ImageError
        If the image cannot be read.

    Examples
    --------
    ::

        push("mine.odlm", "/dev/ttyACM0")
    """
    image = model if isinstance(model, Image) else load_model(model)
    name = "the model" if isinstance(model, Image) else Path(model).name
    with connected(port, progress) as (_, board):
        return push_image(board, image, name, progress)


def pull(
    port: str = "auto", *, learned: bool = True, vectors: bool = True, progress: Progress = print
) -> Image:
    """Fetch the model image of a board, with what the board has learned; as ``odl pull``.

    Parameters
    ----------
    port, progress
        As for `push`.
    learned : bool
        If False, the image as it was pushed.
    vectors : bool
        If False, the feature vectors of the wearer's labelled windows stay on the board.

    Returns
    -------
    Image
        `odl.core.image.Image.to_bytes` gives the bytes of an ``.odlm`` file.

    Raises
    ------
    BoardError, PortError, SerialPortError, ImageError
        If there is no such board, it does not answer, or its image is damaged.

    Examples
    --------
    ::

        Path("learned.odlm").write_bytes(pull("/dev/ttyACM0").to_bytes())
    """
    with connected(port, progress) as (_, board):
        return pull_image(board, learned=learned, vectors=vectors, progress=progress)[1]
