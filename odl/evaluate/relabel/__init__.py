"""Answers after the fact: a recording's label log, edits to it, and the session once more with them.

The recording is never written to. Edits lie in a log of their own beside it, one line of JSON each,
that only grows. From the two a new recording comes: the same stream and the same questions, each
answered as the edits say, at the moment at which it was answered then; and the model that has
learned from those answers.
"""

from odl.evaluate.relabel.edit import check_edits, store_edit
from odl.evaluate.relabel.load import load_question_history
from odl.evaluate.relabel.run import Relabelled, output_path, relabel
from odl.evaluate.relabel.schedule import ScheduledAnswer, ScheduledAnswers, schedule_answers

__all__ = [
    "Relabelled", "ScheduledAnswer", "ScheduledAnswers", "check_edits", "load_question_history",
    "output_path", "relabel", "schedule_answers", "store_edit",
]  # fmt: skip
