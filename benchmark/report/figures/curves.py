"""What pre-trainings did: a table, and every loss curve in one figure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.figures.canvas import DPI, heading, look, method_styles, settle
from methods.spread import Spread, collapsed

#: Panels in a row of the figure.
COLUMNS = 5
#: A curve is drawn as the mean over windows of this share of its steps.
WINDOW = 0.05
#: The share of steps whose mean loss counts as the start, and as the end.
ENDS = 0.1
#: How the pools' lines are told apart, in words and for matplotlib.
LINES = (("solid", "-"), ("dashed", "--"), ("dotted", ":"))


@dataclass(frozen=True, slots=True)
class Course:
    """One pre-training as its ``pretrain.json`` tells it."""

    record: dict[str, Any]

    @property
    def method(self) -> str:
        """Registered name."""
        return str(self.record["key"]["method"])

    @property
    def pool(self) -> str:
        """What it was trained on."""
        return str(self.record["key"]["pool"])

    @property
    def losses(self) -> np.ndarray:
        """Training loss of every step."""
        return np.asarray(self.record["losses"], dtype=float)

    @property
    def checks(self) -> list[dict[str, Any]]:
        """Validation losses and spreads."""
        return list(self.record["checks"])

    @property
    def starts(self) -> list[int]:
        """Steps at which each phase begins: another one's loss is another loss."""
        return [0, *accumulate(self.record["phases"].values())][:-1]

    @property
    def last_phase(self) -> np.ndarray:
        """Losses of the last phase."""
        return self.losses[self.starts[-1] :]

    @property
    def has_collapsed(self) -> bool:
        """Whether the last check's vectors lay on a point or a line."""
        if not self.checks:
            return False
        last = self.checks[-1]
        return collapsed(Spread(last["deviation"], last["rank"]))


def courses_table(courses: Sequence[Course]) -> pd.DataFrame:
    """One row a pre-training that has a loss: how it went and what it cost.

    ``first`` and ``last`` are mean training losses over the first and last tenth of the last phase.
    """
    rows = []
    for course in courses:
        if not len(course.losses):
            continue
        losses = course.last_phase
        end = max(1, round(ENDS * len(losses)))
        checks = course.checks or [{"loss": math.nan, "deviation": math.nan, "rank": math.nan}]
        rows.append(
            {
                "method": course.method,
                "pool": course.pool,
                "seed": course.record["key"]["seed"],
                "first": losses[:end].mean(),
                "last": losses[-end:].mean(),
                "validation": checks[-1]["loss"],
                "deviation": checks[-1]["deviation"],
                "rank": checks[-1]["rank"],
                "collapsed": course.has_collapsed,
                "passed": course.record["images_passed"],
                "seconds": course.record["cost"]["wall_seconds"],
            }
        )
    return pd.DataFrame(rows)


def curves_figure(courses: Sequence[Course], *, order: Sequence[str], title: str) -> Figure:
    """A panel a method: training loss as a line, validation as dots, phases apart.

    Losses of different methods have different units, so every panel has its own scale.

    Args:
        courses: Pre-trainings; those of one method share a panel.
        order: Every method that the project knows; fixes panels and colours.
        title: Says what was trained on what.
    """
    drawn = [course for course in courses if len(course.losses)]
    names = sorted({course.method for course in drawn}, key=list(order).index)
    pools = sorted({course.pool for course in drawn})
    rows = max(1, math.ceil(len(names) / COLUMNS))
    columns = min(COLUMNS, max(1, len(names)))
    with look():
        figure = Figure(figsize=(2.6 * columns, 0.9 + 1.9 * rows), dpi=DPI, layout="constrained")
        heading(figure, title)
        axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
        styles = method_styles(order, names)
        for axis, name in zip(axes, names, strict=False):
            own = [course for course in drawn if course.method == name]
            for course in own:
                line = LINES[pools.index(course.pool) % len(LINES)]
                _course(axis, course, styles[name][0], line)
            flag = " (collapsed)" if any(course.has_collapsed for course in own) else ""
            axis.set_title(name + flag)
            sns.despine(ax=axis)
        for axis in axes[len(names) :]:
            axis.set_visible(False)
        drawn_as = ", ".join(
            f"{pool} {word}" for pool, (word, _) in zip(pools, LINES, strict=False)
        )
        told = f"; {drawn_as}" if len(pools) > 1 else ""
        figure.supylabel("loss", fontsize=9)
        figure.supxlabel(
            f"share of the budget; lines: training, dots: validation loss{told}", fontsize=9
        )
        settle(figure)
    return figure


def _course(axis: Axes, course: Course, colour: str, line: tuple[str, str]) -> None:
    losses, steps = course.losses, len(course.losses)
    for start, end in pairwise([*course.starts, steps]):
        x, y = smooth(losses[start:end])
        axis.plot((x + start) / steps, y, line[1], color=colour, linewidth=1.4)
    for step in course.starts[1:]:
        axis.axvline(step / steps, color="0.6", linestyle=":", linewidth=1.0)
    axis.plot(
        [check["step"] / steps for check in course.checks],
        [check["loss"] for check in course.checks],
        "o",
        color=colour,
        markerfacecolor="white",
        markersize=3.5,
        clip_on=False,  # the last check is on the edge
    )
    axis.set_xlim(0.0, 1.0)


def smooth(losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over windows, and the steps at the windows' middles."""
    window = max(1, round(WINDOW * len(losses)))
    edges = np.arange(0, len(losses), window)
    counts = np.diff([*edges, len(losses)])
    return edges + (counts - 1) / 2, np.add.reduceat(losses, edges) / counts
