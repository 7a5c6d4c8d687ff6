"""The training curves: loss and accuracy on held-out people by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from odl.evaluate.report.figure import write_figure
from odl.evaluate.report.style import GRID, INK, SOFT, WITH, WITHOUT


def write_curves(path: Path, curves: Mapping[str, Sequence[float]], stop: int) -> None:
    """Write an image card's ``curves`` as a picture; the suffix of ``path`` decides its format.

    Parameters
    ----------
    path : Path
        Ends in ``.svg``, ``.png`` or another format of matplotlib.
    curves : mapping
        ``steps``, ``loss`` and ``held_out_accuracy`` (0 to 1), of equal lengths.
    stop : int
        The chosen step; it is marked.

    Raises
    ------
    ModuleNotFoundError
        If matplotlib is not installed.

    Examples
    --------
    >>> import tempfile
    >>> curves = {"steps": [50, 100], "loss": [2.0, 1.0], "held_out_accuracy": [0.6, 0.8]}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_curves(Path(folder) / "curves.svg", curves, stop=100)
    ...     "</svg>" in (Path(folder) / "curves.svg").read_text()
    True
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    settings: Any = {
        "svg.hashsalt": "odl", "font.family": "DejaVu Sans", "font.size": 8, "text.color": INK,
        "axes.edgecolor": GRID, "xtick.color": SOFT, "ytick.color": SOFT, "axes.labelcolor": SOFT,
        "axes.spines.top": False, "axes.spines.right": False,
    }  # fmt: skip
    with rc_context(settings):
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        above, below = figure.subplots(2, 1, sharex=True)
        figure.suptitle(
            f"Training: step {stop} is kept, where people left out were classified best", fontsize=9
        )
        right = [100 * share for share in curves["held_out_accuracy"]]
        above.plot(curves["steps"], right, color=WITH, lw=2, clip_on=False)
        above.set_ylabel("accuracy, held-out people, %")
        above.set_ylim(min(90, 10 * (min(right) // 10)) if right else 0, 100)
        below.plot(curves["steps"], curves["loss"], color=WITHOUT, lw=2)
        below.set_ylabel("training loss")
        below.set_xlabel("step")
        for axes in (above, below):
            axes.grid(axis="y", color=GRID, lw=0.6)
            axes.axvline(stop, color=SOFT, lw=1, ls=":")
        write_figure(path, figure)
