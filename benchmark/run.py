"""Run what the store lacks, one worker of any number.

The worker knows nothing of torch: pre-training and evaluation are handed to it, so that its
behaviour is tested in milliseconds.
"""

import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Protocol, runtime_checkable

from benchmark.arms import PROBE, of_landmarks
from benchmark.cells import Cell, CellResult, Status
from benchmark.durable import StoreError, vacant
from benchmark.leases import Lease, Leases, LostLeaseError
from benchmark.store import CELL_RECORD, ENCODER_RECORD, Store
from methods.errors import InputError, TrainingError
from tasks import guided

#: What is done in cells that are not fine-tuned, for the reasons of failures.
WORK = {PROBE: "probing", **dict.fromkeys(guided.CELLS, "segmenting without labels")}
#: Lines of a traceback that are kept with a failed cell.
LINES_KEPT = 8
#: How many workers of one run may die over one thing, none further than the last, before it has
#: failed.
ATTEMPTS = 3
#: Seconds between two looks at what others compute, while there is nothing else to do.
PATIENCE = 0.5


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A cell's result and, optionally, files to put beside it."""

    result: CellResult
    extra: Callable[[Path], None] | None = None


class Outcome(Enum):
    """What became of something to compute."""

    COMPUTED = auto()
    #: It was there already.
    KEPT = auto()
    FAILED = auto()
    #: Another worker is at it.
    BUSY = auto()
    #: Another worker has taken over; what was computed is thrown away.
    LOST = auto()


@runtime_checkable
class Bench(Protocol):
    """What a worker asks for."""

    def mark(self, name: str) -> str:
        """How far the training called ``name`` is."""

    def pretrain(self, cell: Cell, lease: Lease) -> None:
        """Train the cell's encoder and keep it."""

    def evaluated(self, cell: Cell, lease: Lease) -> Evaluated:
        """The cell's result, from its encoder."""

    def unfinished(self, cell: Cell, status: Status, reason: str, lines: list[str]) -> CellResult:
        """The result of a cell that could not be computed."""

    def status_of(self, error: Exception) -> Status:
        """How a cell ended that raised this."""

    def resumable(self, error: Exception) -> bool:
        """Whether a training that ended so may go on from its checkpoint, if it is asked for."""

    def device_broke(self, error: Exception) -> bool:
        """Whether the device can compute nothing more in this process."""

    def forget(self, name: str) -> None:
        """Remove what was kept of a training under way."""


