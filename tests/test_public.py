"""The public face: what `import odl` offers, and what it costs."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import odl

ROOT = Path(__file__).resolve().parent.parent
EVENTS = "AddClass Dropped Gap Label Learned Prediction Query Samples Split Teach Truth Undo"


def run(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_import_odl_loads_no_other_module_of_odl_and_nothing_installed() -> None:
    code = (
        "import sys; before = set(sys.modules); import odl; new = set(sys.modules) - before;"
        "print(*sorted(m for m in new if m.split('.')[0] not in sys.stdlib_module_names))"
    )
    assert run(code) == ["odl"]


@pytest.mark.parametrize("name", odl.__all__)
def test_every_public_name_is_there_and_listed(name: str) -> None:
    assert getattr(odl, name) is not None
    assert name in dir(odl)


def test_what_is_promised_is_offered() -> None:
    promised = (
        f"replay Session Image Config Result OdlError load_model policies labels read_recording {EVENTS}"
    )
    assert set(promised.split()) <= set(odl.__all__)


def test_the_names_that_are_loaded_and_the_typed_ones_are_the_same() -> None:
    tree = ast.parse((ROOT / "odl" / "__init__.py").read_text(encoding="utf-8"))
    block = next(node for node in tree.body if isinstance(node, ast.If))
    typed = {alias.asname for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert typed == set(odl._MODULE_OF) == set(odl.__all__) - {"__version__"}


def test_the_oracle_and_the_policies_are_within_reach() -> None:
    assert odl.labels.Oracle.__module__ == "odl.labels.oracle"
    assert odl.policies.InfoRV(step=5).step == 5
    assert odl.policies.by_name("random") is odl.policies.Random


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'odl' has no attribute 'replays'"):
        odl.replays  # noqa: B018


@pytest.mark.parametrize("name", ["replay", "Session", "Image", "Config", "Result", "drive", "load_model"])
def test_every_public_function_and_class_has_an_example(name: str) -> None:
    assert ">>> " in (getattr(odl, name).__doc__ or "")
