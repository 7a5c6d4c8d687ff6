"""Label prompts and pictures in a notebook (extra "notebook")."""

from odl.notebook.live import Running, live

__all__ = ["Running", "live"]
