"""Label prompts and pictures in a notebook (extra "notebook")."""

from odl.notebook.finished import question, timeline
from odl.notebook.relabel import relabel
from odl.notebook.session import NotebookSession, live

__all__ = ["NotebookSession", "live", "question", "relabel", "timeline"]
