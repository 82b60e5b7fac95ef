"""From stored cells to one tidy frame: a row a score."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchmark.cells import CellResult, Status
from benchmark.store import Store

COLUMNS = [
    "method", "task", "domain", "source", "stage", "fraction", "seed", "metric", "image",
    "status", "score",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Wanted:
    """A cell that a plan asked for, as ``grid.json`` lists it."""

    name: str
    method: str
    task: str
    domain: str
    source: str
    stages: tuple[str, ...]
    fraction: float
    seed: int

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Wanted":
        """From JSON."""
        return cls(**{**record, "stages": tuple(record["stages"])})


def results(store: Store, wanted: Iterable[Wanted]) -> dict[str, CellResult]:
    """The finished cells among those wanted, by name."""
    return {cell.name: store.cell(cell.name) for cell in wanted if store.has_cell(cell.name)}


def tidy(wanted: Iterable[Wanted], found: Mapping[str, CellResult]) -> pd.DataFrame:
    """One row a score; cells that failed or are missing have one row a stage without a score."""
    rows: list[dict[str, Any]] = []
    for cell in wanted:
        result = found.get(cell.name)
        same = {
            "method": cell.method,
            "task": cell.task,
            "domain": cell.domain,
            "source": cell.source,
            "fraction": cell.fraction,
            "seed": cell.seed,
            "status": "missing" if result is None else str(result.status),
        }
        if result is not None and result.status is Status.DONE:
            rows += [
                {**same, "stage": stage, "image": image, "metric": metric, "score": score}
                for stage, image, metric, score in result.rows
            ]
        else:
            rows += [
                {**same, "stage": stage, "image": "", "metric": "dice", "score": float("nan")}
                for stage in cell.stages
            ]
    return pd.DataFrame(rows, columns=COLUMNS)
