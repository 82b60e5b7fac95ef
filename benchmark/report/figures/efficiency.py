"""Label efficiency: scores by share of labels, and the area under each curve."""

import math
from collections.abc import Collection, Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.figures.canvas import (
    DPI,
    OWN,
    footing,
    handles,
    heading,
    look,
    method_styles,
    room,
    settle,
)
from benchmark.report.label_efficiency import Efficiency
from benchmark.report.scales import Scale
from benchmark.report.selection import FLOOR

COLUMNS = 4
#: Fractions closer than this share of the axis are written upright.
CLOSE = 0.13
#: Opacity of the bands: of few methods, and of many, which would cover each other.
FAINT, FAINTER = 0.18, 0.06
#: How many methods have coloured curves besides, and the grey of the others.
FOLLOWED, PALE = 4, "0.8"


def efficiency_figure(
    found: Sequence[Efficiency], *, scale: Scale, title: str, order: Sequence[str]
) -> Figure | None:
    """A panel a task, the mean first; on the right the areas under the first panel's curves.

    The dots of the areas, with the methods' names beside them, are the legend of all panels.

    Args:
        found: What ``label_efficiency`` gave.
        scale: How to read the metric.
        title: Says the stage, and on which kind of images.
        order: Every method that the project knows; fixes the colours.

    Returns:
        None if there are no curves: no task has two label fractions.
    """
    if not found:
        return None
    names = [m for m in order if any(m in one.methods for one in found)]
    names += sorted({m for one in found for m in one.methods} - set(names))
    styles = method_styles(order, names)
    columns = min(COLUMNS, len(found))
    rows = math.ceil(len(found) / columns)
    widths = [2.6 * columns, 3.6]
    shown = followed(found[0], scale)
    title, told = f"Label efficiency, {title}", _words(found, shown)
    others = {m: m for m in names if m not in found[0].methods}
    with look():
        tall = max(2.2 * rows, 0.8 + 0.18 * (len(names) + len(others)))
        size = (sum(widths), tall + room(sum(widths), title, told))
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, title)
        left, right = figure.subfigures(1, 2, width_ratios=widths, squeeze=False).ravel()
        axes = left.subplots(rows, columns, squeeze=False).ravel().tolist()
        for axis, one in zip(axes, found, strict=False):
            _curves(axis, one, styles, shown)
        for axis in axes[len(found) :]:
            axis.set_visible(False)
        left.supylabel(scale.axis, fontsize=9)
        _areas(right.subplots(), found[0], styles, scale)
        if others:
            right.legend(
                handles=handles(styles, others),
                title="no area: cells are missing",
                loc="outside lower center",
                frameon=False,
            )
        footing(figure, *told)
        settle(figure)
    return figure


def followed(one: Efficiency, scale: Scale) -> set[str]:
    """The methods whose curves can be told apart: those of largest area, LD and the floor."""
    sign = -1.0 if scale.larger_is_better else 1.0
    places = sorted(range(len(one.methods)), key=lambda m: sign * one.areas[m].value)
    return {*(one.methods[m] for m in places[:FOLLOWED]), *{FLOOR, *OWN}.intersection(one.methods)}


def _curves(
    axis: Axes, one: Efficiency, styles: Mapping[str, tuple[str, str]], shown: Collection[str]
) -> None:
    opacity = FAINT if len(one.methods) <= 5 else FAINTER
    for m, method in enumerate(one.methods):
        if method not in shown:
            axis.plot(one.fractions, one.values[m], color=PALE, linewidth=0.7, zorder=1)
            continue
        colour, marker = styles[method]
        axis.plot(
            one.fractions, one.values[m], color=colour, marker=marker, markersize=3, linewidth=1.1
        )
        if np.isfinite(one.low[m]).all():
            axis.fill_between(
                one.fractions, one.low[m], one.high[m], color=colour, alpha=opacity, linewidth=0
            )
    if not one.methods:
        axis.text(0.5, 0.5, "none", transform=axis.transAxes, ha="center", va="center")
    close = np.diff(one.fractions).min() < CLOSE * (one.fractions[-1] - one.fractions[0])
    names = [f"{fraction:g}" for fraction in one.fractions]
    axis.set_xticks(one.fractions, names, rotation=90 if close else 0, fontsize=7.5)
    axis.set_title(one.name)
    axis.set_xlabel("share of the labels")
    sns.despine(ax=axis)


def _areas(
    axis: Axes, one: Efficiency, styles: Mapping[str, tuple[str, str]], scale: Scale
) -> None:
    """Areas as dots with intervals, best on top."""
    sign = -1.0 if scale.larger_is_better else 1.0
    places = sorted(range(len(one.methods)), key=lambda m: sign * one.areas[m].value)
    for y, m in enumerate(places):
        colour, marker = styles[one.methods[m]]
        estimate = one.areas[m]
        if math.isfinite(estimate.low):
            axis.plot([estimate.low, estimate.high], [y, y], color=colour, linewidth=1.6)
        axis.plot(estimate.value, y, marker, color=colour, markersize=4)
    axis.set_yticks(range(len(places)), [one.methods[m] for m in places])
    axis.set_ylim(len(places) - 0.4, -0.6)
    axis.set_title("area under the curve")
    axis.set_xlabel(one.name)
    sns.despine(ax=axis, left=True)


def _words(found: Sequence[Efficiency], shown: Collection[str]) -> list[str]:
    first = found[0]
    low, high = first.fractions[0], first.fractions[-1]
    told = [
        (
            "Bands and bars: 95 % over test images and such seeds, if several, as all fractions "
            f"have. Area: by trapezoids over fractions {low:g} to {high:g}, divided by that width."
        ),
    ]
    if len(first.methods) > len(shown):
        names = ", ".join([FLOOR, *OWN])
        told.append(f"Grey curves: all but {names} and the {FOLLOWED} of the best areas.")
    if any(not np.isfinite(one.low).all() for one in found):
        told.append("Curves without a band: one test image, so there is no interval.")
    left_out = sorted({m for one in found for m in one.left_out})
    if left_out:
        told.append(f"Not in every panel, because cells are missing: {', '.join(left_out)}.")
    return told
