"""Off-device training of extractor and heads to a model image (extra ``train``: torch)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from odl.core.image import Image
    from odl.data import Dataset
    from odl.train.unified import Plan


def train(
    dataset: Dataset,
    *,
    seed: int = 1,
    people: Sequence[int] | None = None,
    without: Sequence[str] = (),
    folds: int = 3,
    stored: int = 12,
    steps: int | None = None,
    plan: Plan | None = None,
    progress: Callable[[str], None] | None = None,
    command: str = "",
) -> Image:
    """Train extractor and all heads of a dataset's task tree at once; a model image.

    People are parted into folds. Each fold's people are tried on a model that has not seen
    them, float and int8 side by side, which also says where to stop; then one model is
    fitted on all. What came of it is in the image's ``card``.

    Parameters
    ----------
    dataset : Dataset
        From :func:`odl.data.open_dataset`.
    seed : int
        The same seed on the same torch gives the same bytes.
    people : sequence of int, optional
        Whom to train on; default: the card's "train" people that are there, else everybody.
    without : sequence of str
        Classes never shown, to be learned later on the device.
    folds : int
        Folds by person, at least 2.
    stored : int
        Feature vectors per class that the image keeps, to be replayed while learning.
    steps : int, optional
        Steps of a fit, at least 50; default: the plan's.
    plan : Plan, optional
        Sizes and augmentation; window and hop come from the card.
    progress : callable, optional
        Told in a sentence what came of each step.
    command : str
        For the card: what the user typed.

    Returns
    -------
    Image

    Raises
    ------
    ModuleNotFoundError
        Without torch.
    ValueError
        If people, classes or windows do not suffice, in one sentence that says which.

    Examples
    --------
    >>> from odl.data import open_dataset
    >>> from odl.train.unified import Plan
    >>> small = Plan(sizes=((4, 5, 2), (4, 5, 2), (4, 3, 1)), steps=50, batch=16)
    >>> image = train(open_dataset("shoulder"), people=[1, 2], folds=2, plan=small)
    >>> image.names[0], image.card["trained_on"]
    ('pendulum', [1, 2])
    """
    from odl.train.deploy import deploy

    return deploy(
        dataset, seed=seed, people=people, without=without, n_folds=folds, stored=stored, steps=steps,
        plan=plan, say=progress or (lambda sentence: None), command=command,
    )  # fmt: skip
