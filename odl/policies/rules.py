"""The policies of the integer core, a class for each rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from odl.core.kernels.rules import Rule
from odl.core.rule_policy import RulePolicy

__all__ = ["DualRV", "InfoRV", "Never", "NovelSegments", "Periodic", "Random"]


@dataclass(frozen=True, kw_only=True)
class Never(RulePolicy):
    """Asks about no window.

    Examples
    --------
    >>> Never().name
    'none'
    """

    rule: ClassVar[Rule] = Rule.NONE


@dataclass(frozen=True, kw_only=True)
class InfoRV(RulePolicy):
    """Asks about windows in which the heads are uncertain.

    The uncertainty is ``u = 1 - (p1 - p2)`` over the leaves, in Q15. A window is asked about
    where ``u >= rv``. The reference value ``rv`` follows the stream as its ``1 - rate`` quantile,
    where ``rate`` is the number of questions left over the number of windows left::

        rv += 2**-step * ([u > rv] - rate)

    The first 16 windows only set ``rv``. A window with ``u`` = 0 is asked about only when the
    questions left are as many as the windows left. At most two batches wait for answers.

    Parameters
    ----------
    batch : int
        Questions that are learned from together, 1 to 255.
    step : int
        The reference value moves by ``2**-step`` of the full range, 1 to 16.

    Raises
    ------
    ConfigError
        If a setting lies outside its range.

    References
    ----------
    After M. Pavan, C. Galimberti, M. Roveri, "TActiLE: Tiny Active LEarning for wearable
    devices", IJCNN 2025, arXiv 2505.01160; docs/methods.md says what is the paper's.

    Examples
    --------
    >>> from odl.core.config import Config
    >>> from odl.core.image import Image
    >>> from odl.core.protocols import Scores, Window
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> policy = InfoRV().start(image, Config(allowed=1, period=32))
    >>> doubts = [100] * 16 + [32768]  # Q15, a window each
    >>> [w for w, u in enumerate(doubts)
    ...  if policy.decide(Window(64 * w, 64 * w + 128, image.stored[0], None), Scores((), (), u)).ask]
    [16]
    """

    rule: ClassVar[Rule] = Rule.INFORV
    batch: int = Rule.INFORV.batch
    step: int = 4


@dataclass(frozen=True, kw_only=True)
class DualRV(RulePolicy):
    """Asks about uncertain windows that differ from the open batch.

    A window is asked about where its uncertainty ``u`` (see `InfoRV`) reaches one reference value
    and its diversity ``d`` another. ``d`` is the distance to the nearest member of the open batch:
    the mean absolute difference of features as a fraction of the largest possible one, in Q15.
    Each reference value is a quantile for the rate ``sqrt(rate)``, so that both together come to
    about ``rate``. The first member of a batch needs ``u`` alone; the first distance after it only
    sets the reference for ``d``. At most two batches wait for answers.

    Parameters
    ----------
    batch : int
        Questions that are learned from together, 1 to 255. A batch of 1 has no diversity.
    step : int
        The reference values move by ``2**-step`` of the full range, 1 to 16.

    Raises
    ------
    ConfigError
        If a setting lies outside its range.

    References
    ----------
    After M. Pavan, C. Galimberti, M. Roveri, "TActiLE: Tiny Active LEarning for wearable
    devices", IJCNN 2025, arXiv 2505.01160; docs/methods.md says what is the paper's.

    Examples
    --------
    >>> DualRV(batch=8).settings
    {'batch': 8, 'step': 4}
    """

    rule: ClassVar[Rule] = Rule.DUALRV
    batch: int = Rule.DUALRV.batch
    step: int = 4


@dataclass(frozen=True, kw_only=True)
class Random(RulePolicy):
    """Asks about windows drawn at random, exactly as many as the budget has questions.

    A window is drawn with the chance ``questions left / windows left`` (selection sampling), so
    that every choice of windows is equally likely and the budget is spent to the question. The
    seed is the session's.

    Parameters
    ----------
    batch : int
        Questions that are learned from together, 1 to 255.

    Raises
    ------
    ConfigError
        If a setting lies outside its range.

    References
    ----------
    D. E. Knuth, "The Art of Computer Programming", volume 2, 3.4.2, algorithm S.

    Examples
    --------
    >>> from odl.core.config import Config
    >>> Random(batch=2).configured(Config(allowed=12, period=600)).policy
    'random'
    """

    rule: ClassVar[Rule] = Rule.RANDOM
    batch: int = Rule.RANDOM.batch


@dataclass(frozen=True, kw_only=True)
class Periodic(RulePolicy):
    """Asks at equal distances.

    Question ``k`` of ``n`` comes at the middle of the k-th of ``n`` equal parts of the budget's
    period. Of ``total`` windows, the one after ``passed`` others is asked about where fewer than
    ``floor((2 * passed + 1) * n / (2 * total) + 1/2)`` questions have been issued.

    Parameters
    ----------
    batch : int
        Questions that are learned from together, 1 to 255.

    Raises
    ------
    ConfigError
        If a setting lies outside its range.

    Examples
    --------
    >>> from odl.core.config import Config
    >>> from odl.core.image import Image
    >>> from odl.core.protocols import Scores, Window
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> policy = Periodic().start(image, Config(allowed=1, period=4))
    >>> [w for w in range(8)
    ...  if policy.decide(Window(64 * w, 64 * w + 128, image.stored[0], None), Scores((), (), 0)).ask]
    [2, 6]
    """

    rule: ClassVar[Rule] = Rule.PERIODIC
    batch: int = Rule.PERIODIC.batch


@dataclass(frozen=True, kw_only=True)
class NovelSegments(RulePolicy):
    """Asks once about each segment that is unlike what was answered, where the heads doubt.

    A segment is a stretch in which the features stay near their mean. It is given a score in its 6th,
    22nd, 38th, ... window, until it has been asked about::

        score = novelty * (0.1 + mean doubt of its windows)

    Novelty is the distance of the segment's mean to the nearest that was answered or is being asked
    about (0.2 before the first), doubt is ``1 - (p1 - p2)`` over the leaves as they are shown. A question
    comes where the score is among the highest of the last 64, so many of them as the budget allows for
    what is left of the period, at twice that rate at first, and at least ``floor``. So a
    question comes when a person can answer it, and not twice; where nothing is worth asking, the budget
    is not spent.

    Parameters
    ----------
    batch : int
        Questions that are learned from together, 1 to 255.
    floor : int
        The lowest score (Q15, 0 to 65535) for which a question comes.

    Raises
    ------
    ConfigError
        If a setting lies outside its range.

    References
    ----------
    This project's own; docs/methods.md says what it was measured against.

    Examples
    --------
    >>> from odl.core.config import Config
    >>> from odl.core.image import Image
    >>> from odl.core.protocols import Scores, Window
    >>> from odl.data import model_bytes
    >>> image = Image.from_bytes(model_bytes("shoulder"))
    >>> policy = NovelSegments().start(image, Config(allowed=20, period=100))
    >>> unlike = [image.stored[w // 8 * 50] for w in range(16)]
    >>> [w for w, x in enumerate(unlike)
    ...  if policy.decide(Window(64 * w, 64 * w + 128, x, None), Scores((), (), 9999)).ask]
    [5, 13]
    """

    rule: ClassVar[Rule] = Rule.NOVEL_SEGMENTS
    batch: int = Rule.NOVEL_SEGMENTS.batch
    floor: int = 60
