"""How often each method is ahead of each other one, as a heat map."""

from collections.abc import Sequence

import numpy as np
import seaborn as sns
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from benchmark.report.figures.canvas import (
    DPI,
    footing,
    heading,
    in_order,
    look,
    room,
    saying,
    settle,
    slant,
)
from benchmark.report.sampled import Sampled
from benchmark.report.superiority import superiority

#: Shares from here up, or from 1 less this down, are printed bold.
CLEAR = 0.95


def pairwise_figure(found: Sampled, *, order: Sequence[str]) -> Figure:
    """Row ahead of column, in per cent of draws; methods in the fixed order.

    Args:
        found: What to draw.
        order: Every method that the project knows; fixes the places.
    """
    board = found.board
    title = f"Probability of superiority, {board.title}"
    result = superiority(found.scores, found.sample, scale=board.scale)
    if result.reason:
        return saying(title, f"No probabilities: {result.reason}.")
    rows = {row.method: row for row in board.rows}
    shown = in_order(order, result.methods)
    index = [result.methods.index(method) for method in shown]
    shares = result.shares[np.ix_(index, index)]
    names = [rows[method].label for method in shown]
    told = _words(found, [row.label for row in board.rows if row.method not in result.methods])
    width = max(7.0, 3.2 + 0.36 * len(names))
    tall = 0.6 + 0.27 * max(len(names), 4) + slant(names)
    with look():
        size = (width, tall + room(width, title, told))
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, title)
        axis = figure.subplots()
        axis.grid(visible=False)
        axis.set_facecolor("0.88")
        colours = ScalarMappable(Normalize(0, 100), sns.color_palette("vlag_r", as_cmap=True))
        axis.pcolormesh(
            100 * shares,
            cmap=colours.cmap,
            clim=colours.get_clim(),
            edgecolors="white",
            linewidth=0.5,
        )
        axis.invert_yaxis()
        for y, x in np.argwhere(np.isfinite(shares)):
            share = float(shares[y, x])
            clear = not 1 - CLEAR < round(share, 2) < CLEAR
            axis.text(
                x + 0.5,
                y + 0.5,
                percent(share),
                ha="center",
                va="center",
                fontsize=7.5,
                color="white" if abs(share - 0.5) > 0.42 else "black",
                weight="bold" if clear else "normal",
            )
        axis.set_xticks(np.arange(len(names)) + 0.5, names, rotation=40, ha="right")
        axis.set_yticks(np.arange(len(names)) + 0.5, names)
        axis.set_ylabel("this method ...")
        axis.set_xlabel("... ahead of this one")
        figure.colorbar(colours, ax=axis, label="per cent of draws", shrink=0.8, pad=0.02)
        footing(figure, *told)
        settle(figure)
    return figure


def percent(share: float) -> str:
    """A whole number, but 0 and 100 only where no draw says otherwise."""
    if 0 < share < 0.01:
        return "<1"
    if 0.99 < share < 1:
        return ">99"
    return f"{100 * share:.0f}"


def _words(found: Sampled, left_out: Sequence[str]) -> list[str]:
    told = (
        f"Per cent of {len(found.sample.draws)} bootstrap draws in which the row's "
        f"{found.board.scale.title}, mean over tasks, is better than the column's; equal means "
        "count half. Bold: 95 or more, 5 or less."
    )
    gone = f"Left out, because cells are missing: {', '.join(left_out)}." if left_out else ""
    return [told, gone]
