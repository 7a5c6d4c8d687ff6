"""InfoRV and DualRV with another informativeness, host-only; and all policies that the host alone has."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Final

from odl.core.config import Config
from odl.core.image import Image
from odl.core.kernels.rules import Rule
from odl.core.protocols import Decision, Scores, Window
from odl.core.running_policy import RunningPolicy
from odl.policies.informativeness import MEASURES, OpenBatch, hybrid, measure_of
from odl.policies.uncertainty import (
    ONE,
    Entropy,
    Hybrid,
    LeastConfidence,
    Margin,
    VariableUncertainty,
    inner_rows,
    leaf_shares,
)

HYBRID: Final = "hybrid"


class _OnHost(RunningPolicy):
    """A rule of the integer core that is given another informativeness; reference values, budget and
    batch are the core's, and so are its settings ``batch`` and ``step``.
    """

    rule: ClassVar[Rule]

    def __init__(self, informativeness: str) -> None:
        self.informativeness = informativeness

    def start(self, image: Image, config: Config) -> _OnHost:
        """Begin a session with budget, batch and step of ``config``."""
        super().__init__(image, replace(config, policy=self.rule.policy))
        self._inner = inner_rows(image)
        return self

    def decide(self, window: Window, scores: Scores) -> Decision:
        """Decide by the rule with this informativeness in place of the uncertainty."""
        utility = round(ONE * self._utility(window, scores))
        return super().decide(window, Scores(scores.path, scores.scores, utility))

    def _utility(self, window: Window, scores: Scores) -> float:
        if self.informativeness == "margin":
            return scores.uncertainty / ONE
        return MEASURES[self.informativeness](leaf_shares(scores, self._inner))


class InfoRVOnHost(_OnHost):
    """`odl.policies.InfoRV` with another informativeness: a window is asked about where ``u >= rv``.

    ``u`` is ``1 - p1`` (least-confidence), ``1 - (p1 - p2)`` (margin), the entropy as a share of the highest
    possible, or ``(m + d) / 2`` (hybrid): ``m`` is the margin's, ``d`` the distance to the nearest member of
    the open batch as a share of the largest such distance so far, 1 while the batch is empty. With
    margin it asks as `odl.policies.InfoRV` does.

    Parameters
    ----------
    informativeness : str
        ``least-confidence``, ``margin``, ``entropy`` or ``hybrid``.

    Raises
    ------
    ValueError
        If it is none of them.

    References
    ----------
    After M. Pavan, C. Galimberti, M. Roveri, "TActiLE: Tiny Active LEarning for wearable
    devices", IJCNN 2025, arXiv 2505.01160; docs/methods.md says what is the paper's.

    Examples
    --------
    >>> InfoRVOnHost("hybrid").informativeness
    'hybrid'
    """

    name: ClassVar[str] = "tactile-inforv-host"
    rule = Rule.INFORV

    def __init__(self, informativeness: str = "entropy") -> None:
        if informativeness != HYBRID:
            measure_of(informativeness, (*MEASURES, HYBRID))
        super().__init__(informativeness)

    def start(self, image: Image, config: Config) -> InfoRVOnHost:
        """Begin a session with budget, batch and step of ``config``."""
        super().start(image, config)
        self._batch = OpenBatch(config.batch)
        return self

    def decide(self, window: Window, scores: Scores) -> Decision:
        """Decide by the rule with this informativeness; a window that is asked about joins the batch."""
        decision = super().decide(window, scores)
        if decision.ask:
            self._batch.add(window.features, last=not self.state["n_batch"][0])
        return decision

    def _utility(self, window: Window, scores: Scores) -> float:
        if self.informativeness != HYBRID:
            return super()._utility(window, scores)
        return hybrid(scores.uncertainty / ONE, self._batch.diversity(window.features), 0.5)


class DualRVOnHost(_OnHost):
    """`odl.policies.DualRV` with another informativeness: one reference value for it, one for the distance.

    Which is the hybrid of the two, so there is none beside it. With margin it asks as `odl.policies.DualRV`
    does.

    Parameters
    ----------
    informativeness : str
        ``least-confidence``, ``margin`` or ``entropy``; see `InfoRVOnHost`.

    Raises
    ------
    ValueError
        If it is none of them.

    References
    ----------
    After M. Pavan, C. Galimberti, M. Roveri, "TActiLE: Tiny Active LEarning for wearable
    devices", IJCNN 2025, arXiv 2505.01160; docs/methods.md says what is the paper's.

    Examples
    --------
    >>> DualRVOnHost("least-confidence").informativeness
    'least-confidence'
    """

    name: ClassVar[str] = "tactile-dualrv-host"
    rule = Rule.DUALRV

    def __init__(self, informativeness: str = "entropy") -> None:
        measure_of(informativeness)
        super().__init__(informativeness)


HOST_POLICIES = {
    cls.name: cls
    for cls in (Margin, Entropy, LeastConfidence, Hybrid, VariableUncertainty, InfoRVOnHost, DualRVOnHost)
}
