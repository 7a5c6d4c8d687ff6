"""Who may import whom (docs/architecture.md), read from the source, not from a run."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ODL = ROOT / "odl"
MOST_ROOMS, MOST_LOOSE = 15, 7

# Room (a folder of odl, or a loose module in its root): the rooms that it imports, in the
# order in which the rooms stand from the ground up. A room may always import itself. Only
# `cli` may import every room; each other arrow is listed, and each listed arrow is used.
ROOMS = {
    "_text": "",
    "_kinds": "_text",
    "_files": "_kinds",
    "_extras": "",
    "core": "",
    "wire": "core",
    "model": "_kinds _files core",
    "policies": "core",
    "recording": "_kinds _files core wire",
    "labels": "_text _files core",
    "device": "_text core wire",
    "data": "_text _kinds _files _extras core wire recording",
    "evaluate": "_text _files _extras core wire model policies recording labels data",
    "study": "_text _kinds _files _extras core model data evaluate",
    "train": "core data",
    "firmware_sim": "_files core wire",
    "live": "_text _files core wire model policies recording labels device data evaluate firmware_sim",
    "notebook": "_text _extras core recording labels data evaluate live",
    "sklearn": "core model data",
    "river": "core model",
    "checks": "core data",
    "cli": "*",
    "__main__": "cli",
    "": "core policies recording labels data evaluate study checks",  # odl/__init__.py: loaded lazily
}
FLOORS = list(ROOMS)

# Third-party package: the rooms, or the modules, that may import it. numpy may be imported
# anywhere; what is neither here nor in the standard library may be imported nowhere in odl.
THIRD_PARTY = {
    "numba": "core.kernels",
    "llvmlite": "core.kernels",
    "matplotlib": "evaluate.report evaluate.result notebook.pictures study.report.curves",
    "jinja2": "evaluate.report.environment",
    "markupsafe": "evaluate.report notebook.html study.report.page",
    "platformdirs": "core.kernels",
    "pandas": "evaluate.result data.loaders.published study.compare",
    "pyarrow": "data study.store",
    "scipy": "data study.report.statistics",
    "joblib": "study.runner",
    "distributed": "study.runner",
    "skactiveml": "policies.scores_as_classifier",
    "cbor2": "data.readers",
    "h5py": "data.readers",
    "openpyxl": "data.readers",
    "charset_normalizer": "data.readers",
    "pooch": "data.loaders",
    "sklearn": "sklearn model.host_learners",
    "torch": "train",
    "ai_edge_litert": "model.tflite.check",
    "river": "river",
    "serial": "device",
    "bleak": "device.ble_port",
    "prompt_toolkit": "cli.terminal",
    "anywidget": "notebook.range_plot",
    "ipywidgets": "notebook",
    "traitlets": "notebook",
    "IPython": "notebook",
}
SLOW = sorted(THIRD_PARTY.keys() - {"platformdirs"} | {"firmware_sim"})


def name_of(path: Path) -> str:
    """``odl/core/image.py`` is ``core.image``, ``odl/core/__init__.py`` is ``core``, the root ''."""
    parts = path.relative_to(ODL).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path.read_text(encoding="utf-8") for path in sorted(ODL.rglob("*.py"))}
FIRMWARE = {
    f"firmware_sim.{path.stem}": path.read_text(encoding="utf-8")
    for path in sorted((ROOT / "firmware_sim").glob("*.py"))
}


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


def room_of(name: str) -> str:
    """The room that module ``name`` lives in."""
    return name.split(".")[0]


def under(name: str, allowed: str) -> bool:
    """Whether ``name`` is one of the ``allowed`` names or lies under one."""
    return any(name == a or name.startswith(a + ".") for a in allowed.split())


def rooms_imported(name: str, source: str, is_package: bool = False) -> list[tuple[int, str, str]]:
    """(line, imported name, its room) for each import in ``source`` of another room."""
    found = []
    for line, target in imports(name, source, is_package):
        if target.split(".")[0] == "firmware_sim":
            room = "firmware_sim"
        elif target.startswith("odl."):
            room = room_of(target[4:])
        else:
            continue
        # The package itself is there before any of its modules; its public names are not for them.
        if room not in (room_of(name), "__version__"):
            found.append((line, target, room))
    return found


def crossed(name: str, source: str, is_package: bool = False) -> list[str]:
    """One sentence for each import in ``source`` that the two tables do not allow."""
    room = room_of(name)
    if room not in ROOMS:
        return [f"odl/{name.replace('.', '/')} is in no room of ROOMS: give it one"]
    allowed = ROOMS[room].split()
    wrong = [
        f"line {line} of {name} imports {target}"
        for line, target, other in rooms_imported(name, source, is_package)
        if other not in allowed and not (allowed == ["*"] and other in ROOMS)
    ]
    for line, target in imports(name, source, is_package):
        top = target.split(".")[0]
        if room == "firmware_sim" or top in ("odl", "firmware_sim", "numpy", *sys.stdlib_module_names):
            continue
        if not under(name, THIRD_PARTY.get(top, "")):
            wrong.append(f"line {line} of {name} imports {target}")
    return wrong


@pytest.mark.parametrize("name", [*MODULES, *FIRMWARE])
def test_each_module_imports_only_rooms_that_its_own_may(name: str) -> None:
    is_package = (ODL / name.replace(".", "/")).is_dir()
    assert crossed(name, (MODULES | FIRMWARE)[name], is_package) == []


def test_no_arrow_leads_upward() -> None:
    for room, allowed in ROOMS.items():
        above = [a for a in allowed.split() if a != "*" and FLOORS.index(a) >= FLOORS.index(room)]
        assert above == [], f"{room} stands below {above}"


def test_cli_alone_may_import_every_room() -> None:
    assert [room for room, allowed in ROOMS.items() if "*" in allowed] == ["cli"]


def test_every_arrow_is_used() -> None:
    used: dict[str, set[str]] = {room: set() for room in ROOMS}
    for name, source in (MODULES | FIRMWARE).items():
        is_package = (ODL / name.replace(".", "/")).is_dir()
        used[room_of(name)] |= {room for _, _, room in rooms_imported(name, source, is_package)}
    unused = {room: set(allowed.split()) - {"*"} - used[room] for room, allowed in ROOMS.items()}
    assert {room: arrows for room, arrows in unused.items() if arrows} == {}


def test_every_third_party_line_is_used() -> None:
    used = {
        (target.split(".")[0], place)
        for name, source in MODULES.items()
        for _, target in imports(name, source)
        for place in THIRD_PARTY.get(target.split(".")[0], "").split()
        if under(name, place)
    }
    assert {(package, place) for package, places in THIRD_PARTY.items() for place in places.split()} == used


def test_the_rooms_are_few() -> None:
    folders = {path.parent.name for path in ODL.glob("*/__init__.py")}
    loose = {path.stem for path in ODL.glob("*.py")} - {"__init__"}
    assert folders | loose == set(ROOMS) - {"", "firmware_sim"}
    assert len(folders) <= MOST_ROOMS
    assert len(loose) <= MOST_LOOSE


def modules_in_a_circle(arrows: dict[str, set[str]]) -> set[str]:
    """The nodes of ``arrows`` that can reach themselves."""
    left = {name: set(targets) & arrows.keys() for name, targets in arrows.items()}
    while ends := [name for name, targets in left.items() if not targets]:
        left = {name: targets - set(ends) for name, targets in left.items() if name not in ends}
    return set(left)


def test_no_two_modules_import_each_other() -> None:
    """Not even inside a function or for their types."""
    arrows: dict[str, set[str]] = {}
    for name, source in MODULES.items():
        is_package = (ODL / name.replace(".", "/")).is_dir()
        targets = {target[4:] for _, target in imports(name, source, is_package) if target.startswith("odl.")}
        arrows[name] = targets & MODULES.keys() - {name, ""}
    assert modules_in_a_circle(arrows) == set()


def test_a_circle_is_noticed() -> None:
    assert modules_in_a_circle({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": set()}) == {"a", "b", "c"}
    assert modules_in_a_circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == set()


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("core.kernels.convolve", "from odl.wire import schema"),
        ("core.image", "from odl import wire"),
        ("core.session", "from odl.labels.oracle import Oracle"),
        ("core.loop", "from odl import replay"),
        ("core.session", "def f():\n    import torch"),
        ("core.session", "import numba"),
        ("model.dendron", "from odl.wire.framing import frame"),
        ("policies.rules", "def f():\n    from ..model import dendron"),
        ("device.board", "from odl.recording import Writer"),
        ("evaluate.report.page", "import requests"),
        ("evaluate.replay", "from firmware_sim import build"),
        ("notebook.session", "from odl.cli import main"),
        ("firmware_sim.bench", "from odl.data import load_card"),
        ("nothing_known", "import math"),
        ("", "from odl.live import open_live"),
    ],
)
def test_a_crossed_arrow_is_noticed(name: str, source: str) -> None:
    assert len(crossed(name, source)) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("core.kernels.convolve", "import odl.core.state\nimport numba\nimport numpy as np"),
        ("model.dendron", "from odl.core.image import Image\nfrom . import features"),
        ("data.streams", "import odl\nfrom odl.recording import read\nfrom odl.data import load_session"),
        ("train.net", "import torch\nfrom torch import nn"),
        ("cli.main", "from odl import evaluate, __version__"),
        ("live.verify", "from firmware_sim.host import HostMachine"),
    ],
)
def test_an_allowed_arrow_is_fine(name: str, source: str) -> None:
    assert crossed(name, source) == []


def test_the_architecture_page_has_the_same_arrows() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("<!-- arrows -->")[1].split("\n\n")[0]
    rows = [line.split("|")[1:3] for line in table.splitlines() if "`" in line]
    words = {"everything": "*", "nothing": ""}
    listed = {room.strip(" `"): may.replace("`", "").strip() for room, may in rows}
    assert {room: words.get(may, may).split() for room, may in listed.items()} == {
        room or "odl": may.split() for room, may in ROOMS.items()
    }


def test_import_odl_pulls_nothing_slow() -> None:
    code = f"import sys, odl; print(*[m for m in {SLOW!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "dill", "joblib"}
ALLOWED_OF = {"joblib": {"Parallel", "delayed", "parallel_config"}}  # not what reads or writes pickles
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}


def dangers(source: str) -> list[str]:
    """What in ``source`` would run or unpack code that came as data."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            if isinstance(node, ast.ImportFrom) and {a.name for a in node.names} <= ALLOWED_OF.get(
                node.module or "", set()
            ):
                continue
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
        "import joblib",
        "from joblib import load",
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


def error_classes(source: str) -> list[tuple[str, list[str]]]:
    """(name, bases) of each class in ``source`` that is an exception by its name."""
    return [
        (node.name, [ast.unparse(base) for base in node.bases])
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and node.name.endswith("Error") and node.name != "OdlError"
    ]


def test_every_error_is_an_odl_error() -> None:
    found = {name: bases for source in (MODULES | FIRMWARE).values() for name, bases in error_classes(source)}
    assert len(found) > 15
    assert [name for name, bases in found.items() if not {"OdlError", *found} & set(bases)] == []


def test_no_name_of_an_error_means_two_things() -> None:
    names = [name for source in (MODULES | FIRMWARE).values() for name, _ in error_classes(source)]
    assert sorted(names) == sorted(set(names))
