"""What methods score against what their pre-training cost."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.averages import Averages, averages
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
from benchmark.report.front import front
from benchmark.report.sampled import Sampled

#: Costs further apart than this are drawn on a logarithmic axis.
WIDE = 10.0
#: Of the figure, in inches.
WIDTH = 9.0


def price_figure(
    found: Sampled, costs: Mapping[str, float | None], *, axis: str, order: Sequence[str]
) -> Figure:
    """Mean over tasks with its interval against cost; a step line joins the Pareto front.

    Args:
        found: What to draw.
        costs: Of each method's pre-training, 0 or more; None where it is unknown.
        axis: What the cost is, for example "TFLOP".
        order: Every method that the project knows; fixes the colours.
    """
    board = found.board
    title = f"{board.scale.title} against {axis} of pre-training, {board.title}"
    means = averages(found.scores, found.sample)
    if not means.methods:
        return saying(title, "No method has every cell: there is nothing to draw.")
    known = [m for m in means.methods if costs.get(m) is not None]
    left_out = [row.label for row in board.rows if row.method not in known]
    if not known:
        return saying(title, "No drawing: the cost of every method is unknown.")
    spent = np.array([float(costs[m] or 0.0) for m in known])
    own = _only(means, known)
    best = front(spent, own.values, larger_is_better=board.scale.larger_is_better)
    names = [row.method for row in board.rows if row.method in known]
    styles = method_styles(order, names)
    shares = _shares(own, spent, larger_is_better=board.scale.larger_is_better)
    told = _words(bool(shares), left_out, found.board.spread)
    with look():
        size = (WIDTH, max(3.0, 0.5 + 0.18 * len(names)) + room(WIDTH, title, told))
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, title)
        panel = figure.subplots()
        spread_out = _scale(panel, spent)
        _front(panel, spent[best], own.values[best])
        for name, cost in zip(known, spent, strict=True):
            _dot(panel, float(cost), own.estimates()[name], styles[name])
        panel.set_xlabel(f"{axis} of pre-training" + (", logarithmic" if spread_out else ""))
        panel.set_ylabel(f"{board.scale.axis}, mean over tasks")
        labels = {name: f"{name}{shares.get(name, '')}" for name in names}
        legend_beside(panel, handles(styles, labels))
        sns.despine(ax=panel)
        footing(figure, *told)
        settle(figure)
    return figure


def _only(means: Averages, methods: Sequence[str]) -> Averages:
    rows = [means.methods.index(m) for m in methods]
    return Averages(tuple(methods), means.values[rows], means.draws[:, rows])


def _scale(panel: Axes, spent: np.ndarray) -> bool:
    """Make the axis logarithmic if costs are far apart; 0 keeps a place of its own."""
    positive = spent[spent > 0]
    if not len(positive) or positive.max() <= WIDE * positive.min():
        top = float(spent.max()) or 1.0
        panel.set_xlim(-0.04 * top, 1.06 * top)
        return False
    if (spent > 0).all():
        panel.set_xscale("log")
    else:
        panel.set_xscale("symlog", linthresh=float(positive.min()) / 2, linscale=0.4)
    return True


def _front(panel: Axes, costs: np.ndarray, values: np.ndarray) -> None:
    places = np.argsort(costs, kind="stable")
    panel.step(
        costs[places],
        values[places],
        where="post",
        color="0.35",
        linestyle="--",
        linewidth=1.0,
        zorder=1,
    )


def _dot(panel: Axes, cost: float, estimate: Estimate, style: tuple[str, str]) -> None:
    colour, marker = style
    if math.isfinite(estimate.low):
        panel.plot([cost, cost], [estimate.low, estimate.high], color=colour, linewidth=1.4)
    panel.plot(cost, estimate.value, marker, color=colour, markersize=5.5, zorder=3)


def _shares(means: Averages, spent: np.ndarray, *, larger_is_better: bool) -> dict[str, str]:
    """How often each method is on the front, as a legend says it; nothing without draws."""
    if np.isnan(means.draws).any():
        return {}
    often = front(spent, means.draws, larger_is_better=larger_is_better).mean(axis=0)
    return {
        name: f"  {100 * share:.0f} %" for name, share in zip(means.methods, often, strict=True)
    }


def _words(with_shares: bool, left_out: Sequence[str], spread: str) -> list[str]:
    told = "Dashed: the Pareto front, methods that no other beats at the same cost or less."
    often = " Per cent: share of bootstrap draws in which a method is on it." if with_shares else ""
    bars = f"Bars: 95 % over {spread}." if with_shares else "No intervals can be had."
    gone = f"Not drawn, for cost or cells are unknown: {', '.join(left_out)}." if left_out else ""
    return [f"{told}{often}", bars, gone]
