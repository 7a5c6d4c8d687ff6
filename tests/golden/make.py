"""Write shoulder_features.npz anew: ``python tests/golden/make.py``, after training only."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from odl.core.fixed_point import input_scaling
from odl.core.image import Image
from odl.data import load_card, load_series, model_bytes
from odl.train.quantise import features, scale_raw


def main() -> None:
    """Write the file."""
    image = Image.from_bytes(model_bytes("shoulder"))
    scaling = input_scaling(
        [(c.name, c.unit, c.scale) for c in load_card("shoulder").channels],
        [(c.name, c.unit, c.scale) for c in image.channels],
    )
    # One window of every exercise by a person the model has never seen, and the ends of the range.
    raw = [
        next(s for s in load_series("shoulder") if (s.subject, s.cls) == ("7", cls)).block[
            300 : 300 + image.window
        ]
        for cls in range(7)
    ]
    shape = (image.window, len(image.channels))
    rng = np.random.default_rng(1)
    raw += [np.zeros(shape, np.int16), rng.choice([-32768, 32767], shape).astype(np.int16)]
    raw += [np.full(shape, value, np.int16) for value in (-32768, 32767)]
    np.savez_compressed(
        Path(__file__).with_name("shoulder_features.npz"),
        checksum=np.array(image.checksum, np.uint32),
        raw=np.array(raw, np.int16),
        features=features(image.layers, scale_raw(np.array(raw), scaling)),
    )


if __name__ == "__main__":
    main()
