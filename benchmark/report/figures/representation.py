"""Measures of the representation against scores."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.averages import averages
from benchmark.report.correlation import EXACT, PERMUTATIONS, Correlation, rank_correlation
from benchmark.report.estimate import Estimate
from benchmark.report.figures.canvas import (
    DPI,
    footing,
    handles,
    heading,
    legend_beside,
    look,
    method_styles,
    room,
    saying,
    settle,
)
from benchmark.report.sampled import Sampled

#: Of the figure, in inches.
WIDTH = 11.5
#: What is measured, and how it is read.
MEASURES = {
    "effective rank": "effective rank (larger: more dimensions)",
    "alignment": "alignment (smaller: views closer)",
    "uniformity": "uniformity (smaller: more even)",
}


def representation_figure(
    found: Sampled,
    measured: Mapping[str, Mapping[str, float]],
    *,
    order: Sequence[str],
    seed: int,
) -> Figure:
    """A panel a measure: each method's mean over tasks against it, with the rank correlation.

    Args:
        found: Scores of a stage.
        measured: By method, the measures in ``MEASURES``, averaged over tasks and seeds; a method
            without one, or with NaN, is left out of its panel.
        order: Every method that the project knows; fixes the colours.
        seed: Of the permutation test.
    """
    board = found.board
    title = f"Representation and {board.scale.title}, {board.title}"
    means = averages(found.scores, found.sample).estimates()
    points = {
        name: {m: v for m, v in _column(measured, name).items() if m in means} for name in MEASURES
    }
    drawn = {m for column in points.values() for m in column}
    if not drawn:
        return saying(title, "No method has both every cell and a measured representation.")
    names = [row.method for row in board.rows if row.method in drawn]
    styles = method_styles(order, names)
    left_out = [row.label for row in board.rows if row.method not in drawn]
    told = _words(left_out, found.board.spread)
    with look():
        size = (WIDTH, max(3.2, 0.9 + 0.18 * len(names)) + room(WIDTH, title, told))
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, title)
        axes = figure.subplots(1, len(MEASURES), sharey=True)
        for axis, (name, column) in zip(axes, points.items(), strict=True):
            _panel(axis, column, means, styles)
            axis.set_xlabel(MEASURES[name])
            axis.set_title(_told(_correlation(column, means, seed)), fontsize=8.5)
        axes[0].set_ylabel(f"{board.scale.axis}, mean over tasks")
        legend_beside(axes[-1], handles(styles, {name: name for name in names}))
        footing(figure, *told)
        settle(figure)
    return figure


def _column(measured: Mapping[str, Mapping[str, float]], name: str) -> dict[str, float]:
    found = {method: float(row.get(name, math.nan)) for method, row in measured.items()}
    return {method: value for method, value in found.items() if math.isfinite(value)}


def _correlation(
    column: Mapping[str, float], means: Mapping[str, Estimate], seed: int
) -> Correlation:
    methods = sorted(column)
    x = np.array([column[m] for m in methods], dtype=float)
    y = np.array([means[m].value for m in methods], dtype=float)
    return rank_correlation(x, y, np.random.default_rng(seed))


def _told(found: Correlation) -> str:
    if found.reason:
        return f"no correlation:\n{found.reason}"
    return f"Spearman's rho {found.rho:+.2f}\nn = {found.n}, permutation p = {found.p:.2g}"


def _panel(
    axis: Axes,
    column: Mapping[str, float],
    means: Mapping[str, Estimate],
    styles: Mapping[str, tuple[str, str]],
) -> None:
    for method, x in sorted(column.items()):
        colour, marker = styles[method]
        estimate = means[method]
        if math.isfinite(estimate.low):
            axis.plot([x, x], [estimate.low, estimate.high], color=colour, linewidth=1.0)
        axis.plot(x, estimate.value, marker, color=colour, markersize=5.5, zorder=3)
    if not column:
        axis.text(0.5, 0.5, "none", transform=axis.transAxes, ha="center", va="center")
    sns.despine(ax=axis)


def _words(left_out: Sequence[str], spread: str) -> list[str]:
    gone = f"Not drawn, for cells or measures are missing: {', '.join(left_out)}."
    return [
        (
            f"p: share of orders that correlate as strongly; all orders up to n = {EXACT}, else "
            f"{PERMUTATIONS} drawn. Three tests, not corrected. Bars: 95 % over {spread}."
        ),
        (
            "Weak evidence: methods are few and not a sample of anything, and what correlates over "
            "them need not cause a score."
        ),
        gone if left_out else "",
    ]
