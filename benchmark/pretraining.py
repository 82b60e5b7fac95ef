"""Every encoder of a plan and nothing downstream, by one process or by several together."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from rich.console import Console
from torch import distributed

from benchmark.bench import TorchBench
from benchmark.cells import Cell
from benchmark.comparison import Way, prepared, request_for
from benchmark.durable import vacant
from benchmark.executors import worker
from benchmark.grid import Grid
from benchmark.leases import Lease
from benchmark.machine import device_called
from benchmark.plan import Plan
from benchmark.progress import pretraining_images, progress_bar
from benchmark.roots import root_of
from benchmark.run import PATIENCE, Worker
from benchmark.store import ENCODER_RECORD, Store
from methods.errors import ConfigError
from methods.parallel import joined, rank, ranks
from tasks.base import Source


def pretrain_all(
    plan: Plan, data: str, out: Path, device_name: str, cache: Path | None = None
) -> list[str]:
    """Train every encoder of a plan that ``out`` lacks, and nothing downstream.

    Started by torchrun, each encoder is trained by all processes together.

    Takes and raises what ``compare`` does.

    Returns:
        The names of the encoders' folders, in the plan's order.
    """
    with joined(device_called(device_name)) as device:
        if plan.ranks != ranks():
            raise ConfigError(
                f"the plan asks for {plan.ranks} ranks, and there are {ranks()}: start torchrun "
                f"--nproc-per-node {plan.ranks} -m benchmark pretrain, or --set ranks={ranks()}"
            )
        console, store = Console(highlight=False, soft_wrap=True, quiet=rank() > 0), Store(out)
        with one_after_the_other():
            root = root_of(plan, data, store, console, cache)
            grid = prepared(plan, root, device_name, store, console)
        return trained(grid, root, store, device, console)


def trained(
    grid: Grid, root: Source, store: Store, device: torch.device, console: Console
) -> list[str]:
    """Train what is missing; the names of all encoders."""
    first = {cell.encoder: cell for cell in reversed(grid.cells)}
    ordered = list(dict.fromkeys(cell.encoder for cell in grid.cells))
    missing = of_first_rank([name for name in ordered if not store.has_encoder(name)])
    request = request_for(grid, root, store.root, str(device), grid.cells, Way())
    with progress_bar(console) as progress:
        total = sum(pretraining_images(grid, first[name].key.method) for name in missing)
        bar = progress.add_task("pre-training", total=total)
        with worker(
            request, grid, progress.console.print, lambda images: progress.advance(bar, images)
        ) as working:
            cells = [first[name] for name in missing]
            working.encoders(cells) if ranks() == 1 else together(working, cells)
    console.print(f"{len(missing)} encoders trained, {len(ordered) - len(missing)} kept")
    return ordered


@contextmanager
def one_after_the_other() -> Iterator[None]:
    """Let the first rank write caches and lists before the others read them."""
    if rank() > 0:
        distributed.barrier()
    yield
    if ranks() > 1 and rank() == 0:
        distributed.barrier()


def of_first_rank(names: list[str]) -> list[str]:
    """The first rank's list, for every rank: another call may finish one between two looks."""
    told = [names]
    if ranks() > 1:
        distributed.broadcast_object_list(told, src=0)
    return told[0]


def together(working: Worker, cells: Iterable[Cell]) -> None:
    """Train encoders by all ranks; the first one holds the leases and writes."""
    for cell in cells:
        lease = leased(working, cell) if rank() == 0 else None
        told: list[bool] = [lease is not None]
        distributed.broadcast_object_list(told, src=0)
        if not told[0]:
            continue  # another worker has trained it meanwhile
        assert isinstance(working.bench, TorchBench)
        try:
            working.bench.pretrain(cell, lease)
        finally:
            if lease is not None:
                working.leases.release(lease)
        working.say(f"done    {cell.key.method}")


def leased(working: Worker, cell: Cell) -> Lease | None:
    """The right to train an encoder; None if it is there, after waiting for whoever trains it."""
    while not working.store.has_encoder(cell.encoder):
        lease = working.leases.claim(cell.encoder, working.bench.mark(cell.encoder))
        if lease is not None:
            vacant(working.store.encoders / cell.encoder, ENCODER_RECORD)
            return lease
        time.sleep(PATIENCE)
    return None
