"""Answers given after the fact: edits of a recording's labels, and learning again from them."""
