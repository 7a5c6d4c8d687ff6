"""Run the frozen extractor on separate windows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from odl.core.arrays import memory_of, net_of
from odl.core.fixed_point import Scaling
from odl.core.image import Image
from odl.core.kernels.extract import extract_windows


def features_of(
    image: Image, windows: NDArray[np.int16], scaling: Scaling | None = None
) -> NDArray[np.uint8]:
    """Features of each window, computed with the kernels of a session.

    Parameters
    ----------
    image : Image
    windows : int16 (n, window, channels)
        Raw counts; without ``scaling`` the int8 input of the image.
    scaling : Scaling, optional
        From counts to the image's input (see `odl.core.fixed_point.input_scaling`).

    Returns
    -------
    uint8 (n, features)

    Examples
    --------
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> features_of(image, np.zeros((2, 128, 6), np.int16)).shape
    (2, 192)
    """
    wanted = (image.window, len(image.channels))
    if windows.shape[1:] != wanted:
        raise ValueError(f"windows of shape {windows.shape[1:]}; the model wants {wanted}")
    block = memory_of(image, net_of(image, scaling)).block
    made = np.empty((len(windows), image.features), np.uint8)
    extract_windows(block, np.ascontiguousarray(windows, np.int16).reshape(-1), made.reshape(-1))
    return made
