"""Label prompts in a notebook (extra "notebook")."""
