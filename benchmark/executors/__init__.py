"""Who computes a grid: this process, several of this machine, or a Ray cluster.

Whoever it is, what is computed by whom is settled by leases in the results folder
(``benchmark.leases``), so that any mix of them may share one.
"""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol, runtime_checkable

from benchmark.bench import TorchBench
from benchmark.cells import Cell
from benchmark.checkpoints import EVERY
from benchmark.computing import ready
from benchmark.durable import StoreError
from benchmark.fingerprint import fingerprint
from benchmark.grid import Grid, settle
from benchmark.leases import BEAT, STALE, Leases
from benchmark.machine import device_called
from benchmark.plan import Plan
from benchmark.rows import module_of
from benchmark.run import Worker
from benchmark.status import changed
from benchmark.store import Store
from tasks.base import Source

Say = Callable[[str], None]
Observe = Callable[[int], None]


@runtime_checkable
class Job(Protocol):
    """Work that any number of processes may do together; can be pickled."""

    @property
    def plan(self) -> Plan:
        """Whose threads each process uses."""

    @property
    def device(self) -> str:
        """Where to compute."""

    def on(self, device: str) -> "Job":
        """The same on another device."""

    def work(self, say: Say, observe: Observe) -> None:
        """Work until nothing is left, beside whoever else does.

        Raises:
            InputError: If there is something that the user must see to.
        """


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that another process needs to know in order to take part; can be pickled.

    Attributes:
        plan: What to compute.
        source: Where the images are, seen from there too.
        out: The results folder, seen from there too.
        device: "auto", "cpu" or "cuda".
        code: Method to its code's fingerprint, by whoever asks.
        names: The cells to compute.
        every: Seconds between two checkpoints of a training.
        stale: Seconds of silence after which a worker counts as dead.
        beat: Seconds between two signs of life.
        run: Tells this request's workers from those of others.
    """

    plan: Plan
    source: Source
    out: Path
    device: str
    code: dict[str, dict[str, str]]
    names: tuple[str, ...]
    every: float = EVERY
    stale: float = STALE
    beat: float = BEAT
    run: str = field(default_factory=lambda: uuid.uuid4().hex)

    def on(self, device: str) -> "Request":
        """The same on another device."""
        return replace(self, device=device)

    def work(self, say: Say, observe: Observe) -> None:
        """Compute what is missing, beside whoever else shares the folder."""
        grid = joined(self)
        with worker(self, grid, say, observe) as working:
            working.run(self.chosen(grid))

    def chosen(self, grid: Grid) -> list[Cell]:
        """The cells to compute, in the grid's order."""
        wanted = set(self.names)
        return [cell for cell in grid.cells if cell.name in wanted]


class OtherCodeError(StoreError):
    """A worker whose code is not that of whoever asks."""


@runtime_checkable
class Executor(Protocol):
    """Computes what is asked for and not there."""

    def run(self, request: Request, grid: Grid, say: Say, observe: Observe) -> None:
        """Compute.

        Args:
            request: What to compute.
            grid: The same, with its data, in this process.
            say: Told about each finished cell, one line.
            observe: Told how many images training has passed since the last call.

        Raises:
            StoreError: If results cannot be written.
        """

    def share(self, job: Job, pieces: int, say: Say, observe: Observe) -> None:
        """Let processes do a job together.

        Args:
            job: What to do.
            pieces: How many parts it has at most, to be done at once.
            say: Told about each finished part, one line.
            observe: Told how much was done since the last call.

        Raises:
            StoreError: If results cannot be written.
        """


class Serial:
    """Computes in this process."""

    def run(self, request: Request, grid: Grid, say: Say, observe: Observe) -> None:
        """Compute cell after cell, beside whoever else shares the folder."""
        with worker(request, grid, say, observe) as working:
            working.run(request.chosen(grid))

    def share(self, job: Job, pieces: int, say: Say, observe: Observe) -> None:
        """Do it all."""
        del pieces
        job.work(say, observe)


@contextmanager
def worker(request: Request, grid: Grid, say: Say, observe: Observe) -> Iterator[Worker]:
    """A worker that lives as long as the context."""
    store = Store(request.out)
    ready(request.plan.threads)
    bench = TorchBench(grid, store, device_called(request.device), observe, say, request.every)
    with Leases(store.leases, request.stale, request.beat, request.run) as leases:
        yield Worker(store, bench, leases, say)


def joined(request: Request) -> Grid:
    """The request's grid in another process.

    Raises:
        OtherCodeError: If this process runs other code of a method, or sees other data.
    """
    for method, code in request.code.items():
        modules = changed(code, fingerprint(module_of(request.plan, method)))
        if modules:
            raise OtherCodeError(
                f"a worker runs other code of {method} than the one that asks ({modules[0]} "
                "differs): install the same version everywhere"
            )
    device = device_called(request.device)
    grid = settle(request.plan, request.source, device, quiet, Store(request.out).exclusions)
    absent = set(request.names) - {cell.name for cell in grid.cells}
    if absent:
        raise OtherCodeError(
            f"a worker sees other data, precision or code than the one that asks: {len(absent)} "
            "of the cells have another key there; let all see the same files and devices"
        )
    return grid


def quiet(line: str) -> None:
    """Say nothing."""
    del line
