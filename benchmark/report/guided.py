"""Vessels without labels: what shape priors, clusters and Frangi's filter score, as one table."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.asked import Wanted
from benchmark.cells import Status
from benchmark.report.estimate import Estimate
from benchmark.report.footers import budget_notes, left_out_notes, pool_notes, stale_notes
from benchmark.report.frame import Result
from benchmark.report.gathered import SEED, Gathered
from benchmark.report.scales import SCALES
from benchmark.report.scores import Scores, scores
from benchmark.report.selection import LACKING, Selection
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
#: What must be said, in red, of the clusters that test masks have chosen.
ORACLE_NOTE = (
    "Rows named oracle: the test masks themselves chose the cluster; an upper bound of what "
    "clusters without a prior can reach, not a result."
)
READING = (
    "No vessel label was used, in pre-training or afterwards. Map: share of cluster 0 above 0.5; "
    "regions: softmax of the similarity with each region; refined: a second network taught by "
    "both on the training images, without masks. Predictions are confined to the field of view."
)


@dataclass(frozen=True, slots=True)
class GuidedRow:
    """One way to segment.

    Attributes:
        label: As it is called in the table.
        method: The plan's row.
        stage: One of ``tasks.guided.STAGES``.
        scores: Mean Dice by task over seeds and test images; NaN where there is none.
    """

    label: str
    method: str
    stage: str
    scores: Mapping[str, Estimate]

    @property
    def oracle(self) -> bool:
        """Whether test masks have chosen what is scored."""
        return self.stage in guided.ORACLE

    def cells(self) -> list[str]:
        """A score per task, as text."""
        return [score.text(SCALES[METRIC].decimals) for score in self.scores.values()]


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

    def table(self) -> pd.DataFrame:
        """One line a row; every estimate as three columns x, x_low, x_high."""
        lines = []
        for row in self.rows:
            line: dict[str, Any] = {"row": row.label, "method": row.method, "stage": row.stage}
            for task, score in row.scores.items():
                names = (task, f"{task}_low", f"{task}_high")
                line |= dict(zip(names, score.record().values(), strict=True))
            lines.append(line)
        return pd.DataFrame(lines)

    def markdown(self) -> str:
        """A heading, the table and the notes."""
        lines = [["row", *self.sources], ["---"] * (1 + len(self.sources))]
        lines += [[row.label, *row.cells()] for row in self.rows]
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
    places = {label: place for place, label in enumerate(grid.methods)}
    rows = []
    for label, method, stage in ways(found.question.cells):
        at = places[label]
        own = estimates(sample.means[at], sample.draws[:, at])
        rows.append(GuidedRow(label, method, stage, dict(zip(grid.tasks, own, strict=True))))
    sources = {
        str(task): str(kind) for task, kind in zip(here["task"], here["source"], strict=True)
    }
    said = notes(found, here, sample.covers)
    return GuidedTable(dict(sorted(sources.items())), tuple(rows), tuple(said))


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


def notes(found: Gathered, frame: pd.DataFrame, covers: str) -> Iterator[str]:
    """What a reader has to know."""
    own = {c: r for c, r in found.there.items() if c.stages in guided.CELLS}
    yield f"Means over seeds and test images with 95 % intervals; {covers}."
    yield READING
    yield from priors(own)
    if set(guided.ORACLE) & set(frame["stage"]):
        yield ORACLE_NOTE
    for status, word in LACKING.items():
        rows = frame[frame["status"] == status]
        lacking = {f"{row.method} on {row.task}" for row in rows.itertuples()}
        if lacking:
            yield f"{word}: {', '.join(sorted(lacking))}."
    yield from pool_notes(result.facts for result in own.values())
    yield from stale_notes({c: r for c, r in found.old.items() if c in own})
    yield from left_out_notes(found.left_out)
    yield from budget_notes(found.question.terms)


def priors(there: Mapping[Wanted, Result]) -> Iterator[str]:
    """What each prior is."""
    said = {cell.method: r.facts["prior"] for cell, r in there.items() if "prior" in r.facts}
    for method, prior in said.items():
        yield f"Prior {method}: {prior}."
