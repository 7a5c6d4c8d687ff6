"""The frozen extractor as a scikit-learn transformer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_array, check_is_fitted

from odl.core.fixed_point import Scaling, input_scaling
from odl.core.image import Image
from odl.data import DataError, load_card
from odl.data.streams import load_model
from odl.model.features import features_of


class Extractor(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    """Convert raw windows to the uint8 features of a model image, with its integer kernels.

    The extractor is frozen: `fit` learns nothing. The image sets the width of ``X``, so scikit-learn's
    generic estimator checks do not apply.

    Parameters
    ----------
    model : str, path or Image
        An ``.odlm`` file, the name of a dataset that has an image, or an image.
    scale : float or sequence of float, optional
        For integer ``X``: the value of one count in the image's units, for all channels or for each.
        Default: from the card of the image's dataset.

    Examples
    --------
    >>> windows = np.zeros((3, 128, 6))
    >>> Extractor("shoulder").fit_transform(windows).shape
    (3, 192)
    """

    def __init__(
        self, model: str | Path | Image = "shoulder", scale: float | Sequence[float] | None = None
    ) -> None:
        self.model = model
        self.scale = scale

    def fit(self, X: ArrayLike, y: object = None) -> Self:
        """Load the image and check that ``X`` has its shape; ``y`` is ignored."""
        self.image_ = self.model if isinstance(self.model, Image) else load_model(self.model)
        self.n_features_in_ = self.image_.window * len(self.image_.channels)
        self._windows(X)
        return self

    def transform(self, X: ArrayLike) -> NDArray[np.uint8]:
        """Features (n, features) of windows.

        Parameters
        ----------
        X : (n, window * channels) or (n, window, channels)
            Integers are raw counts (int16), floats are in the image's units.

        Raises
        ------
        ValueError
            For another shape, counts beyond int16, or counts of unknown scale.
        """
        check_is_fitted(self)
        windows = self._windows(X)
        if np.issubdtype(windows.dtype, np.integer):
            if windows.size and (windows.min() < -(2**15) or windows.max() >= 2**15):
                raise ValueError("counts are int16, but X goes beyond; give floats in the image's units")
            return features_of(self.image_, windows.astype(np.int16), self._scaling())
        steps = np.array([channel.scale for channel in self.image_.channels])
        inputs = np.clip(np.floor(windows / steps + 0.5) + np.array(self.image_.zeros), -128, 127)
        return features_of(self.image_, inputs.astype(np.int16))

    @property
    def _n_features_out(self) -> int:
        return int(self.image_.features)

    def _windows(self, X: ArrayLike) -> NDArray[Any]:
        windows: NDArray[Any] = check_array(X, dtype="numeric", allow_nd=True)
        window, channels = self.image_.window, len(self.image_.channels)
        if windows.ndim > 3 or windows.shape[1:] not in ((window * channels,), (window, channels)):
            raise ValueError(
                f"X has windows of shape {windows.shape[1:]}, but the model wants {(window, channels)} "
                f"or {window * channels} features"
            )
        return windows.reshape(-1, window, channels)

    def _scaling(self) -> Scaling:
        wanted = [(c.name, c.unit, c.scale) for c in self.image_.channels]
        if self.scale is not None:
            each = np.broadcast_to(np.asarray(self.scale, float), (len(wanted),)).tolist()
            source = [(name, unit, s) for (name, unit, _), s in zip(wanted, each, strict=True)]
            return input_scaling(source, wanted, self.image_.zeros)
        try:
            known = load_card(str(self.image_.card.get("dataset")))
        except DataError:
            raise ValueError(
                "X holds counts of unknown scale, because the card of the model's dataset is not here: "
                "give Extractor a scale, or X as floats in the model's units"
            ) from None
        known_channels = [(c.name, c.unit, c.scale) for c in known.channels]
        return input_scaling(known_channels, wanted, self.image_.zeros)
