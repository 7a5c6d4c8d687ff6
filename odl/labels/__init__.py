"""Labels: an oracle, questions and answers of people, edits."""

from odl.labels.oracle import Oracle

__all__ = ["Oracle"]
