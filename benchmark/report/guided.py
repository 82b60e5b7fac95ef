"""Vessels without labels: what shape priors, clusters and Frangi's filter score, as one table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.asked import Wanted
from benchmark.cells import Status
from benchmark.report.estimate import NAN, Estimate
from benchmark.report.gathered import SEED, Gathered
from benchmark.report.guided_notes import notes
from benchmark.report.scales import SCALES
from benchmark.report.scores import Scores, scores
from benchmark.report.selection import Selection
from benchmark.report.statistics import bootstrap, estimates
from tasks import guided

METRIC = "dice"
#: Draws behind each interval, as many as a leaderboard takes.
DRAWS = 2000
#: How a stage's rows are called, after the row of the plan; in the table's order.
WORDS = {
    "shape-map": "{}, map",
    "shape-regions": "{}, regions",
    "shape-refined": "{}, refined",
    "frangi": "Frangi and Otsu",
    "clusters-oracle": "{} clusters (oracle)",
}


@dataclass(frozen=True, slots=True)
class GuidedRow:
    """One way to segment.

    Attributes:
        label: As it is called in the table.
        method: The plan's row.
        stage: One of ``tasks.guided.STAGES``.
        scores: Mean Dice by task over seeds and test images; no value on a task where it lacks a
            cell that another row has.
        cells: How many tasks and seeds it has, and how many any row was asked for.
    """

    label: str
    method: str
    stage: str
    scores: Mapping[str, Estimate]
    cells: tuple[int, int]

    @property
    def oracle(self) -> bool:
        """Whether test masks have chosen what is scored."""
        return self.stage in guided.ORACLE

    def texts(self) -> list[str]:
        """A score per task, then the cells: "3/4"."""
        has, asked = self.cells
        scores = [score.text(SCALES[METRIC].decimals) for score in self.scores.values()]
        return [*scores, f"{has}/{asked}"]


@dataclass(frozen=True, slots=True)
class GuidedTable:
    """All of them.

    Attributes:
        sources: Each task's kind of images; sorted by task.
        rows: Priors in the plan's order, then what they are set beside.
        notes: What a reader has to know to judge the numbers.
    """

    sources: Mapping[str, str]
    rows: tuple[GuidedRow, ...]
    notes: tuple[str, ...]

    @property
    def title(self) -> str:
        """For example "shape-guided segmentation: Dice on phantom images"."""
        kinds = ", ".join(sorted(set(self.sources.values())))
        return f"shape-guided segmentation without labels: Dice on {kinds} images"

    @property
    def heads(self) -> list[str]:
        """What stands above ``GuidedRow.texts``."""
        return [*self.sources, "cells"]

    def table(self) -> pd.DataFrame:
        """One line a row; every estimate as three columns x, x_low, x_high."""
        lines = []
        for row in self.rows:
            line: dict[str, Any] = {"row": row.label, "method": row.method, "stage": row.stage}
            for task, score in row.scores.items():
                names = (task, f"{task}_low", f"{task}_high")
                line |= dict(zip(names, score.record().values(), strict=True))
            lines.append(line | dict(zip(("cells", "cells_asked"), row.cells, strict=True)))
        return pd.DataFrame(lines)

    def markdown(self) -> str:
        """A heading, the table and the notes."""
        lines = [["row", *self.heads], ["---"] * (1 + len(self.heads))]
        lines += [[row.label, *row.texts()] for row in self.rows]
        table = ["| " + " | ".join(line) + " |" for line in lines]
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([f"# {self.title}", "", *table, "", *notes, ""])

    def record(self) -> dict[str, Any]:
        """JSON-ready: plain types only, NaN as None."""
        return {
            "title": self.title,
            "sources": dict(self.sources),
            "rows": [
                {
                    "row": row.label,
                    "method": row.method,
                    "stage": row.stage,
                    "oracle": row.oracle,
                    "scores": {task: score.record() for task, score in row.scores.items()},
                    "cells": list(row.cells),
                }
                for row in self.rows
            ],
            "notes": list(self.notes),
        }


def guided_table(found: Gathered) -> GuidedTable | None:
    """What a folder holds of it; None if none of it was asked for.

    Raises:
        StoreError: If a cell's scores cannot be read.
    """
    frame = found.frame(METRIC)
    here = frame[frame["stage"].isin(guided.STAGES)]
    if here.empty:
        return None
    grid = laid_out(here)
    sample = bootstrap(grid, np.random.default_rng(SEED), DRAWS)
    # A mean over fewer seeds than another row's would be over other runs.
    means = np.where(grid.complete(), sample.means, NAN)
    rows = []
    for label, method, stage in ways(found.question.cells):
        at = grid.methods.index(label)
        own = estimates(means[at], sample.draws[:, at])
        scores = dict(zip(grid.tasks, own, strict=True))
        rows.append(GuidedRow(label, method, stage, scores, counted(here, method, stage)))
    sources = {
        str(task): str(kind) for task, kind in zip(here["task"], here["source"], strict=True)
    }
    named = {(row.method, row.stage): row.label for row in rows}
    said = notes(found, here, named, grid, sample.covers)
    return GuidedTable(dict(sorted(sources.items())), tuple(rows), tuple(said))


def counted(frame: pd.DataFrame, method: str, stage: str) -> tuple[int, int]:
    """On how many tasks and seeds a row has scores, and how many any row was asked for."""
    cell = ["task", "seed"]
    own = frame[(frame["method"] == method) & (frame["stage"] == stage)]
    done = own[own["status"] == Status.DONE]
    return len(done.drop_duplicates(cell)), len(frame.drop_duplicates(cell))


def ways(cells: Iterable[Wanted]) -> list[tuple[str, str, str]]:
    """Every row's label, method and stage: priors first, each with its stages in order."""
    order = list(WORDS)
    pairs = dict.fromkeys(
        (cell.method, stage)
        for cell in cells
        if cell.stages in guided.CELLS
        for stage in cell.stages
    )
    methods = list(dict.fromkeys(method for method, _ in pairs))
    prior = {method for method, stage in pairs if stage in guided.RULES}
    placed = sorted(
        pairs,
        key=lambda pair: (
            pair[0] not in prior,
            methods.index(pair[0]) if pair[0] in prior else 0,
            order.index(pair[1]),
        ),
    )
    return [(WORDS[stage].format(method), method, stage) for method, stage in placed]


def laid_out(frame: pd.DataFrame) -> Scores:
    """The scores by label, task, seed and image."""
    labels = [
        WORDS[stage].format(method)
        for method, stage in zip(frame["method"], frame["stage"], strict=True)
    ]
    rows = frame.assign(method=labels, score=frame["score"].astype(float))
    done = rows[(rows["status"] == Status.DONE) & (rows["metric"] == METRIC)]
    selection = Selection(
        stage="",
        metric=METRIC,
        fraction=1.0,
        fractions=(1.0,),
        rows=done,
        direct=done.iloc[:0],
        failed=rows[rows["status"] != Status.DONE],
        methods=tuple(sorted(set(labels))),
        tasks=tuple(sorted(map(str, frame["task"].unique()))),
        sources={},
    )
    return scores(selection)
