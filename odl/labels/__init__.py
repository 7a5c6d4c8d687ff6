"""Labels: answers from truth, questions and their answers, edits."""

from odl.labels.oracle import Oracle

__all__ = ["Oracle"]
