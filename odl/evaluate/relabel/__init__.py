"""Answers after the fact: a recording's label log, edits to it, and the session once more with them.

The recording is never written to. Edits lie in a log of their own beside it, one line of JSON each,
that only grows. From the two a new recording comes: the same stream and the same questions, each
answered as the edits say, at the moment at which it was answered then; and the model that has
learned from those answers.
"""

from odl.evaluate.relabel.answers import Due, Given, answers_due
from odl.evaluate.relabel.edit import check_edits, keep_edit
from odl.evaluate.relabel.log import found_in, history_of, tree_of_image
from odl.evaluate.relabel.run import Relabelled, place_for, relabel

__all__ = [
    "Due", "Given", "Relabelled", "answers_due", "check_edits", "found_in", "history_of", "keep_edit",
    "place_for", "relabel", "tree_of_image",
]  # fmt: skip
