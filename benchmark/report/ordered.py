"""Whether the methods' order depends on stage, labels or folder, on the terminal or as JSON."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from benchmark.durable import StoreError
from benchmark.listing import table
from benchmark.report.compared import least
from benchmark.report.estimate import NOTHING, plain
from benchmark.report.footers import ORACLE, left_out_notes, seeds_notes
from benchmark.report.gathered import SEED, gather
from benchmark.report.mixed import mixed_notes
from benchmark.report.orders import Order, Seeds, order_between
from benchmark.report.scales import SCALES
from benchmark.report.scores import Scores, scores
from benchmark.report.selection import PROBED, STAGES, select
from methods.errors import ConfigError

COLUMNS = ("table", "methods", "tasks", "rho", "p", "across", "first", "second")
READING = (
    "rho: Spearman's correlation of the methods' mean ranks over tasks with the first table's, of "
    "all seeds together; p: share of random orders that correlate as strongly. Across: the same "
    "between one seed of the first table and another of this one, the mean over pairs of seeds "
    "(from the pair that agrees least to the best). First, second: between two seeds of the first "
    "table, and of this one. If the order is the same, across is expected to lie between those "
    "two; an order that has changed has a lower one. Few seeds show only large changes. Test "
    "images are the same throughout."
)


@dataclass(frozen=True, slots=True)
class Table:
    """One stage and label fraction of a folder.

    Attributes:
        folder: What its folder is called.
        stage: One of ``STAGES``.
        fraction: Share of the labels.
        scores: Of all its cells.
        sources: Each task's kind of images.
        remarks: What a reader has to know besides.
    """

    folder: str
    stage: str
    fraction: float
    scores: Scores
    sources: dict[str, str]
    remarks: tuple[str, ...]

    @property
    def name(self) -> str:
        """As it is printed."""
        share = "" if self.fraction == 1.0 else f", {100 * self.fraction:g} % of the labels"
        return f"{self.folder}, {self.stage}{share}"


def show_orders(
    folders: Sequence[Path], *, stage: str, metric: str, seeds: Sequence[int], as_json: bool
) -> None:
    """Print how far each table agrees with the first folder's; cells of older code do not count.

    Raises:
        ConfigError: If a folder is given twice.
        StoreError: If a folder holds no finished cell or a damaged one, or the first holds none of
            the stage.
    """
    lead, others = tables_of(folders, stage=stage, metric=metric, seeds=seeds)
    rng, scale = np.random.default_rng(SEED), SCALES[metric]
    orders = [
        (each, order_between(lead.scores, each.scores, alike(lead, each), scale, rng))
        for each in others
    ]
    if as_json:
        table([record(lead, *each) for each in orders], (), as_json=True)
        return
    show(lead, orders, Console(highlight=False))


def tables_of(
    folders: Sequence[Path], *, stage: str, metric: str, seeds: Sequence[int]
) -> tuple[Table, list[Table]]:
    """The table that leads, and the others in the order of folders.

    Raises:
        ConfigError: If a folder is given twice, or was not asked for a seed.
        StoreError: If a folder holds no finished cell or a damaged one, or the first holds none of
            the stage.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise ConfigError("a folder is given twice: name each once")
    called = names(folders)
    pairs = zip(folders, called, strict=True)
    found = [each for folder, name in pairs for each in read(folder, name, metric, seeds)]
    leads = [each for each in found if each.folder == called[0] and each.stage == stage]
    if not leads:
        raise StoreError(f"{folders[0]} holds no scores of the stage {stage}: see `ldbench status`")
    lead = max(leads, key=lambda each: each.fraction)
    return lead, [each for each in found if each is not lead]


def names(folders: Sequence[Path]) -> list[str]:
    """Folders by their own name, or by the whole path if two have the same."""
    short = [folder.resolve().name for folder in folders]
    return short if len(set(short)) == len(short) else list(map(str, folders))


