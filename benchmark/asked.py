"""What was asked of a results folder, so that a table knows what is missing.

Several calls may ask for parts of one comparison: some methods now, others later or by another
worker. What they ask is put together as long as they agree on everything else.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock

from benchmark import registry
from benchmark.cells import Cell, canonical
from benchmark.durable import StoreError, json_text, put_file, read_json, writing
from benchmark.parts import TunedPart

#: What a call may ask for in parts; everything else in a plan is the comparison's terms.
PARTS = (
    "title", "methods", "tasks", "seeds", "config", "limits", "encoders", "tuning", "tuned",
    "skip", "shapes", "landmarks",
)  # fmt: skip


#: What of the budget an audit holds methods to.
AUDITED = ("axis", "tolerance")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A cell that was asked for.

    Attributes:
        name: Its folder, by the code at the time of asking.
        method: As registered.
        task: As registered.
        domain: Of the task.
        source: real, phantom or stand-in images.
        stages: ("frozen", "finetuned"), ("frozen",), ("direct",), ("probe", "neighbours"), one of
            ``tasks.guided.CELLS``, or those of landmarks (``tasks.landmarks``).
        fraction: Share of the labels.
        seed: Of everything drawn.
        encoder: The encoder's folder, by the code at the time of asking.
        key: The cell's key, as in its JSON.
        given: Whether the encoder is somebody else's (``methods.given``), not a method's.
        trials: How many trials its hyperparameters were chosen from; 0 if they were not tuned. Here
            and not in the cell, which is the same if the defaults have won.
        tuning: On which terms.
        guided: Whether the row is one of a shape prior (``methods.ld.shape_guided``).
    """

    name: str
    method: str
    task: str
    domain: str
    source: str
    stages: tuple[str, ...]
    fraction: float
    seed: int
    encoder: str
    key: Mapping[str, Any] = field(hash=False)
    given: bool = False
    trials: int = 0
    tuning: str = ""
    guided: bool = field(default=False, metadata={"added later": True})

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> "Wanted":
        """From JSON."""
        return cls(**{**record, "stages": tuple(record["stages"])})

    @classmethod
    def by(cls, cell: Cell, domain: str, source: str, tuned: TunedPart | None = None) -> "Wanted":
        """From a cell of a grid, and what its hyperparameters were chosen from."""
        key = canonical(cell.key)
        return cls(
            name=cell.name,
            method=cell.key.method,
            task=cell.key.task,
            domain=domain,
            source=source,
            stages=cell.key.stages,
            fraction=cell.key.settings["fraction"],
            seed=cell.key.seed,
            encoder=cell.encoder,
            key=key,
            given=registry.GIVEN in cell.fingerprint,
            trials=tuned.trials if tuned else 0,
            tuning=tuned.terms if tuned else "",
            guided=registry.SHAPE_GUIDED in cell.fingerprint,
        )

    @property
    def place(self) -> tuple[object, ...]:
        """Where in the table it goes; one cell has that place, the one asked for last."""
        return self.method, self.task, self.stages, self.fraction, self.seed

    @property
    def label(self) -> str:
        """For people."""
        share = "" if self.fraction == 1.0 else f" at {self.fraction:.0%} of the labels"
        return f"{self.method} / {self.task}{share} / seed {self.seed} / {self.stages[-1]}"

    @property
    def key_digits(self) -> str:
        """What the names of all results of this key begin with, whatever the code."""
        return self.name.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Asked:
    """Everything that was asked of a folder.

    Attributes:
        title: Of the last plan.
        terms: What all calls agree on.
        pretrains: Encoders' folders to their keys.
        cells: In the order to show them.
    """

    title: str
    terms: Mapping[str, Any]
    pretrains: Mapping[str, Any]
    cells: tuple[Wanted, ...]


def asked(root: Path) -> Asked:
    """What was asked of a results folder.

    Raises:
        StoreError: If it holds no results, or nothing readable.
    """
    path = root / "grid.json"
    if not path.is_file():
        raise StoreError(
            f"{root} holds no results: run a plan first, e.g. `ldbench run PLAN --data ROOT --out "
            f"{root}`"
        )
    record = read_json(path)
    try:
        cells = tuple(Wanted.of(entry) for entry in record["cells"])
        return Asked(record["title"], record["terms"], record["pretrains"], cells)
    except (KeyError, TypeError) as error:
        raise StoreError(
            f"{path} is of another version or damaged ({error!r}): run the plan again into a new "
            "folder"
        ) from error


