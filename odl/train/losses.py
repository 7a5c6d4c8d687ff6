"""The loss of all tasks of a tree at once (needs torch)."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from odl.train.plan import Plan
from odl.train.tree import NO_PART, TaskTree


def multitask_loss(logits: Tensor, targets: Tensor, tree: TaskTree, plan: Plan) -> Tensor:
    """The weighted sum of the tasks' cross-entropies, mean over the batch.

    A window whose label does not fall under a task takes no part in that task's loss.

    Parameters
    ----------
    logits : float (n, rows)
    targets : int64 (n, heads)
        From `TaskTree.targets`.
    """
    total = torch.zeros(())
    for head, rows in enumerate(tree.heads):
        weight = plan.weights[head] if head < len(plan.weights) else 1.0
        total = total + weight * functional.cross_entropy(
            logits[:, rows], targets[:, head], ignore_index=NO_PART, reduction="sum",
            label_smoothing=plan.smoothing,
        )  # fmt: skip
    return total / len(targets)
