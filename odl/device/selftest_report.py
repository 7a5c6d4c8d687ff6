"""The report of a self-test, which holds nothing about whoever ran it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

PASSED: Final = "passed"
FAILED: Final = "failed"
LEFT_OUT: Final = "left out"


@dataclass
class StepResult:
    """What a step found.

    Attributes
    ----------
    name : one of ``STEPS``.
    outcome : "passed", "failed" or "left out".
    detail : a sentence.
    figures : counts, hashes, and milliseconds by this machine's clock, the line included.
    """

    name: str
    outcome: str
    detail: str
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass
class SelfTestReport:
    """A tested board.

    Attributes
    ----------
    board : what the board says of itself.
    machine : Python, system and kind of line; no names.
    steps : in the order of ``STEPS``.
    """

    board: dict[str, Any]
    machine: dict[str, str]
    steps: list[StepResult]

    @property
    def passed(self) -> bool:
        """True if no step failed."""
        return all(step.outcome != FAILED for step in self.steps)

    def facts(self) -> dict[str, Any]:
        """Plain values for JSON."""
        steps = [vars(step) for step in self.steps]
        return {"passed": self.passed, "board": self.board, "machine": self.machine, "steps": steps}

    def as_text(self) -> str:
        """A line for each step.

        >>> step = StepResult("greeting", "passed", "it answered")
        >>> print(SelfTestReport({"name": "wrist", "firmware": "odl 1"}, {}, [step]).as_text())
        wrist, firmware odl 1
        passed    greeting: it answered
        """
        rows = [f"{self.board.get('name')}, firmware {self.board.get('firmware')}"]
        return "\n".join([*rows, *(f"{s.outcome:<9} {s.name}: {s.detail}" for s in self.steps)])
