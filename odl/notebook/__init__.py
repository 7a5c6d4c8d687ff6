"""Label prompts and pictures in a notebook (extra "notebook")."""

from odl.notebook.finished import question, timeline
from odl.notebook.mark import mark
from odl.notebook.relabel import relabel
from odl.notebook.session import NotebookSession, live

__all__ = ["NotebookSession", "live", "mark", "question", "relabel", "timeline"]
