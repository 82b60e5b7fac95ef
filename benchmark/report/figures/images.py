"""How scores are spread over test images."""

import math
from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from benchmark.report.averages import image_means
from benchmark.report.figures.canvas import (
    DPI,
    footing,
    heading,
    in_order,
    labelled,
    look,
    method_styles,
    room,
    saying,
    settle,
)
from benchmark.report.sampled import Sampled
from benchmark.report.selection import FLOOR

COLUMNS = 4
#: With more test images than this, dots would hide the boxes.
DOTS = 40
#: With fewer test images than this, quartiles say little; with fewer than the other, nothing.
FEW, BOXES = 10, 5


def images_figure(found: Sampled, *, order: Sequence[str]) -> Figure:
    """A panel a task, a box a method in the fixed order; dashed is the floor's median.

    Args:
        found: What to draw.
        order: Every method that the project knows; fixes places and colours.
    """
    board, values = found.board, image_means(found.scores)
    title = f"Test images, {board.title}"
    if not found.scores.scored().any():
        return saying(title, "No scores.")
    methods = in_order(order, {row.method for row in board.rows})
    labels = {row.method: row.label for row in board.rows}
    styles = method_styles(order, methods)
    columns = min(COLUMNS, len(board.tasks))
    rows = math.ceil(len(board.tasks) / columns)
    told = _words(found)
    width = max(6.0, 1.6 + 2.6 * columns)
    with look():
        size = (width, rows * (0.8 + 0.17 * len(methods)) + room(width, title, told))
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, title)
        axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel().tolist()
        for axis, task in zip(axes, board.tasks, strict=False):
            here = values[:, found.scores.tasks.index(task)]
            own = [_known(here[found.scores.methods.index(m)]) for m in methods]
            floor = own[methods.index(FLOOR)] if FLOOR in methods else np.empty(0)
            _panel(axis, own, [styles[m][0] for m in methods], floor)
            axis.set_title(labelled(task, board.sources))
            axis.set_xlabel(board.scale.axis)
            axis.xaxis.set_major_locator(MaxNLocator(4))
            axis.set_yticks(range(len(methods)), [labels[m] for m in methods])
            axis.set_ylim(len(methods) - 0.4, -0.6)
        for axis in axes[len(board.tasks) :]:
            axis.set_visible(False)
        footing(figure, *told)
        settle(figure)
    return figure


def _known(values: np.ndarray) -> np.ndarray:
    return np.asarray(values[np.isfinite(values)])


def _panel(
    axis: Axes, scores: Sequence[np.ndarray], colours: Sequence[str], floor: np.ndarray
) -> None:
    if len(floor):
        axis.axvline(float(np.median(floor)), color="0.25", linestyle="--", linewidth=1.0)
    for y, (own, colour) in enumerate(zip(scores, colours, strict=True)):
        if len(own) >= BOXES:
            drawn = axis.boxplot(
                own,
                positions=[y],
                orientation="horizontal",
                widths=0.6,
                showfliers=len(own) > DOTS,
                patch_artist=True,
                manage_ticks=False,
                boxprops={"facecolor": colour, "alpha": 0.35, "edgecolor": colour},
                medianprops={"color": "black", "linewidth": 1.4},
                whiskerprops={"color": colour},
                capprops={"color": colour},
                flierprops={"marker": ".", "markersize": 2, "markeredgecolor": colour},
            )
            drawn["boxes"][0].set_linewidth(0.8)
        elif len(own):
            axis.plot(np.median(own), y, "|", color="black", markersize=8, markeredgewidth=1.4)
        if len(own) <= DOTS:
            axis.plot(own, [y] * len(own), ".", color=colour, markersize=3.5)
    sns.despine(ax=axis, left=True)


def _words(found: Sampled) -> list[str]:
    several = len(found.scores.seeds) > 1
    what = "mean over the seeds" if several else "of one seed"
    counts = {n for n in found.scores.image_counts().values() if n}
    few = f" Few test images ({min(counts)}): look at the dots." if min(counts) < FEW else ""
    floor = f" Dashed: the median of {FLOOR}." if FLOOR in found.scores.methods else ""
    return [
        (
            f"Each score is of a test image, {what}; box: quartiles and median, whiskers: up to "
            f"1.5 times the box; below {BOXES} images the median only.{floor}{few}"
        ),
        "The spread is over images, not the uncertainty of a mean: methods see the same images.",
    ]
