"""What a leaderboard holds, and how it becomes a table, Markdown or JSON."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import pandas as pd

from benchmark.report.estimate import NOTHING, Estimate, plain
from benchmark.report.scales import SCALES, Scale


@dataclass(frozen=True, slots=True)
class Row:
    """One method.

    Attributes:
        method: Its name.
        scores: Mean per task over seeds and test images; NaN where the method has no score.
        rank: Mean rank over tasks among the complete methods, 1 for the best; NaN if this one is
            not complete, or alone.
        wins: Tasks on which it is best by more than a tie; None without a rank.
        ties: Tasks on which it is within a tie of the best, and not the only one.
        gain: Improvement on ``random`` in the same stage, averaged over tasks; positive is better.
        gain_direct: The same on ``random`` trained in one stage.
        missing: Number of tasks on which it lacks a cell.
        stale: Whether other code than today's has computed some of its cells.
    """

    method: str
    scores: Mapping[str, Estimate]
    rank: Estimate
    wins: int | None
    ties: int | None
    gain: Estimate
    gain_direct: Estimate
    missing: int
    stale: bool = False

    @property
    def label(self) -> str:
        """The method's name, with a mark if it is stale."""
        return f"{self.method} (stale)" if self.stale else self.method


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Methods compared in one stage, by one metric, at one label fraction.

    Attributes:
        stage: "frozen", "finetuned", "direct", "probe" or "neighbours".
        metric: A name in ``SCALES``.
        fraction: Share of the training labels used, in (0, 1]; NaN without scores.
        sources: Each task's kind of images: "real", "phantom" or "stand-in"; sorted by task.
        rows: Ranked methods by mean rank, then the others by name.
        direct: Mean per task of ``random`` trained in one stage; NaN where it lacks a cell.
        notes: What a reader has to know to judge the numbers.
        oracle: Whether test images chose what is scored: an upper bound, no result.
    """

    stage: str
    metric: str
    fraction: float
    sources: Mapping[str, str]
    rows: tuple[Row, ...]
    direct: Mapping[str, float]
    notes: tuple[str, ...]
    oracle: bool = False

    @property
    def tasks(self) -> tuple[str, ...]:
        """Names of the tasks, in order."""
        return tuple(self.sources)

    @property
    def scale(self) -> Scale:
        """How to read the scores."""
        return SCALES[self.metric]

    @property
    def title(self) -> str:
        """For example "frozen: Dice on phantom images, label fraction 1"."""
        unit = f" in {self.scale.unit}" if self.scale.unit else ""
        kinds = ", ".join(sorted(set(self.sources.values())))
        images = f" on {kinds} images" if kinds else ""
        share = "" if math.isnan(self.fraction) else f", label fraction {self.fraction:g}"
        cheat = ", chosen by the oracle" if self.oracle else ""
        return f"{self.stage}: {self.scale.title}{unit}{images}{share}{cheat}"

    def table(self) -> pd.DataFrame:
        """One line per method; every estimate as three columns x, x_low, x_high.

        Tasks come last, so that boards of different tasks can be put below each other.
        """
        names = [field.name for field in fields(Row) if field.name != "scores"]
        kinds = "+".join(sorted(set(self.sources.values())))
        head = ["stage", "metric", "fraction", "source"]
        lines = []
        for row in self.rows:
            line: dict[str, Any] = dict(
                zip(head, (self.stage, self.metric, self.fraction, kinds), strict=True)
            )
            for name, value in [(n, getattr(row, n)) for n in names] + list(row.scores.items()):
                line |= _columns(name, value)
            lines.append(line)
        table = pd.DataFrame(lines, columns=None if lines else [*head, *names])
        return table.astype({"wins": "Int64", "ties": "Int64"})

    def markdown(self) -> str:
        """A heading, the table and the notes."""
        head = ["method", "mean rank", "wins", "ties", "gain on random", "on random direct"]
        lines = [[*head, "missing", *self.tasks]]
        lines.append(["---"] * len(lines[0]))
        lines += [[*self.summary(row), *self.cells(row)] for row in self.rows]
        table = ["| " + " | ".join(line) + " |" for line in lines]
        notes = [f"- {note}" for note in self.notes]
        return "\n".join([f"## {self.title}", "", *([*table, ""] if self.rows else []), *notes, ""])

    def summary(self, row: Row) -> list[str]:
        """A row's columns that are not tasks, as text."""
        return [
            row.label,
            row.rank.ranks(),
            NOTHING if row.wins is None else str(row.wins),
            NOTHING if row.ties is None else str(row.ties),
            row.gain.text(self.scale.decimals, signed=True),
            row.gain_direct.text(self.scale.decimals, signed=True),
            str(row.missing),
        ]

    def cells(self, row: Row) -> list[str]:
        """A row's score per task, as text."""
        return [row.scores[task].text(self.scale.decimals) for task in self.tasks]

    def record(self) -> dict[str, Any]:
        """JSON-ready: plain types only, NaN as None."""
        return {
            "title": self.title,
            "stage": self.stage,
            "metric": self.metric,
            "fraction": plain(self.fraction),
            "sources": dict(self.sources),
            "rows": [_record(row) for row in self.rows],
            "direct": {task: plain(value) for task, value in self.direct.items()},
            "notes": list(self.notes),
        }


def _columns(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Estimate):
        return {name: value}
    low, high = f"{name}_low", f"{name}_high"
    return dict(zip((name, low, high), value.record().values(), strict=True))


def _record(row: Row) -> dict[str, Any]:
    return {
        "method": row.method,
        "rank": row.rank.record(),
        "wins": row.wins,
        "ties": row.ties,
        "gain": row.gain.record(),
        "gain_direct": row.gain_direct.record(),
        "missing": row.missing,
        "stale": row.stale,
        "scores": {task: estimate.record() for task, estimate in row.scores.items()},
    }
