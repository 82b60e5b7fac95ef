"""Leaderboard -> Figure. Nothing here writes a file or touches pyplot's current figure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from benchmark.report.board import Leaderboard
from benchmark.report.estimate import Estimate
from benchmark.report.figures.canvas import DPI, heading, labelled, look, method_styles, settle
from benchmark.report.selection import FLOOR

_FLOOR_STYLE: dict[str, Any] = {"color": "0.25", "linestyle": "--", "linewidth": 1.0, "zorder": 1}
_DIRECT_STYLE: dict[str, Any] = {"color": "0.25", "linestyle": ":", "linewidth": 1.2, "zorder": 1}


def leaderboard_figure(board: Leaderboard, *, order: Sequence[str]) -> Figure:
    """One panel per task and one for the mean rank; dots with 95 % intervals, best rank on top.

    Hollow dots are methods without rank; dashed is ``random`` in the same stage, dotted ``random``
    trained in one stage.

    Args:
        board: What to draw.
        order: Every method that the project knows; fixes the colours.
    """
    methods = [row.method for row in board.rows]
    panels = [*board.tasks, "mean rank"] if methods else []
    columns, rows = _layout(len(panels))
    size = (2.0 + 2.5 * columns, 1.2 + rows * (0.9 + 0.21 * len(methods)))
    with look():
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, board.title)
        if not panels:
            figure.text(0.5, 0.4, "no scores", ha="center")
            return figure
        axes = figure.subplots(rows, columns, sharey=True, squeeze=False).ravel().tolist()
        styles = method_styles(order, methods)
        for axis, panel in zip(axes, panels, strict=False):
            _panel(axis, board, panel, styles)
        for axis in axes[len(panels) :]:
            axis.set_visible(False)
        figure.legend(handles=_legend(board), loc="outside lower center", ncols=2, frameon=False)
        settle(figure)
    return figure


def _layout(panels: int) -> tuple[int, int]:
    """Columns and rows: one row up to three panels, two up to eight, then five columns."""
    columns = 5 if panels > 8 else math.ceil(panels / 2) if panels > 3 else max(panels, 1)
    return columns, math.ceil(panels / columns) or 1


def _panel(
    axis: Axes, board: Leaderboard, panel: str, styles: Mapping[str, tuple[str, str]]
) -> None:
    is_rank = panel == "mean rank"
    estimates = [row.rank if is_rank else row.scores[panel] for row in board.rows]
    floors = [e.value for e, row in zip(estimates, board.rows, strict=True) if row.method == FLOOR]
    if floors and math.isfinite(floors[0]):
        axis.axvline(floors[0], **_FLOOR_STYLE)
    if not is_rank and math.isfinite(board.direct[panel]):
        axis.axvline(board.direct[panel], **_DIRECT_STYLE)
    for y, (row, estimate) in enumerate(zip(board.rows, estimates, strict=True)):
        _dot(axis, y, estimate, styles[row.method], filled=math.isfinite(row.rank.value))
    axis.set_title(panel if is_rank else labelled(panel, board.sources))
    axis.set_xlabel("mean rank, 1 is best" if is_rank else board.scale.axis)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=is_rank))
    if is_rank:
        axis.set_xlim(0.5, len(board.rows) + 0.5)
    axis.set_yticks(range(len(board.rows)), [_label(row.label, row.missing) for row in board.rows])
    axis.set_ylim(len(board.rows) - 0.4, -0.6)
    if not any(math.isfinite(e.value) for e in estimates):
        axis.text(0.5, 0.5, "none", transform=axis.transAxes, ha="center", va="center")
        axis.set_xticks([])
    sns.despine(ax=axis, left=True)


def _dot(axis: Axes, y: int, estimate: Estimate, style: tuple[str, str], *, filled: bool) -> None:
    if math.isnan(estimate.value):
        return
    colour, marker = style
    if math.isfinite(estimate.low):
        axis.plot([estimate.low, estimate.high], [y, y], color=colour, linewidth=2, zorder=2)
    face = colour if filled else "white"
    axis.plot(estimate.value, y, marker, color=colour, markerfacecolor=face, markersize=5, zorder=3)


def _label(method: str, missing: int) -> str:
    return f"{method} ({missing} missing)" if missing else method


def _legend(board: Leaderboard) -> list[Line2D]:
    grey: dict[str, Any] = {"color": "0.25", "marker": "o", "markersize": 5}
    handles = [Line2D([], [], **grey, linewidth=2, label="mean with 95 % interval")]
    if any(row.method == FLOOR for row in board.rows):
        handles.append(Line2D([], [], **_FLOOR_STYLE, label=f"{FLOOR}, same stage"))
    if any(math.isfinite(value) for value in board.direct.values()):
        handles.append(Line2D([], [], **_DIRECT_STYLE, label=f"{FLOOR}, trained in one stage"))
    if any(math.isnan(row.rank.value) for row in board.rows):
        handles.append(
            Line2D([], [], **grey, linestyle="none", markerfacecolor="white", label="without rank")
        )
    return handles