@dataclass(slots=True)
class Worker:
    """Computes what a store lacks of a grid, beside any number of others.

    Attributes:
        store: Where results are kept; each is written when it is finished.
        bench: Trains and evaluates.
        leases: Who computes what; entered by the caller.
        say: Told about each finished cell, one line.
        computed: Names of the cells computed by this worker.
        failed: Names of the cells that failed here, with their reasons.
        lost: How often another worker had taken over.
    """

    store: Store
    bench: Bench
    leases: Leases
    say: Callable[[str], None]
    computed: list[str] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)
    lost: int = 0

    def run(self, cells: Iterable[Cell]) -> None:
        """Work until no cell is missing; a failure is a result, and the others go on.

        Interrupts pass through; everything finished until then is kept.
        """
        self.store.drop_checkpoints()
        self.leases.sweep(self.store.has_ended)
        left = list(cells)
        while left := [cell for cell in left if not self.store.has_cell(cell.name)]:
            if not any(self.group(group) for group in by_encoder(left)):
                time.sleep(PATIENCE)

    def group(self, group: Sequence[Cell]) -> bool:
        """Compute what nobody else computes of one encoder's cells; whether anything was done."""
        outcome = self.encoder(group)
        if outcome in (Outcome.BUSY, Outcome.LOST, Outcome.FAILED):
            return outcome is Outcome.FAILED
        outcomes = [self.cell(cell) for cell in group]
        return bool({Outcome.COMPUTED, Outcome.FAILED} & {outcome, *outcomes})

    def encoders(self, cells: Iterable[Cell]) -> None:
        """Pre-train what these cells need, and nothing downstream; a failure ends the run."""
        left = list(cells)
        while left := [cell for cell in left if not self.store.has_encoder(cell.encoder)]:
            outcomes = {self.encoder([cell], keep_failure=False) for cell in left}
            if Outcome.COMPUTED not in outcomes:
                time.sleep(PATIENCE)

    def encoder(self, group: Sequence[Cell], *, keep_failure: bool = True) -> Outcome:
        """Pre-train an encoder, unless it is there or somebody does; its cells fail with it."""
        first = group[0]

        def there() -> bool:
            # A failed pre-training leaves no encoder, but all of its cells.
            ended = all(self.store.has_cell(cell.name) for cell in group)
            return (ended and keep_failure) or self.store.has_encoder(first.encoder)

        def train(lease: Lease) -> None:
            vacant(self.store.encoders / first.encoder, ENCODER_RECORD)
            self.bench.pretrain(first, lease)
            if not keep_failure:
                self.say(f"done    {first.key.method}")

        failing = group if keep_failure else ()
        return self.leased(first.encoder, there, train, failing, "pre-training")

    def cell(self, cell: Cell) -> Outcome:
        """Compute a cell whose encoder is there, unless it is there or somebody does."""

        def there() -> bool:
            return self.store.has_cell(cell.name)

        def evaluate(lease: Lease) -> None:
            vacant(self.store.cells / cell.name, CELL_RECORD)
            evaluated = self.bench.evaluated(cell, lease)
            if not self.store.put_cell(cell, evaluated.result, evaluated.extra, lease.check):
                raise LostLeaseError(f"{cell.name} was finished by another worker")
            self.bench.forget(cell.name)
            self.computed.append(cell.name)
            self.say(f"done    {cell.label}")

        what = WORK.get(cell.key.stages, "fine-tuning")
        what = "finding landmarks" if of_landmarks(cell.key.stages) else what
        return self.leased(cell.name, there, evaluate, [cell], what)

    def leased(
        self,
        name: str,
        there: Callable[[], bool],
        compute: Callable[[Lease], None],
        cells: Sequence[Cell],
        what: str,
    ) -> Outcome:
        """Compute something if it is not there and nobody else does.

        What goes wrong is kept as the cells' result; if none is named, it is raised.
        """
        if there():
            return Outcome.KEPT
        lease = self.leases.claim(name, self.bench.mark(name))
        if lease is None:
            return Outcome.BUSY
        try:
            if there():
                return Outcome.KEPT
            not_deadly(lease)
            lease.hung = lambda error: self.give_up(cells, what, error, lease)
            compute(lease)
        except StoreError:
            raise  # not the method's fault: nothing is noted, and the run ends
        except Exception as error:
            # Whatever went wrong without the lease, e.g. with files that the new holder removed.
            if isinstance(error, LostLeaseError) or not lease.held():
                self.lost += 1
                self.say(f"lost    {name} was taken over by another worker")
                return Outcome.LOST
            if not cells:
                raise
            self.failing(cells, what, error, lease)
            if self.bench.device_broke(error):
                raise BrokenDeviceError(
                    f"{what} of {name}: the device broke ({str(error).splitlines()[0]}) and can "
                    "compute nothing more in this process: run again to go on"
                ) from error
            return Outcome.FAILED
        finally:
            self.leases.release(lease)
        return Outcome.COMPUTED

    def failing(self, cells: Sequence[Cell], what: str, error: Exception, lease: Lease) -> None:
        """Keep a failure as the result of some cells."""
        for cell in cells:
            self.fail(cell, what, error, lease)
        if not self.bench.resumable(error):
            self.bench.forget(lease.name)

    def give_up(self, cells: Sequence[Cell], what: str, error: Exception, lease: Lease) -> None:
        """Keep that something hangs, from another thread; the process ends afterwards."""
        if cells:
            self.failing(cells, what, error, lease)
        self.leases.release(lease)

    def fail(self, cell: Cell, what: str, error: Exception, lease: Lease) -> None:
        """Keep a failure as the cell's result."""
        reason = f"{what}: {type(error).__name__}: {error}"
        lines = traceback.format_exception(error)[-LINES_KEPT:]
        status = self.bench.status_of(error)
        result = self.bench.unfinished(cell, status, reason, lines)
        try:
            kept = self.store.put_cell(cell, result, before=lease.check)
        except LostLeaseError:
            kept = False
        if kept:
            self.failed.append((cell.name, reason))
            self.say(f"{status.upper():7} {cell.label}: {reason.splitlines()[0]}")


class BrokenDeviceError(InputError):
    """A device that has to be started anew, with the process."""


class DiedError(TrainingError):
    """Several workers died over one thing."""


def not_deadly(lease: Lease) -> None:
    """Insist that not too many have died over something.

    Raises:
        DiedError: If they have.
    """
    if lease.holder.attempt > ATTEMPTS:
        raise DiedError(
            f"{ATTEMPTS} workers died over this, none further than the one before: was memory "
            "short? Give it more and run with --retry-failed"
        )


def by_encoder(cells: Iterable[Cell]) -> list[list[Cell]]:
    """Cells by the encoder that they need, in the order in which encoders first come."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(cell.encoder, []).append(cell)
    return list(groups.values())
