"""Who may import whom (docs/architecture.md), read from the source, not from a run."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ODL = Path(__file__).resolve().parent.parent / "odl"

# Module or package of odl: what of odl it may import. The longest matching line counts;
# a name stands for everything under it; a package may always import itself.
CORE = "events fixed state kernels"
ARROWS = {
    "events": "",
    "config": "",
    "chance": "",
    "private": "",
    "truth": "events",
    "fixed": "events",
    "state": "events fixed",
    "kernels": "events fixed state",
    "wire": "events fixed",
    "nn": CORE,
    "learn": CORE + " nn",
    "select": CORE + " config nn learn.protocol",
    "select.tactile": CORE + " config nn learn.protocol core",
    "core": CORE + " config nn",
    "composed": CORE + " config nn core learn.protocol select.protocol",
    "session": CORE + " config nn core composed learn.protocol select.protocol",
    "drive": "events session learn.protocol select.protocol label.protocol source.protocol",
    "label": "events chance truth wire report.text private",
    "source": "events wire config",
    "source.replay": "events wire journal data",
    "journal": "events wire private",
    "evaluate": "events truth wire",
    "report": "events evaluate private",
    "data": "events chance journal nn.image",
    "train": CORE + " nn data learn chance",
    "options": CORE + " config select.budget",
    "streams": "events config data fixed journal nn options source.replay",
    "result": "config events evaluate nn.image",
    "info": "streams data events journal nn",
    "sklearn": CORE + " chance data nn streams",
    "score": "config evaluate events nn report.text session streams truth",
    "show": "info nn",
    "ports": "events wire source",
    "follow": "events wire nn.trust drive session source label.protocol",
    "resume": "config events wire nn.image journal session",
    "redact": "events wire nn.image journal",
    "convert": "config events wire fixed nn.image data journal source.replay streams redact private",
    "relabel": "*",
    "bridge": "*",
    "notebook": "*",
    "api": "*",
    "commands": "*",
    "cli": "*",
}

# Third-party package: who may import it. numpy may be imported anywhere; what is neither
# here nor in the standard library may be imported nowhere.
THIRD_PARTY = {
    "numba": "kernels",
    "river": "learn.river evaluate",
    "matplotlib": "report notebook",
    "platformdirs": "kernels",
    "pandas": "result data",
    "pyarrow": "data",
    "pooch": "data",
    "sklearn": "sklearn",
    "torch": "train",
    "serial": "source.line ports",
    "prompt_toolkit": "label.terminal",
    "firmware_sim": "cli bridge commands",
    "ipywidgets": "notebook",
    "traitlets": "notebook",
    "IPython": "notebook",
}
SLOW = sorted(THIRD_PARTY.keys() - {"platformdirs"})


def name_of(path: Path) -> str:
    """``odl/core/image.py`` is ``nn.image``, ``odl/core/__init__.py`` is ``nn``, the root ''."""
    parts = path.relative_to(ODL).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path.read_text(encoding="utf-8") for path in sorted(ODL.rglob("*.py"))}


def imports(name: str, source: str, is_package: bool = False) -> list[tuple[int, str]]:
    """(line, dotted name) of every import in ``source``, inside functions too."""
    package = name.split(".") if is_package else name.split(".")[:-1]
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = node.module or ""
            if node.level:
                above = ["odl", *package][: 1 + len(package) - (node.level - 1)]
                origin = ".".join([*above, origin] if origin else above)
            for alias in node.names:
                whole = f"{origin}.{alias.name}"
                is_module = whole.startswith("odl.") and whole[4:] in MODULES
                found.append((node.lineno, whole if is_module or origin == "odl" else origin))
    return found


def under(name: str, allowed: str) -> bool:
    """Whether ``name`` is one of the ``allowed`` names or lies under one."""
    return any(a == "*" or name == a or name.startswith(a + ".") for a in allowed.split())


def allowed_for(name: str) -> str | None:
    """The line of ARROWS that speaks of ``name``, its own package added."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        line = ".".join(parts[:size])
        if line in ARROWS:
            return f"{ARROWS[line]} {parts[0]}"
    return None


