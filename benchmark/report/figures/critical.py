"""Critical-difference diagram: mean ranks on a line, and who cannot be told apart.

Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006,
https://jmlr.org/papers/v7/demsar06a.html, Figure 1.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.figures.canvas import (
    DPI,
    footing,
    heading,
    look,
    method_styles,
    room,
    saying,
    settle,
)
from benchmark.report.rank_tests import LEVEL, RankTest

#: Of the figure, in inches.
WIDTH = 9.0
#: Heights below the axis, in lines of text: of a group's bar, and of a method's label.
_BAR, _LINE = 0.45, 1.0


def critical_figure(found: RankTest, *, title: str, order: Sequence[str]) -> Figure:
    """Best mean rank on the left; methods under one bar cannot be told apart.

    Args:
        found: What ``rank_test`` gave.
        title: Says what was ranked, and on which kind of images.
        order: Every method that the project knows; fixes the colours.
    """
    title = f"Critical difference of mean ranks, {title}"
    if found.reason:
        return saying(title, f"No diagram: {found.reason}.", *found.warnings)
    count = len(found.methods)
    lines = (count + 1) // 2
    depth = 0.8 + _BAR * len(found.groups) + _LINE * lines
    told = [*_words(found), *found.warnings]
    with look():
        size = (WIDTH, 0.2 * (depth + 3.5) + room(WIDTH, title, told))
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, title)
        axis = figure.subplots()
        axis.set_axis_off()
        axis.set_xlim(1 - 0.3 * count, count + 0.3 * count)
        axis.set_ylim(-depth, 3.2)
        _ruler(axis, count, found.critical)
        styles = method_styles(order, found.methods)
        _labels(axis, found, [styles[m] for m in found.methods])
        for level, group in enumerate(found.groups):
            ends = [found.mean_ranks[found.methods.index(m)] for m in (group[0], group[-1])]
            height = -0.45 - _BAR * level
            axis.plot(
                [ends[0] - 0.006 * count, ends[1] + 0.006 * count],
                [height, height],
                color="black",
                linewidth=3.2,
                solid_capstyle="butt",
            )
        footing(figure, *told)
        settle(figure)
    return figure


def _ruler(axis: Axes, count: int, critical: float) -> None:
    """Ranks from 1 to the number of methods, and the critical difference above them."""
    axis.plot([1, count], [0, 0], color="black", linewidth=1.0)
    for rank in range(1, count + 1):
        axis.plot([rank, rank], [0, 0.25], color="black", linewidth=1.0)
        axis.text(rank, 0.4, str(rank), ha="center", va="bottom", fontsize=8)
    end = 1 + min(critical, count * 1.25)
    axis.plot([1, end], [2.1, 2.1], color="black", linewidth=1.4)
    for edge in (1.0, end) if end == 1 + critical else (1.0,):
        axis.plot([edge, edge], [1.9, 2.3], color="black", linewidth=1.4)
    text = f"critical difference {critical:.2f} ranks"
    axis.text((1 + end) / 2, 2.35, text, ha="center", va="bottom", fontsize=8.5)


def _labels(axis: Axes, found: RankTest, styles: Sequence[tuple[str, str]]) -> None:
    """The better half on the left, the others on the right, so that no two lines cross."""
    count = len(found.methods)
    half, top = (count + 1) // 2, -0.8 - _BAR * len(found.groups)
    for place, (name, rank) in enumerate(zip(found.methods, found.mean_ranks, strict=True)):
        on_left = place < half
        line = place if on_left else count - 1 - place
        height = top - _LINE * line
        edge = 0.8 if on_left else count + 0.2
        colour, marker = styles[place]
        axis.plot([rank, rank, edge], [0, height, height], color=colour, linewidth=1.0)
        axis.plot(rank, 0, marker, color=colour, markersize=4.5, zorder=3)
        text = f"{name}  {rank:.2f}" if on_left else f"{rank:.2f}  {name}"
        x, side = (edge - 0.01 * count, "right") if on_left else (edge + 0.01 * count, "left")
        axis.text(x, height, text, ha=side, va="center", fontsize=8)


def _words(found: RankTest) -> list[str]:
    """The test in words."""
    k, n = len(found.methods), len(found.tasks)
    bars = "No two methods are joined: all mean ranks differ."
    if found.groups:
        bars = "Methods joined by a bar are not further apart than the critical difference."
    spread = float(np.ptp(found.mean_ranks))
    return [
        (
            f"{k} methods on {n} tasks. Friedman p = {found.p:.3g}. Nemenyi at {100 * LEVEL:g} %: "
            f"{found.critical:.2f} ranks between two; the largest distance is {spread:.2f}. {bars}"
        ),
        (
            "The tasks are the sample: seeds and test images play no part, and tasks that share "
            "images count as independent."
        ),
    ]
