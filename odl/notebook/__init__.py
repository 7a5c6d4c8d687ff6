"""Label prompts and pictures in a notebook (extra "notebook")."""

from odl.notebook.running import Running, live
from odl.notebook.show import question, timeline
from odl.notebook.sitting import relabel

__all__ = ["Running", "live", "question", "relabel", "timeline"]
