"""The command ``odl``: a file for each group of commands."""
