"""A model image's tree as a picture, with the accuracy at each class and group."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from odl._text import clean, percent
from odl.core.image import Image
from odl.evaluate.describe_image import node_accuracy
from odl.evaluate.report.figure import write_figure
from odl.evaluate.report.style import CARD, GRID, INK, SOFT, WITH


def write_tree(path: Path, image: Image) -> None:
    """Draw the tree from left to right; a bar beside a class is its accuracy on people held out of training.

    Parameters
    ----------
    path : Path
        Ends in ``.svg``, ``.png`` or another format of matplotlib; an existing file is replaced.
    image : Image

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.
    ValueError
        If the name has no ending, or matplotlib does not know the format.

    Examples
    --------
    >>> import tempfile
    >>> from odl.data.streams import load_model
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_tree(Path(folder) / "tree.svg", load_model("shoulder"))
    ...     "</svg>" in (Path(folder) / "tree.svg").read_text()
    True
    """
    if not path.suffix:  # matplotlib would add one
        raise ValueError(f"{path}: a picture needs a name that ends in .svg or .png")
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    nodes = _nodes(image, 0, 1)
    rows = len(nodes) + 1
    settings: Any = {"svg.hashsalt": "odl", "font.family": "DejaVu Sans", "font.size": 9, "text.color": INK}
    with rc_context(settings):
        figure = Figure(figsize=(7.0, 0.3 * rows + 0.5), layout="constrained", facecolor=CARD)
        axes = figure.subplots()
        axes.set_axis_off()
        axes.set(xlim=(0, 10), ylim=(rows - 0.4, -0.6))
        axes.text(0.0, 0, "root task", va="center", weight="bold", parse_math=False)
        shares = node_accuracy(image)
        if shares:
            axes.text(6.2, 0, "accuracy, people held out of training", va="center", color=SOFT, size=8)
        for row, (depth, above, name) in enumerate(nodes, 1):
            x = 0.2 + 0.5 * (depth - 1)
            axes.plot([x, x, x + 0.3], [above + 0.35, row, row], color=SOFT, lw=1)
            inner = any(line == row for _, line, _ in nodes)
            weight = "bold" if inner else "normal"
            axes.text(x + 0.4, row, clean(name), va="center", weight=weight, parse_math=False)
            if name in shares:
                axes.barh(row, 2.6, left=6.2, height=0.45, color=GRID)
                axes.barh(row, 2.6 * shares[name], left=6.2, height=0.45, color=WITH)
                axes.text(9.0, row, percent(shares[name], 1), va="center")
        write_figure(path, figure)


def _nodes(image: Image, head: int, row: int) -> list[tuple[int, int, str]]:
    """(depth, row of the parent, name) of each class of the task ``head`` and below it, from ``row`` on."""
    nodes: list[tuple[int, int, str]] = []
    for cls in image.row_class[image.row_head == head].tolist():
        nodes.append((1, row - 1, image.names[cls]))
        own = row + len(nodes) - 1
        for below in [h for h, parent in enumerate(image.parents.tolist()) if h and parent == cls]:
            nodes += [(depth + 1, above, name) for depth, above, name in _nodes(image, below, own + 1)]
    return nodes