def ask(root: Path, new: Asked) -> None:
    """Note what a plan asks for, beside what others have asked before.

    Raises:
        StoreError: If the folder belongs to a plan on other terms; nothing is written then.
    """
    with writing(root):
        root.mkdir(parents=True, exist_ok=True)
        lock = FileLock(root / ".grid.lock")
        with lock:
            old = asked(root) if (root / "grid.json").is_file() else new
            agree(root, old, new)
            put_file(root / "grid.json", json_text(joined(old, new)))


def agree(root: Path, old: Asked, new: Asked) -> None:
    """Insist that a folder's plan and another are on the same terms."""
    for place in difference(decisive(old, new), decisive(new, old)):
        raise StoreError(
            f"{root} holds results of the plan {old.title!r}, which differs in {place}: give "
            "another --out, so that no table mixes the two"
        )


def decisive(mine: Asked, other: Asked) -> dict[str, Any]:
    """Terms that two plans must share, as one of them has them.

    Not what an audit alone looks at, which changes no result; nor pools of domains and settings of
    tasks that only one of the two has: a plan may be run part by part.
    """
    terms = mine.terms
    budget = {k: v for k, v in terms.get("budget", {}).items() if k not in AUDITED}
    pools = {k: v for k, v in terms.get("pools", {}).items() if k in other.terms.get("pools", {})}
    both = {cell.task for cell in mine.cells} & {cell.task for cell in other.cells}
    downstream = dict(terms.get("downstream", {}))
    own = {task: own for task, own in downstream.pop("tasks", {}).items() if task in both}
    return {**terms, "budget": budget, "pools": pools, "downstream": {**downstream, "tasks": own}}


def together(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Terms of two plans that agree, with the pools and tasks' settings of both."""
    terms = dict(new)
    if "pools" in old:
        terms["pools"] = {**old["pools"], **new.get("pools", {})}
    if "tasks" in old.get("downstream", {}):
        own = {**old["downstream"]["tasks"], **new.get("downstream", {}).get("tasks", {})}
        terms["downstream"] = {**new.get("downstream", {}), "tasks": own}
    return terms


def joined(old: Asked, new: Asked) -> dict[str, Any]:
    """Both together, JSON-ready; where both have a cell for one place, the newer."""
    places = {cell.place: cell for cell in (*old.cells, *new.cells)}
    used = {cell.encoder for cell in places.values()}
    pretrains = {
        name: key for name, key in ({**old.pretrains, **new.pretrains}).items() if name in used
    }
    cells = [listed(cell) for cell in places.values()]
    terms = together(old.terms, new.terms)
    return {"title": new.title, "terms": terms, "pretrains": pretrains, "cells": cells}


def listed(cell: Wanted) -> dict[str, Any]:
    """A cell as ``grid.json`` lists it."""
    record: dict[str, Any] = json.loads(json_text({**canonical(cell), "key": dict(cell.key)}))
    return record


def flat(record: Mapping[str, Any], place: str = "") -> dict[str, Any]:
    """Nested tables as one, with dotted names."""
    out: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            out |= flat(value, f"{place}{name}.")
        else:
            out[f"{place}{name}"] = list(value) if isinstance(value, tuple) else value
    return out


def difference(one: Mapping[str, Any], other: Mapping[str, Any]) -> Iterable[str]:
    """Where two records differ: "size (64, not 128)"."""
    a, b = flat(one), flat(other)
    for name in [*a, *(name for name in b if name not in a)]:
        if a.get(name) != b.get(name):
            yield f"{name} ({shown(a.get(name))}, not {shown(b.get(name))})"


def shown(value: object) -> str:
    """A value in a sentence; a list by its length, a digest by its first digits."""
    if isinstance(value, list) and len(value) > 4:
        return f"{len(value)} entries"
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."
