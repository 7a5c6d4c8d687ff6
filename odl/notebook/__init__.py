"""Label prompts and pictures in a notebook (extra "notebook")."""

from odl.notebook.live import Running, live
from odl.notebook.show import question, timeline

__all__ = ["Running", "live", "question", "timeline"]
