"""From stored cells to one tidy frame: a row a score."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmark import registry
from benchmark.asked import Wanted
from benchmark.cells import EMULATES, EXCLUDED, PERSONS, SET, Status
from benchmark.durable import intact
from benchmark.report.prices import Price, price
from benchmark.status import State, changed, code_of, found
from benchmark.store import FIELDS, SCORES, Store
from tasks.landmarks import FACTS as LANDMARKS
from tasks.listed import ListedTask

COLUMNS = [
    "method", "task", "domain", "source", "stage", "fraction", "seed", "metric", "image",
    "status", "score",
]  # fmt: skip
#: What of a cell's facts a report shows; the rest is left on disk, for there may be many cells.
SHOWN = (
    *("encoder", "pool", "pool images", EXCLUDED, "blind", "kind", "representation", "pictured"),
    *("prior", "layout", LANDMARKS, SET, PERSONS),
)


@dataclass(frozen=True, slots=True)
class Result:
    """A cell that is there, without its scores.

    Attributes:
        folder: Name of its folder.
        status: How it ended.
        state: Whether its code is today's.
        changes: Modules whose code has changed since.
        facts: Those of ``SHOWN`` that are known.
        price: What its encoder has cost.
        machine: What kind of device has computed it, as far as bits depend on that; "" if unknown.
    """

    folder: str
    status: Status
    state: State
    changes: tuple[str, ...]
    facts: Mapping[str, Any]
    price: Price
    machine: str = ""


def results(store: Store, wanted: Sequence[Wanted]) -> dict[Wanted, Result]:
    """The cells that are there among those wanted.

    Raises:
        StoreError: If one cannot be read or was changed after it was written.
    """
    out = {}
    for cell, (folder, state) in found(store, wanted).items():
        record = store.record(folder)
        now = code_of(cell) or {}
        changes = changed(record["fingerprint"], now) if state is State.STALE else ()
        facts = {name: record["facts"][name] for name in SHOWN if name in record["facts"]}
        cost = record["cost"]
        known = price(cost.get("pretraining", {}))
        status = Status(record["status"])
        out[cell] = Result(folder, status, state, tuple(changes), facts, known, machine(cost))
    return out


def machine(cost: Mapping[str, Any]) -> str:
    """The device and whether bfloat16 is float32 rounded there; "" if it is not known."""
    device = str(cost.get("device", ""))
    return f"{device} without bfloat16" if device and cost.get(EMULATES) else device


def tidy(
    store: Store,
    wanted: Sequence[Wanted],
    there: Mapping[Wanted, Result],
    metric: str | None = None,
) -> pd.DataFrame:
    """One row a score; cells that failed or are missing have one row a stage without a score.

    Args:
        store: The results folder.
        wanted: The cells asked for.
        there: Those that are there.
        metric: The only one to read, where there are many cells; all of them if None.

    Raises:
        StoreError: If a cell's scores cannot be read or were changed after they were written.
    """
    cells, tables = [], []
    for cell in wanted:
        result = there.get(cell)
        if result is not None and result.status is Status.DONE:
            data = pa.BufferReader(intact(store.cells / result.folder, SCORES))
            # A thread pool costs more than so small a file.
            table = pq.ParquetFile(data).read(use_threads=False)
            if metric is not None:
                table = table.filter(pc.equal(table["metric"], metric))
        else:
            table = empty(cell.stages)
        tables.append(table)
        cells.append(
            (
                cell.method,
                cell.task,
                cell.domain,
                cell.source,
                cell.fraction,
                cell.seed,
                "missing" if result is None else str(result.status),
            )
        )
    names = ["method", "task", "domain", "source", "fraction", "seed", "status"]
    same = pd.DataFrame(cells, columns=names)
    counts = [table.num_rows for table in tables]
    frame = same.loc[same.index.repeat(counts)].reset_index(drop=True)
    if tables:
        frame = pd.concat([frame, pa.concat_tables(tables).to_pandas()], axis=1)
    frame = frame.reindex(columns=COLUMNS)
    tasks = {cell.task for cell in wanted}
    told = {
        cell.task: [int(number) for number in there[cell].facts[PERSONS]]
        for cell in wanted
        if cell in there and PERSONS in there[cell].facts
    }
    images = {task: set(frame.loc[frame["task"] == task, "image"]) for task in tasks}
    people = {
        task: persons(task, sorted(images[task] - {""}), told.get(task, [])) for task in tasks
    }
    return frame.assign(
        person=[
            people[task].get(image, "")
            for task, image in zip(frame["task"], frame["image"], strict=True)
        ]
    )


def persons(task: str, images: Sequence[str], told: Sequence[int]) -> dict[str, str]:
    """Who is shown on a task's test images, as far as is known; else an image stands for one.

    The same name on two tasks if one data set's tasks show one person.

    Args:
        task: Its name.
        images: Names, sorted, each once.
        told: What cells say of tasks of somebody's own files, and of packages that are not here: a
            number for each image. Empty if they say nothing.
    """
    known = registry.task(task) if task in registry.tasks() else None
    if isinstance(known, ListedTask):
        return {image: f"{known.info.folder}/{known.person(image) or image}" for image in images}
    numbers = told if len(told) == len(images) else images
    return {image: f"{task}/{who}" for image, who in zip(images, numbers, strict=True)}


def empty(stages: Sequence[str]) -> pa.Table:
    """A row a stage that says that there is no score."""
    rows = [{"stage": s, "image": "", "metric": "dice", "score": float("nan")} for s in stages]
    return pa.Table.from_pylist(rows, schema=FIELDS)
