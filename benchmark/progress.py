"""How much a grid still has to train, and a bar that shows it."""

from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmark.arms import trains
from benchmark.cells import Cell
from benchmark.grid import Grid
from benchmark.store import Store
from tasks import guided
from tasks.finetuning import STAGES

#: The method that trains nothing.
FLOOR = "random"


def pretraining_images(grid: Grid, method: str) -> int:
    """Images that pre-training a row passes: none for the floor and somebody else's encoders."""
    untrained = method == FLOOR or method in grid.plan.encoders
    return 0 if untrained else grid.budget_of(method).images


def finetuning_images(cell: Cell) -> int:
    """Images that fine-tuning a cell passes; none if nothing is trained in it."""
    if not trains(cell.key.stages):
        return 0
    passed: int = cell.key.settings["steps"] * cell.key.settings["batch_size"]
    if cell.key.stages == guided.REFINED:
        return passed
    return sum(STAGES[stage][1] * passed for stage in cell.key.stages)


def work(grid: Grid, missing: Iterable[Cell], store: Store) -> int:
    """Images that training the missing cells will pass."""
    cells = list(missing)
    encoders = {cell.encoder: cell.key.method for cell in cells}
    pretraining = sum(
        pretraining_images(grid, method)
        for encoder, method in encoders.items()
        if not store.has_encoder(encoder)
    )
    return pretraining + sum(finetuning_images(cell) for cell in cells)


def progress_bar(console: Console) -> Progress:
    """Share done, time spent and time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )
