"""Studies: many sessions compared over people, policies, learners, budgets and seeds."""

from odl.study.description import Study, StudyError
from odl.study.runner import run_study

__all__ = ["Study", "StudyError", "run_study"]
