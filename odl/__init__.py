"""Learning on the device: replay a stream, ask for few labels, learn as it goes.

The names of this package are loaded when they are first used.

Examples
--------
>>> import odl
>>> result = odl.replay("shoulder", budget=5, subjects=["7"])
>>> result.queries["outcome"].value_counts().to_dict()
{'answered': 5}
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from odl import checks as checks
    from odl import labels as labels
    from odl import policies as policies
    from odl.core.config import Config as Config
    from odl.core.errors import OdlError as OdlError
    from odl.core.events import AddClass as AddClass
    from odl.core.events import Dropped as Dropped
    from odl.core.events import Gap as Gap
    from odl.core.events import Label as Label
    from odl.core.events import Learned as Learned
    from odl.core.events import Prediction as Prediction
    from odl.core.events import Query as Query
    from odl.core.events import Samples as Samples
    from odl.core.events import Split as Split
    from odl.core.events import Teach as Teach
    from odl.core.events import Truth as Truth
    from odl.core.events import Undo as Undo
    from odl.core.image import Image as Image
    from odl.core.loop import drive as drive
    from odl.core.protocols import Scores as Scores
    from odl.core.protocols import Window as Window
    from odl.core.session import Session as Session
    from odl.data.streams import load_model as load_model
    from odl.evaluate.replay import replay as replay
    from odl.evaluate.result import Result as Result
    from odl.recording import read as read_recording
    from odl.study.compare import compare as compare

__version__ = "0.1.0"

_MODULES = {
    "odl.checks": "checks",
    "odl.core.config": "Config",
    "odl.core.errors": "OdlError",
    "odl.core.events": "AddClass Dropped Gap Label Learned Prediction Query Samples Split Teach Truth Undo",
    "odl.core.image": "Image",
    "odl.core.loop": "drive",
    "odl.core.protocols": "Scores Window",
    "odl.core.session": "Session",
    "odl.data.streams": "load_model",
    "odl.evaluate.replay": "replay",
    "odl.evaluate.result": "Result",
    "odl.labels": "labels",
    "odl.policies": "policies",
    "odl.recording": "read_recording",
    "odl.study.compare": "compare",
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names.split()}

__all__ = [
    "AddClass", "Config", "Dropped", "Gap", "Image", "Label", "Learned", "OdlError", "Prediction", "Query",
    "Result", "Samples", "Scores", "Session", "Split", "Teach", "Truth", "Undo", "Window", "__version__",
    "checks", "compare", "drive", "labels", "load_model", "policies", "read_recording", "replay",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'odl' has no attribute '{name}'")
    module = import_module(_MODULE_OF[name])
    if module.__name__ == f"odl.{name}":
        return module
    value = getattr(module, "read" if name == "read_recording" else name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
