"""What a leaderboard holds, and how it becomes a table, Markdown or JSON."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple, dataclass, field, fields
from typing import Any

import pandas as pd

from benchmark.report.estimate import NOTHING, Estimate, plain
from benchmark.report.prices import PRICES, Price
from benchmark.report.scales import SCALES, Scale
from benchmark.report.selection import DIRECT_STAGE, FLOOR

#: Columns of a row but for its scores, as they are headed.
SUMMARY = (
    *("method", "mean rank", "wins", "ties"),
    *("gain on random", "on random direct", "cells"),
)


@dataclass(frozen=True, slots=True)
class Top:
    """Who leads on a task, among the methods that have a rank.

    Attributes:
        best: Those of the best mean; several only if they are equal.
        like: Those that cannot be told apart from them: the 95 % interval of the difference holds
            0. Not corrected for the number of methods, nor for choosing the best of them.
    """

    best: frozenset[str] = frozenset()
    like: frozenset[str] = frozenset()


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
        cells: How many cells it has, and how many any method has.
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
    cells: tuple[int, int]
    stale: bool = False

    @property
    def coverage(self) -> str:
        """For example "35/36"."""
        return f"{self.cells[0]}/{self.cells[1]}"

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
        tops: Who leads on each task.
        seeds: Most seeds behind any task's scores.
        oracle: Whether test images chose what is scored: an upper bound, no result.
        part: Which of the tasks these are, e.g. "lesion"; "" for all.
        prices: What a pre-training of each method has cost; empty if nobody has looked.
    """

    stage: str
    metric: str
    fraction: float
    sources: Mapping[str, str]
    rows: tuple[Row, ...]
    direct: Mapping[str, float]
    notes: tuple[str, ...]
    tops: Mapping[str, Top] = field(default_factory=dict)
    seeds: int = 0
    oracle: bool = False
    part: str = ""
    prices: Mapping[str, Price] = field(default_factory=dict)

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
        part = f", {self.part} tasks alone" if self.part else ""
        luck = ", one seed" if self.seeds == 1 else ""
        return f"{self.stage}: {self.scale.title}{unit}{images}{share}{part}{luck}{cheat}"

    @property
    def spread(self) -> str:
        """Over what intervals are."""
        return "test images" if self.seeds == 1 else "seeds and test images"

    def table(self) -> pd.DataFrame:
        """One line per method; every estimate as three columns x, x_low, x_high.

        Tasks come last, so that boards of different tasks can be put below each other.
        """
        names = [each.name for each in fields(Row) if each.name not in ("scores", "cells")]
        kinds = "+".join(sorted(set(self.sources.values())))
        head = ["stage", "metric", "fraction", "source", "part"]
        lines = []
        for row in self.rows:
            line: dict[str, Any] = dict(
                zip(head, (self.stage, self.metric, self.fraction, kinds, self.part), strict=True)
            )
            line |= _all_columns([(name, getattr(row, name)) for name in names])
            line |= {"coverage": row.coverage, **asdict(self.price(row))}
            line |= _all_columns(row.scores.items())
            lines.append(line)
        table = pd.DataFrame(lines, columns=None if lines else [*head, *names])
        return table.astype({"wins": "Int64", "ties": "Int64"})

    def markdown(self) -> str:
        """A heading, the table and the notes."""
        lines = [[*SUMMARY, *(PRICES.values() if self.prices else ()), *self.tasks]]
        lines.append(["---"] * len(lines[0]))
        lines += [[*self.summary(row), *self.priced(row), *self.cells(row)] for row in self.rows]
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
            *(gain.text(self.scale.decimals, signed=True) for gain in self.gains(row)),
            row.coverage,
        ]

    def gains(self, row: Row) -> tuple[Estimate, Estimate]:
        """A row's gains on both floors; none of a floor on itself."""
        floor = row.method == FLOOR
        direct = floor and self.stage == DIRECT_STAGE
        return Estimate() if floor else row.gain, Estimate() if direct else row.gain_direct

    def price(self, row: Row) -> Price:
        """What a pre-training of a row's method has cost."""
        return self.prices.get(row.method, Price())

    def priced(self, row: Row) -> list[str]:
        """The same as text, a column each; no columns if nobody has looked."""
        if not self.prices:
            return []
        known = astuple(self.price(row))
        # Four digits would make 12,000 images 1.2e+04.
        return [NOTHING if x is None else f"{x:{'.4g' if x < 1000 else ',.0f'}}" for x in known]

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
            "tops": {
                task: {"best": sorted(top.best), "like": sorted(top.like)}
                for task, top in self.tops.items()
            },
            "part": self.part,
            "prices": {method: asdict(price) for method, price in self.prices.items()},
            "notes": list(self.notes),
        }


def _all_columns(values: Iterable[tuple[str, object]]) -> dict[str, Any]:
    return {key: cell for name, value in values for key, cell in _columns(name, value).items()}


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
        "coverage": list(row.cells),
        "stale": row.stale,
        "scores": {task: estimate.record() for task, estimate in row.scores.items()},
    }
