"""What a landmark task's table holds, and how it becomes text."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from benchmark.report.estimate import NOTHING, Estimate, plain
from benchmark.report.scales import LANDMARK_SCALES
from tasks.landmarks import CENTRE, EMBEDDING, FEATURES, TEMPLATE

#: What each stage looks at, as tables call it.
LOOKS = {
    EMBEDDING: "embedding",
    FEATURES: "features",
    TEMPLATE: "template matching",
    CENTRE: "centre of the image",
}
#: Columns of a row, as they are headed; the metrics between.
METHOD, SUPPORTS, CELLS = "method", "spread over supports (px)", "cells"


def label(method: str, stage: str) -> str:
    """How a row is called: "ld: embedding"; a rival that knows no encoder has no method."""
    look = LOOKS[stage]
    return look if stage in (TEMPLATE, CENTRE) else f"{method}: {look}"


@dataclass(frozen=True, slots=True)
class LandmarkRow:
    """A method's embedding or features, or a rival.

    Attributes:
        method: Its name.
        stage: What it looks at.
        scores: By metric; no value where it lacks a cell that another row has.
        spread: Standard deviation of the supports' mean errors within a seed, mean over seeds, in
            pixels at 512; NaN with one support, or where it lacks a cell that another row has.
        windows: Mean error in pixels at 512 by the window's width; empty where it lacks a cell.
        cells: How many seeds it has, and how many any row was asked for.
    """

    method: str
    stage: str
    scores: Mapping[str, Estimate]
    spread: float
    windows: Mapping[str, float]
    cells: tuple[int, int]

    @property
    def label(self) -> str:
        """As tables call it."""
        return label(self.method, self.stage)


@dataclass(frozen=True, slots=True)
class LandmarkBoard:
    """One task's rows, those of the least error first.

    Attributes:
        task: Its name.
        source: Kind of its images.
        rows: Complete ones by their mean error, then the others by name.
        window: The width that scores are of.
        notes: What a reader has to know.
    """

    task: str
    source: str
    rows: tuple[LandmarkRow, ...]
    window: str
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """For example "idrid_disc_center: landmark from one example, phantom images"."""
        return f"{self.task}: landmark from one example, {self.source} images"

    @property
    def widths(self) -> tuple[str, ...]:
        """Every window that was measured, narrow to wide."""
        return tuple(sorted({w for row in self.rows for w in row.windows}, key=float))

    def lines(self) -> list[list[str]]:
        """The table as text, its head first."""
        heads = [f"{scale.title}{unit(name)}" for name, scale in LANDMARK_SCALES.items()]
        lines = [[METHOD, *heads, SUPPORTS, CELLS]]
        for row in self.rows:
            scores = [row.scores[m].text(s.decimals) for m, s in LANDMARK_SCALES.items()]
            has, asked = row.cells
            lines.append([row.label, *scores, number(row.spread), f"{has}/{asked}"])
        return lines

    def window_lines(self) -> list[list[str]]:
        """The effect of the window as text, its head first; no lines if one was measured."""
        if len(self.widths) < 2:
            return []
        several = [row for row in self.rows if len(row.windows) > 1]
        nan = float("nan")
        return [
            ["mean radial error (px) by window", *self.widths],
            *(
                [row.label, *(number(row.windows.get(width, nan)) for width in self.widths)]
                for row in several
            ),
        ]

    def record(self) -> dict[str, Any]:
        """JSON-ready: plain types only, NaN as None."""
        return {
            "task": self.task,
            "source": self.source,
            "window": self.window,
            "rows": [
                {
                    **asdict(row),
                    "label": row.label,
                    "scores": {name: score.record() for name, score in row.scores.items()},
                    "spread": plain(row.spread),
                    "cells": list(row.cells),
                }
                for row in self.rows
            ],
            "notes": list(self.notes),
        }


def unit(metric: str) -> str:
    """A metric's unit in brackets, if it has one."""
    named = LANDMARK_SCALES[metric].unit
    return f" ({named})" if named else ""


def number(value: float) -> str:
    """One digit after the point, or nothing."""
    return NOTHING if plain(value) is None else f"{value:.1f}"
