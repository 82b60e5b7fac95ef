"""Whether the methods' order depends on stage, labels or folder, on the terminal or as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from benchmark.durable import StoreError
from benchmark.listing import table
from benchmark.report.compared import DRAWS, least, narrow
from benchmark.report.estimate import NOTHING, plain
from benchmark.report.footers import left_out_notes
from benchmark.report.gathered import SEED, gather
from benchmark.report.leaderboard import sampled
from benchmark.report.mixed import mixed_notes
from benchmark.report.orders import Order, order_between
from benchmark.report.sampled import Sampled
from benchmark.report.selection import STAGES
from methods.errors import ConfigError

COLUMNS = ("table", "methods", "tasks", "rho", "again", "p", "decided", "turned")
READING = (
    "rho: Spearman's correlation of mean ranks with the first table, on the methods and tasks of "
    "both, with 95 % over seeds and test images. Again: the same between two draws of the first "
    "table, where nothing has changed but seeds and test images. An order has changed where rho "
    "lies below that; noise in either table pulls both towards 0. p: share of random orders that "
    "correlate as strongly. Decided: pairs of methods that both tables tell apart; turned: those "
    "told the other way."
)


@dataclass(frozen=True, slots=True)
class Named:
    """One stage and label fraction of a folder.

    Attributes:
        folder: Where a plan was run to.
        stage: One of ``STAGES``.
        fraction: Share of the labels.
        found: Its leaderboard with draws.
        remarks: What a reader has to know besides.
    """

    folder: Path
    stage: str
    fraction: float
    found: Sampled
    remarks: tuple[str, ...]

    @property
    def name(self) -> str:
        """As it is printed."""
        share = "" if self.fraction == 1.0 else f", {100 * self.fraction:g} % of the labels"
        return f"{self.folder.name}, {self.stage}{share}"


def show_orders(folders: Sequence[Path], *, stage: str, metric: str, as_json: bool) -> None:
    """Print how far each table agrees with the first folder's; cells of older code do not count.

    Raises:
        ConfigError: If a folder is given twice.
        StoreError: If the first folder holds no scores of the stage, or one of them is damaged.
    """
    lead, others = tables_of(folders, stage=stage, metric=metric)
    rng = np.random.default_rng(SEED)
    orders = [(each, order_between(lead.found, each.found, rng)) for each in others]
    if as_json:
        table([record(lead, *each) for each in orders], (), as_json=True)
        return
    show(lead, orders, Console(highlight=False))


def tables_of(folders: Sequence[Path], *, stage: str, metric: str) -> tuple[Named, list[Named]]:
    """The table that leads, and the others in the order of folders.

    Raises:
        ConfigError: If a folder is given twice.
        StoreError: If the first folder holds no scores of the stage, or one of them is damaged.
    """
    if len({folder.resolve() for folder in folders}) < len(folders):
        raise ConfigError("a folder is given twice: name each once")
    found = [each for folder in folders for each in read(folder, metric)]
    leads = [each for each in found if each.folder == folders[0] and each.stage == stage]
    if not leads:
        raise StoreError(f"{folders[0]} holds no scores of the stage {stage}: see `ldbench status`")
    lead = max(leads, key=lambda each: each.fraction)
    return lead, [each for each in found if each is not lead]


def read(folder: Path, metric: str) -> list[Named]:
    """A folder's tables."""
    gathered = gather(folder, "leave out")
    frame, left_out = gathered.frame(None), left_out_notes(gathered.left_out)
    found = []
    for stage, fraction in stages_of(frame):
        one = table_of(frame, stage, fraction, metric)
        remarks = (*left_out, *narrow(one.scores, None), *mixed_notes(gathered.there, stage))
        found.append(Named(folder, stage, fraction, one, remarks))
    return found


def stages_of(frame: pd.DataFrame) -> list[tuple[str, float]]:
    """Every stage with finished cells, and its label fractions, the largest first."""
    done = frame[frame["status"] == "done"]
    there = {(str(s), float(f)) for s, f in zip(done["stage"], done["fraction"], strict=True)}
    return sorted(there, key=lambda each: (STAGES.index(each[0]), -each[1]))


def table_of(frame: pd.DataFrame, stage: str, fraction: float, metric: str) -> Sampled:
    """One leaderboard; draws of any two are independent of each other."""
    rng = np.random.default_rng([SEED, STAGES.index(stage), round(1e6 * fraction)])
    return sampled(frame, rng, stage=stage, metric=metric, draws=DRAWS, fraction=fraction)


def record(lead: Named, named: Named, order: Order) -> dict[str, Any]:
    """A table's agreement, JSON-ready."""
    return {
        "first": lead.name,
        "table": named.name,
        "folder": str(named.folder),
        "stage": named.stage,
        "fraction": named.fraction,
        "methods": list(order.methods),
        "tasks": list(order.tasks),
        "rho": order.rho.record(),
        "p": plain(order.p),
        "again": order.again.record(),
        "decided": order.decided,
        "turned": [list(pair) for pair in order.turned],
        "reason": order.reason,
        "remarks": list(named.remarks),
    }


def show(lead: Named, orders: Sequence[tuple[Named, Order]], console: Console) -> None:
    """Print the table and what must be said beside it."""
    console.print(f"[bold]Order of the methods beside {lead.name}[/bold]")
    if orders:
        table([row(*each) for each in orders], COLUMNS, console=console)
    told = [f"{named.name}: {text}" for named, order in orders for text in said(order)]
    remarks = [text for each in (lead, *(named for named, _ in orders)) for text in each.remarks]
    for text in (*told, *dict.fromkeys(remarks)):
        console.print(f"- {text}", markup=False)
    console.print(READING, markup=False)


def said(order: Order) -> list[str]:
    """Why a table has no correlation, or which pairs it tells the other way."""
    turned = [f"{worse} before {better}, the other way round" for better, worse in order.turned]
    return [order.reason] if order.reason else turned


def row(named: Named, order: Order) -> dict[str, object]:
    """A table's agreement as it is printed."""
    known = not order.reason
    return {
        "table": named.name,
        "methods": len(order.methods),
        "tasks": len(order.tasks),
        "rho": order.rho.text(2),
        "again": order.again.text(2),
        "p": least(order.p) if known else NOTHING,
        "decided": order.decided if known else NOTHING,
        "turned": len(order.turned) if known else NOTHING,
    }
