"""The README's program runs as it stands; `.ci/newcomer.py` walks the rest."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")


def test_an_own_policy_is_compared_with_random_in_15_lines(capsys: pytest.CaptureFixture[str]) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len([line for line in program.splitlines() if line.strip()]) <= 15
    exec(compile(program, "README.md", "exec"), {"__name__": "readme"})  # noqa: S102
    rows = capsys.readouterr().out.splitlines()
    assert {"random", "Unlike"} <= {row.split()[0] for row in rows if row.strip()}
