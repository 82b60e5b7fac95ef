"""Cells that a plan leaves out, with its reason: ``[skip]`` with METHOD/TASK = "why"."""

from collections.abc import Callable, Sequence

import torch

from benchmark.bench import TorchBench
from benchmark.cells import Cell, Status
from benchmark.executors import quiet
from benchmark.grid import Grid
from benchmark.plan import entry
from benchmark.store import Store


def reasons(grid: Grid) -> dict[str, str]:
    """Why each of the cells that the plan leaves out is left out, by the cell's name."""
    called = dict(zip(grid.tasks, map(entry, grid.plan.tasks), strict=True))
    places = {cell.name: f"{cell.key.method}/{called[cell.key.task]}" for cell in grid.cells}
    return {name: grid.plan.skip[at] for name, at in places.items() if at in grid.plan.skip}


def outdated(grid: Grid, store: Store, cells: Sequence[Cell]) -> list[Cell]:
    """Cells that are there and not what the plan says of them now.

    They were left out by a plan that had another reason, or have failed and are now left out.
    """
    skipped, out = reasons(grid), []
    for cell in cells:
        if not store.has_cell(cell.name):
            continue
        status, why = store.status(cell.name), skipped.get(cell.name)
        if status is Status.SKIPPED:
            if store.record(cell.name)["reason"] != why:
                out.append(cell)
        elif why is not None and status is not Status.DONE:
            out.append(cell)
    return out


def without_skipped(
    grid: Grid, store: Store, cells: Sequence[Cell], say: Callable[[str], None]
) -> list[Cell]:
    """Keep the plan's reasons as the results of the cells that it leaves out.

    Returns:
        The other cells.
    """
    bench = TorchBench(grid, store, torch.device("cpu"), lambda _: None, quiet)
    skipped = reasons(grid)
    for cell in cells:
        if (why := skipped.get(cell.name)) is None:
            continue
        if store.put_cell(cell, bench.unfinished(cell, Status.SKIPPED, why, [])):
            say(f"skipped {cell.label}: {why}")
    return [cell for cell in cells if cell.name not in skipped]
