"""Write the goldens anew: ``python -m tests.golden.make features``, or ``sessions``.

``features`` writes shoulder_features.npz, after training only. ``sessions`` writes image, recording and
hashes of the release (`tests.golden.sessions.FOLDER`); the head of that file says when.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import numpy as np

from odl.core.fixed_point import input_scaling
from odl.core.image import Image
from odl.data import load_card, load_series, model_bytes
from odl.train.quantise import features, scale_raw
from tests.golden import sessions


def write_features() -> None:
    """Write windows and their features."""
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


def write_sessions() -> None:
    """Write the bundled image, a recording, and the hashes of all sessions."""
    sessions.FOLDER.mkdir(exist_ok=True)
    sessions.IMAGE.write_bytes(model_bytes("shoulder"))
    ran = sessions.short()
    sessions.write(sessions.RECORDING, ran)
    sessions.RECORDING.chmod(0o644)
    found = {
        "image": hashlib.sha256(sessions.IMAGE.read_bytes()).hexdigest(),
        "recording": {
            "file": hashlib.sha256(sessions.RECORDING.read_bytes()).hexdigest(), **ran.summary()
        },
        "sessions": {name: sessions.run(golden).summary() for name, golden in sessions.SESSIONS.items()},
    }  # fmt: skip
    sessions.HASHES.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    {"features": write_features, "sessions": write_sessions}[sys.argv[1]]()