def read(folder: Path, name: str, metric: str, seeds: Sequence[int]) -> list[Table]:
    """A folder's tables of some seeds, or of all.

    Raises:
        ConfigError: If a seed was not asked for.
        StoreError: If it holds no finished cell, or a damaged one.
    """
    gathered = gather(folder, "leave out", seeds)
    frame = gathered.frame(None)
    found = []
    for stage, fraction in stages_of(frame):
        selection = select(frame, stage, metric, fraction)
        remarks = [*seeds_notes(*gathered.seeds), *left_out_notes(gathered.left_out)]
        remarks += mixed_notes(gathered.there, stage)
        if gathered.oracle and stage not in PROBED:
            remarks.append(ORACLE)
        made = (scores(selection), selection.sources, tuple(remarks))
        found.append(Table(name, stage, fraction, *made))
    if not found:
        raise StoreError(f"{folder} holds no finished cell: see `ldbench status`")
    return found


def stages_of(frame: pd.DataFrame) -> list[tuple[str, float]]:
    """Every stage of a leaderboard that has finished cells; its label fractions, largest first."""
    done = frame[(frame["status"] == "done") & frame["stage"].isin(STAGES)]
    there = {(str(s), float(f)) for s, f in zip(done["stage"], done["fraction"], strict=True)}
    return sorted(there, key=lambda each: (STAGES.index(each[0]), -each[1]))


def alike(one: Table, other: Table) -> tuple[str, ...]:
    """Tasks of both tables whose images are of one kind: a phantom is no photograph."""
    return tuple(task for task, kind in one.sources.items() if other.sources.get(task) == kind)


def record(lead: Table, named: Table, order: Order) -> dict[str, Any]:
    """A table's agreement, JSON-ready."""
    return {
        "beside": lead.name,
        "table": named.name,
        "stage": named.stage,
        "fraction": named.fraction,
        "methods": list(order.methods),
        "left out": list(order.left_out),
        "tasks": list(order.tasks),
        "rho": plain(order.rho),
        "p": plain(order.p),
        **{name: numbers(each) for name, each in seeds_of(order).items()},
        "remarks": said(lead, named, order),
        "remarks beside": list(lead.remarks),
    }


def seeds_of(order: Order) -> dict[str, Seeds]:
    """The correlations of single seeds, by the name of their column."""
    return {"across": order.across, "first": order.first, "second": order.second}


def numbers(seeds: Seeds) -> dict[str, float | None]:
    """JSON-ready."""
    return {"mean": plain(seeds.mean), "low": plain(seeds.low), "high": plain(seeds.high)}


def said(lead: Table, named: Table, order: Order) -> list[str]:
    """What must be said beside a table's numbers."""
    out = [order.reason] if order.reason else []
    if order.left_out and not order.reason:
        out.append(f"left out, for they lack cells in one of both: {', '.join(order.left_out)}")
    other = sorted(set(named.sources) & set(lead.sources) - set(alike(lead, named)))
    if other:
        out.append(f"not compared, for the images are of another kind: {', '.join(other)}")
    if not order.reason and math.isnan(order.first.mean + order.second.mean):
        out.append("one seed: how far two runs of one table agree is not known")
    return [*out, *named.remarks]


def show(lead: Table, orders: Sequence[tuple[Table, Order]], console: Console) -> None:
    """Print the table and what must be said beside it."""
    console.print(f"[bold]Order of the methods beside {lead.name}[/bold]")
    if orders:
        table([row(*each) for each in orders], COLUMNS, console=console)
    remarks = [(lead.name, lead.remarks)]
    remarks += [(each.name, tuple(said(lead, each, order))) for each, order in orders]
    for name, texts in remarks:
        for text in texts:
            console.print(f"- {name}: {text}", markup=False)
    console.print(READING, markup=False)


def row(named: Table, order: Order) -> dict[str, object]:
    """A table's agreement as it is printed."""
    return {
        "table": named.name,
        "methods": len(order.methods),
        "tasks": len(order.tasks),
        "rho": NOTHING if math.isnan(order.rho) else f"{order.rho:.2f}",
        "p": NOTHING if math.isnan(order.p) else least(order.p),
        **{name: text(each) for name, each in seeds_of(order).items()},
    }


def text(seeds: Seeds) -> str:
    """For example "0.48 (0.31 to 0.62)"."""
    if math.isnan(seeds.mean):
        return NOTHING
    return f"{seeds.mean:.2f} ({seeds.low:.2f} to {seeds.high:.2f})"