def crossed(name: str, source: str, is_package: bool = False) -> list[str]:
    """One sentence for each import in ``source`` that the two tables do not allow."""
    allowed = "api" if name == "" else allowed_for(name)
    if allowed is None:
        return [f"odl/{name.replace('.', '/')} has no line in ARROWS: give it one"]
    wrong = []
    for line, target in imports(name, source, is_package):
        top = target.split(".")[0]
        if top == "odl":
            # The root itself is there before any of its modules; its names are api's.
            inner = target[4:]
            fine = inner in ("", "__version__") or under(inner, allowed)
        elif top in THIRD_PARTY:
            fine = under(name, THIRD_PARTY[top])
        else:
            fine = top == "numpy" or top in sys.stdlib_module_names
        if not fine:
            wrong.append(f"line {line} of odl.{name} imports {target}")
    return wrong


@pytest.mark.parametrize("name", MODULES)
def test_arrows_are_kept(name: str) -> None:
    is_package = (ODL / name.replace(".", "/")).is_dir()
    assert crossed(name, MODULES[name], is_package) == []


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("events", "import odl.core.state"),
        ("kernels.convolve", "from odl.wire import schema"),
        ("nn.image", "from odl import wire"),
        ("learn.dendron", "from odl.wire.frame import encode"),
        ("select.tactile", "def f():\n    from ..learn import dendron"),
        ("session", "from odl.labels.oracle import RecordedLabeller"),
        ("session", "from odl.data.replay_parts import Replay"),
        ("evaluate", "from odl.core.session import Session"),
        ("source.board", "from odl.recording import Writer"),
        ("drive", "from odl import replay"),
        ("report", "import requests"),
        ("session", "def f():\n    import torch"),
        ("nothing_known", "import math"),
        ("", "from odl.core.session import Session"),
    ],
)
def test_a_crossed_arrow_is_noticed(name: str, source: str) -> None:
    assert len(crossed(name, source)) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("kernels.convolve", "import odl.core.state\nimport numba\nimport numpy as np"),
        ("learn.dendron", "from odl.core.image import Image\nfrom . import protocol"),
        ("source.replay", "from odl.recording import read\nfrom odl.data import load"),
        ("data.load", "import odl\nfrom odl.core.image import Channel"),
        ("train.net", "import torch\nfrom torch import nn"),
        ("cli", "from odl import api, __version__"),
    ],
)
def test_an_allowed_arrow_is_fine(name: str, source: str) -> None:
    assert crossed(name, source) == []


def test_the_architecture_page_has_the_same_arrows() -> None:
    page = (ODL.parent / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("<!-- arrows -->")[1].split("\n\n")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if "`" in line]
    words = {"all": "*", "nothing": ""}
    listed = {part.strip(" `"): may.replace("`", "").strip() for part, may in rows}
    assert {part: words.get(may, may).split() for part, may in listed.items()} == {
        part: may.split() for part, may in ARROWS.items()
    }


def test_import_odl_pulls_nothing_slow() -> None:
    code = f"import sys, odl; print(*[m for m in {SLOW!r} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ODL.parent, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "joblib"}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


def dangers(source: str) -> list[str]:
    """What in ``source`` would run or unpack code that came as data."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [f"line {node.lineno}: {n}" for n in names if n.split(".")[0] in FORBIDDEN_MODULES]
        if not isinstance(node, ast.Call):
            continue
        function = ast.unparse(node.func)
        if function in FORBIDDEN_CALLS or function in ("os.system", "os.popen"):
            found.append(f"line {node.lineno}: {function}")
        for keyword in node.keywords:
            off = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
            if keyword.arg in ("shell", "allow_pickle") and not off:
                found.append(f"line {node.lineno}: {keyword.arg}")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_nothing_runs_code_that_came_as_data(name: str) -> None:
    assert dangers(MODULES[name]) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from marshal import loads",
        "eval(text)",
        "exec(text)",
        "subprocess.run(line, shell=True)",
        "numpy.load(path, allow_pickle=True)",
        "os.system(line)",
    ],
)
def test_a_danger_is_noticed(source: str) -> None:
    assert len(dangers(source)) == 1
