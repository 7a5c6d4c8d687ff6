"""Label prompts and pictures in a notebook (extra "notebook")."""

from odl.notebook.finished import question, timeline
from odl.notebook.relabel import relabel
from odl.notebook.session import Running, live

__all__ = ["Running", "live", "question", "relabel", "timeline"]
