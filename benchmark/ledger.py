"""What each cell has cost."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmark.asked import Wanted
from benchmark.cells import Status
from benchmark.status import Standing, State
from benchmark.store import Store

#: What methods may be held to have spent alike.
Axis = Literal["images", "steps", "flops", "seconds"]
#: The method that trains nothing: a control, whose budget is not compared.
CONTROL = "random"


@dataclass(frozen=True, slots=True)
class Entry:
    """A finished cell and what it cost.

    Attributes:
        cell: What was asked.
        record: What its JSON says.
    """

    cell: Wanted
    record: Mapping[str, Any]

    @property
    def facts(self) -> Mapping[str, Any]:
        """What is known of it besides its scores."""
        facts: Mapping[str, Any] = self.record["facts"]
        return facts

    def pretraining(self, axis: Axis) -> float | None:
        """What its encoder has cost; None if that is unknown."""
        return spent(self.record["cost"]["pretraining"], axis)

    def finetuning(self, axis: Axis) -> float | None:
        """What the cell itself has cost; None if that is unknown."""
        cost = self.record["cost"]
        if axis == "images" and cost.get("steps") is not None:
            return float(cost["steps"] * self.record["key"]["settings"].get("batch_size", 1))
        return spent(cost, axis)


def spent(cost: Mapping[str, Any], axis: Axis) -> float | None:
    """A cost on an axis; None if it is unknown."""
    parts = {
        "images": ("images_drawn",),
        "steps": ("steps",),
        "flops": ("forward", "backward"),
        "seconds": ("wall_seconds",),
    }[axis]
    values = [cost.get(part) for part in parts]
    return None if None in values else float(sum(value for value in values if value is not None))


def entries(store: Store, rows: Iterable[Standing]) -> list[Entry]:
    """The finished cells; those of older code and of methods that are not installed too."""
    there = (State.DONE, State.STALE, State.FOREIGN)
    found = [
        Entry(row.cell, store.record(row.folder))
        for row in rows
        if row.state in there and row.folder
    ]
    return [entry for entry in found if entry.record["status"] == Status.DONE]


def totals(found: Iterable[Entry]) -> list[dict[str, object]]:
    """A row a method: what its encoders and cells have cost together."""
    by_method: dict[str, list[Entry]] = defaultdict(list)
    for entry in found:
        by_method[entry.cell.method].append(entry)
    return [total(method, own) for method, own in by_method.items()]


def total(method: str, own: list[Entry]) -> dict[str, object]:
    """What a method's encoders (each once) and cells have cost together."""
    encoders = {e.facts["encoder"]: e.record["cost"]["pretraining"] for e in own}

    def of_encoders(*parts: str) -> int | float | None:
        return summed([cost.get(part) for cost in encoders.values() for part in parts])

    def of_cells(*parts: str) -> int | float | None:
        return summed([e.record["cost"].get(part) for e in own for part in parts])

    def tera(value: int | float | None) -> float | None:
        return None if value is None else round(value / 1e12, 3)

    peaks = [e.record["cost"].get("peak_mib", 0) for e in own]
    return {
        "method": method,
        "encoders": len(encoders),
        "cells": len(own),
        "images drawn": of_encoders("images_drawn"),
        "steps": of_encoders("steps"),
        "TFLOP in all": tera(of_encoders("forward", "backward", "aside")),
        "parameters": max((c.get("parameters") or 0 for c in encoders.values()), default=None),
        "trials": sum({e.cell.domain: e.cell.trials for e in own}.values()),
        "seconds": of_encoders("wall_seconds"),
        "processor seconds": of_encoders("processor_seconds"),
        "fine-tuning steps": of_cells("steps"),
        "fine-tuning TFLOP": tera(of_cells("forward", "backward", "aside")),
        "fine-tuning seconds": of_cells("wall_seconds"),
        "peak MiB": max([*peaks, *(c.get("peak_mib") or 0 for c in encoders.values())]),
    }


def summed(values: Iterable[int | float | None]) -> int | float | None:
    """The sum; None if a part of it is unknown."""
    known = list(values)
    return None if None in known else round(sum(value for value in known if value is not None), 3)
