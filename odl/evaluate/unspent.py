"""Why questions of a budget were not asked."""

from __future__ import annotations

from collections.abc import Mapping

from odl._text import counted
from odl.core.config import Config, rule_of
from odl.core.kernels.rules import Rule

_SPENT = 0.95  # of a policy that spends its budget: a smaller share is explained


def unspent_note(config: Config, counts: Mapping[str, int], allowed: int, position: int) -> str:
    """One sentence about what is left of a session's budget; empty if that needs no words.

    Parameters
    ----------
    config : Config
    counts : mapping
        The session's counters.
    allowed : int
        Questions that the budget allowed in the whole stream.
    position : int
        Samples of the stream.

    Examples
    --------
    >>> config = Config("novel-segments", allowed=20, horizon=400)
    >>> unspent_note(config, {"queries": 13, "windows": 400, "blocked": 0}, 20, 25664)
    '7 of 20 questions were not needed: nothing seen was new enough'
    """
    asked, left = counts["queries"], allowed - counts["queries"]
    novel = rule_of(config.policy) is Rule.NOVEL_SEGMENTS
    if left <= 0 or (not novel and asked >= _SPENT * allowed):
        return ""
    why = []
    if config.period and config.in_samples and position % config.period:
        why.append("the stream ended before the period did")
    elif counts["windows"] < config.horizon:
        why.append("the session ended earlier than its budget was planned for")
    if blocked := counts["blocked"]:
        more = counted(blocked, "more window")
        why.append(f"too many questions were open when {more} would have been asked about")
    if novel and not why:
        soon = ", or it came too soon after a question" if config.every else ""
        were = "was" if left == 1 else "were"
        return f"{left} of {allowed} questions {were} not needed: nothing seen was new enough{soon}"
    own = config.policy == "none"  # a policy of the caller's own decided
    chosen = "the policy chose too few windows" if own else "too few windows were uncertain enough"
    return f"{asked} of {allowed} questions asked, because {' and '.join(why) or chosen}"
