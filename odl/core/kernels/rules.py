"""The registry of policies: one row per rule, from which names, numbers, the C enum, help and docs come.

A rule whose row is ``INFORV`` has its kernel ``inforv`` in ``rule_inforv.py`` and its C twin
``odl_rule_inforv`` in ``firmware_sim/core/rule_inforv.c``; both are found by that name. Numbers
are stored in recordings and sent to boards, so a number is never changed or used again.
"""

from __future__ import annotations

from enum import IntEnum


class Rule(IntEnum):
    """A rule by its number, which the kernels, the settings and the wire use.

    Attributes
    ----------
    policy : str
        The name that a person writes.
    public : str
        Name of the class in `odl.policies`.
    asks : str
        Which windows the rule asks about, for a table.
    batch : int
        Default number of questions that are learned from together.
    spends : bool
        The budget is spent to the last question; else questions that are worth nothing are saved.
    batches : int
        How many batches of questions may wait for answers; 0: as many as the model has room for.
    """

    policy: str
    public: str
    asks: str
    batch: int
    batches: int
    spends: bool

    def __new__(
        cls, number: int, policy: str, public: str, asks: str, batch: int = 1, batches: int = 0,
        spends: bool = True,
    ) -> Rule:  # fmt: skip
        row = int.__new__(cls, number)
        row._value_ = number
        row.policy, row.public, row.asks = policy, public, asks
        row.batch, row.batches, row.spends = batch, batches, spends
        return row

    NONE = 0, "none", "Never", "no window"
    INFORV = 1, "tactile-inforv", "InfoRV", "windows in which the heads are uncertain", 1, 2
    DUALRV = 2, "tactile-dualrv", "DualRV", "uncertain windows that differ from the open batch", 4, 2
    RANDOM = 3, "random", "Random", "windows drawn at random, exactly as many as the budget has"
    PERIODIC = 4, "periodic", "Periodic", "windows at equal distances"
    NOVEL_SEGMENTS = (
        5, "novel-segments", "NovelSegments", "segments unlike what was answered, once each", 1, 0, False
    )  # fmt: skip


DEFAULT = Rule.NOVEL_SEGMENTS
POLICIES = tuple(rule.policy for rule in Rule)

# For a command's help.
POLICY_HELP = f"{', '.join(POLICIES)}; default: {DEFAULT.policy}"
_OTHERS = ", ".join(f"{rule.name.lower()}: {rule.batch}" for rule in Rule if rule.batch != 1)
BATCH_HELP = f"answers learned from together; default: 1 ({_OTHERS})"
