"""What holds for every test: Hypothesis profiles, data and tools that may be missing, no skips on CI.

``ODL_EXAMPLES=1000`` runs Hypothesis with that many examples, drawn anew each time if that
is more than the default. ``ODL_NO_SKIPS=1`` makes a skipped test a failure, except where
UCI's HAPT files are missing, which may not be distributed with the project, or the processor for a test.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

EXAMPLES = 100
NO_SKIPS = os.environ.get("ODL_NO_SKIPS", "") not in ("", "0")

# They hold no doctests, and doctest stumbles over several files of one name.
collect_ignore_glob = ["*conftest.py"]

ROOT = Path(__file__).resolve().parent.parent
BESIDE = ROOT.parent / "shared" / "datasets" / "hapt"  # where the files stand beside the project
if "ODL_HAPT" not in os.environ and BESIDE.is_dir():
    os.environ["ODL_HAPT"] = str(BESIDE)
OTHER_PROCESSOR = "this machine cannot run the tier"  # a processor is no tool that could be installed
NO_JIT = "without JIT the plain tier runs alone"  # the run with JIT has these tests
NO_HAPT = "UCI's HAPT files are not here; ODL_HAPT=DIR names their folder"
NO_TORCH = "torch is not installed (extra 'train')"
WITHOUT_TORCH = find_spec("torch") is None
NO_PEERS = "LiteRT and scikit-activeml are not installed (extra 'peers')"
WITHOUT_PEERS = find_spec("ai_edge_litert") is None or find_spec("skactiveml") is None

wanted = int(os.environ.get("ODL_EXAMPLES") or EXAMPLES)
# A first example may compile a kernel, so there is no deadline.
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=min(wanted, EXAMPLES))
settings.register_profile("deep", deadline=None, max_examples=wanted, print_blob=True)
settings.load_profile("deep" if wanted > EXAMPLES else "ci")


class SkippedFile(pytest.File):
    """A test file that cannot be imported here: one visible skip stands for it."""

    def collect(self) -> Iterator[pytest.Item]:
        """The one item."""
        yield SkippedItem.from_parent(self, name=NO_TORCH)


class SkippedItem(pytest.Item):
    """Skips with its name as the reason."""

    def runtest(self) -> None:
        """Skip."""
        pytest.skip(self.name)


class WithoutTorch:
    """Keeps what imports torch from being imported: its tests are skipped, doctests left out."""

    @staticmethod
    def pytest_ignore_collect(collection_path: Path) -> bool | None:
        """Hook of pytest: True leaves the folder out, None has no opinion."""
        return True if collection_path == ROOT / "odl" / "train" else None

    @staticmethod
    @pytest.hookimpl(wrapper=True)
    def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Iterator[None]:
        """Hook of pytest: replace a file that is marked as a whole by a skip."""
        files = yield
        if files and "\npytestmark = pytest.mark.train\n" in file_path.read_text(encoding="utf-8"):
            return [SkippedFile.from_parent(parent, path=file_path)]
        return files


def pytest_configure(config: pytest.Config) -> None:
    """Register the above for the whole run; a conftest's own hooks see only their folder."""
    if WITHOUT_TORCH:
        config.pluginmanager.register(WithoutTorch(), "odl-without-torch")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests on UCI's files, and on torch, where these are missing."""
    missing = {"hapt": NO_HAPT} if "ODL_HAPT" not in os.environ else {}
    missing |= {"train": NO_TORCH} if WITHOUT_TORCH else {}
    missing |= {"peers": NO_PEERS} if WITHOUT_PEERS else {}
    for item in items:
        for marker, reason in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=reason))


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what this run leaves out."""
    chosen = config.getoption("markexpr")
    left_out = [name for name in ("slow", "browser") if f"not {name}" in chosen]
    return (
        [f"odl: tests marked {' or '.join(left_out)} are left out; make test-all runs them"]
        if left_out
        else []
    )


def _skipped(config: pytest.Config) -> list[tuple[str, str]]:
    """(test, reason) of the skipped tests that ``ODL_NO_SKIPS`` forbids."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    reports = reporter.stats.get("skipped", []) if reporter else []
    reasons = [r.longrepr[-1] if isinstance(r.longrepr, tuple) else str(r.longrepr) for r in reports]
    allowed = (NO_HAPT, OTHER_PROCESSOR, NO_JIT)
    return [
        (r.nodeid, why)
        for r, why in zip(reports, reasons, strict=True)
        if not any(reason in why for reason in allowed)
    ]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With ``ODL_NO_SKIPS`` a run with a skipped test fails."""
    if NO_SKIPS and session.exitstatus == pytest.ExitCode.OK and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """With ``ODL_NO_SKIPS`` name the tests that were skipped."""
    for test, why in _skipped(config) if NO_SKIPS else []:
        terminalreporter.write_line(f"ODL_NO_SKIPS: {test} was skipped ({why})", red=True)


@pytest.fixture(autouse=True)
def _no_still_working(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a command prints while it is slow would depend on this machine."""
    monkeypatch.setattr("odl.cli.still_working.SILENT", float("inf"))


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout's folder."""
    return ROOT


@pytest.fixture(scope="session")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recording of a real person: predictions, questions, answers, two new classes and 13 seams."""
    import odl

    file = odl.replay("shoulder", subjects=[7], out=tmp_path_factory.mktemp("walk")).outcomes[0].file
    assert file is not None
    return file
