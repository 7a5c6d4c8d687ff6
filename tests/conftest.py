"""What holds for every test: Hypothesis profiles, tests that need torch, and no skips on CI.

``ODL_EXAMPLES=1000`` runs Hypothesis with that many examples, drawn anew each time if that
is more than the default. ``ODL_NO_SKIPS=1`` makes a skipped test a failure.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest
from hypothesis import settings

EXAMPLES = 100
NO_SKIPS = os.environ.get("ODL_NO_SKIPS", "") not in ("", "0")
# On CI a missing torch has to be an error, not a smaller test run.
WITHOUT_TORCH = find_spec("torch") is None and not NO_SKIPS

# Marker: why the tests that bear it cannot run here.
LEFT_OUT = {}
if WITHOUT_TORCH:
    LEFT_OUT["train"] = "torch is not installed (extra 'train')"
if "ODL_HAPT" not in os.environ:  # the files may not be distributed with the project
    LEFT_OUT["hapt"] = "ODL_HAPT names no folder with UCI's HAPT files"

# They hold no doctests, and doctest stumbles over several files of one name.
collect_ignore_glob = ["*conftest.py"]

ROOT = Path(__file__).resolve().parent.parent
TORCH_FOLDERS = (ROOT / "odl" / "train", ROOT / "tests" / "train")

wanted = int(os.environ.get("ODL_EXAMPLES") or EXAMPLES)
# A first example may compile a kernel, so there is no deadline.
settings.register_profile("ci", derandomize=True, deadline=None, max_examples=min(wanted, EXAMPLES))
settings.register_profile("deep", deadline=None, max_examples=wanted, print_blob=True)
settings.load_profile("deep" if wanted > EXAMPLES else "ci")


class WithoutTorch:
    """Keeps the folders that import torch from being imported, the doctests of odl.train included."""

    @staticmethod
    def pytest_ignore_collect(collection_path: Path) -> bool | None:
        """Hook of pytest: True leaves the folder out, None has no opinion."""
        return True if collection_path in TORCH_FOLDERS else None


def pytest_configure(config: pytest.Config) -> None:
    """Register the above for the whole run; a conftest's own hooks see only their folder."""
    if WITHOUT_TORCH:
        config.pluginmanager.register(WithoutTorch(), "odl-without-torch")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of `LEFT_OUT`."""
    left_out = [item for item in items if any(item.get_closest_marker(m) for m in LEFT_OUT)]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)


def pytest_report_header() -> list[str]:
    """Say what this run leaves out."""
    return [f"odl: {why}: tests marked '{marker}' are left out" for marker, why in LEFT_OUT.items()]


def _skipped(config: pytest.Config) -> list[pytest.TestReport]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return list(reporter.stats.get("skipped", [])) if reporter else []


def pytest_sessionfinish(session: pytest.Session) -> None:
    """With ``ODL_NO_SKIPS`` a run with a skipped test fails."""
    if NO_SKIPS and session.exitstatus == pytest.ExitCode.OK and _skipped(session.config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """With ``ODL_NO_SKIPS`` name the tests that were skipped."""
    for report in _skipped(config) if NO_SKIPS else []:
        why = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        terminalreporter.write_line(f"ODL_NO_SKIPS: {report.nodeid} was skipped ({why})", red=True)


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
