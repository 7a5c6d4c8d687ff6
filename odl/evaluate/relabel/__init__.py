"""Relabel a recording: edit its answers and run its session again with them.

The recording is never changed. Edits are appended to a file beside it, one line of JSON each. From
both, a new recording and a model are written: the same stream and the same questions with the
edited answers, each at the sample of the original answer, and the model learned from them.
"""

from odl.evaluate.relabel.edit import check_edits, store_edit
from odl.evaluate.relabel.load import load_question_history
from odl.evaluate.relabel.run import Relabelled, output_path, relabel
from odl.evaluate.relabel.schedule import ScheduledAnswer, ScheduledAnswers, ScheduledChange, schedule_answers

__all__ = [
    "Relabelled", "ScheduledAnswer", "ScheduledAnswers", "ScheduledChange", "check_edits",
    "load_question_history", "output_path", "relabel", "schedule_answers", "store_edit",
]  # fmt: skip
