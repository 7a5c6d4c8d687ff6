"""The session as portable C, and boards that run it.

``core/`` holds the C; ``headers`` generates the headers that it shares with Python, ``host`` builds it
for this computer and runs it beside the Python session.
"""

from pathlib import Path

# Each board by name, with its folder: a folder of boards/ that has a linker script.
BOARDS = {path.parent.name: path.parent for path in sorted(Path(__file__).parent.glob("boards/*/link.ld"))}
DEFAULT_BOARD = "nucleo_f401re"
