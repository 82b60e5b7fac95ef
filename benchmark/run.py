"""Run what the store lacks.

The runner knows nothing of torch: pre-training and evaluation are handed to it, so that its
behaviour is tested in milliseconds.
"""

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from benchmark.cells import Cell, CellResult
from benchmark.store import Store

#: Lines of a traceback that are kept with a failed cell.
LINES_KEPT = 8


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A cell's result and, optionally, files to put beside it."""

    result: CellResult
    extra: Callable[[Path], None] | None = None


@runtime_checkable
class Bench(Protocol):
    """What the runner asks for."""

    def pretrained(self, cell: Cell) -> Any:  # noqa: ANN401
        """The cell's encoder, trained now or before."""

    def evaluated(self, cell: Cell, pretrained: Any) -> Evaluated:  # noqa: ANN401
        """The cell's result."""

    def failed(self, cell: Cell, reason: str, facts: dict[str, Any]) -> CellResult:
        """The result of a cell that could not be computed."""


@dataclass(slots=True)
class Runner:
    """One run over a grid.

    Attributes:
        store: Where results are kept; each is written when it is finished.
        bench: Trains and evaluates.
        say: Told about each finished cell, one line.
        kept: Cells that were already there.
        done: Cells computed now.
        failed: Cells that failed now, with their reasons.
    """

    store: Store
    bench: Bench
    say: Callable[[str], None]
    kept: int = 0
    done: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)

    def run(self, cells: Iterable[Cell]) -> None:
        """Compute every cell that the store lacks; a failure is a result, and the others go on.

        Interrupts pass through; everything finished until then is kept.
        """
        groups: dict[str, list[Cell]] = {}
        for cell in cells:
            if self.store.has_cell(cell.name):
                self.kept += 1
            else:
                groups.setdefault(cell.encoder, []).append(cell)
        for group in groups.values():
            self.run_group(group)

    def run_group(self, group: list[Cell]) -> None:
        """Compute the cells of one encoder."""
        try:
            pretrained = self.bench.pretrained(group[0])
        except Exception as error:  # noqa: BLE001  (kept as the cells' result, with its reason)
            for cell in group:
                self.fail(cell, "pre-training", error)
            return
        for cell in group:
            try:
                evaluated = self.bench.evaluated(cell, pretrained)
            except Exception as error:  # noqa: BLE001  (kept as the cell's result)
                self.fail(cell, "fine-tuning", error)
                continue
            self.store.put_cell(cell.name, evaluated.result, evaluated.extra)
            self.done += 1
            self.say(f"done    {cell.label}")

    def fail(self, cell: Cell, where: str, error: Exception) -> None:
        """Keep a failure as the cell's result."""
        reason = f"{where}: {type(error).__name__}: {error}"
        lines = traceback.format_exception(error)[-LINES_KEPT:]
        self.store.put_cell(cell.name, self.bench.failed(cell, reason, {"traceback": lines}))
        self.failed.append((cell.label, reason))
        self.say(f"FAILED  {cell.label}: {reason.splitlines()[0]}")
