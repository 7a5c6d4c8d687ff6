"""The session as portable C, and boards that run it.

``core/`` holds the C; ``headers`` writes what it shares with Python, ``host`` builds it for
this machine and runs it beside the Python session.
"""
