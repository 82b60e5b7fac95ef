"""One plan from start to end: data, grid, runner, with a progress bar."""

from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmark import registry
from benchmark.bench import TorchBench
from benchmark.grid import Grid, settle
from benchmark.machine import device_called
from benchmark.plan import Plan
from benchmark.run import Runner
from benchmark.store import Store
from tasks.base import Source
from tasks.cache import default_folder
from tasks.finetuning import STAGES
from tasks.manifest import digest
from tasks.pools import pool_called

PHANTOM = "phantom"
#: The method that trains nothing.
FLOOR = "random"


def compare(plan: Plan, data: str, out: Path, device_name: str, cache: Path | None = None) -> int:
    """Compute every cell of a plan that ``out`` lacks.

    Args:
        plan: What to run.
        data: The data root, or "phantom" for embedded data written below ``out``.
        out: Where results go.
        device_name: "auto", "cpu" or "cuda".
        cache: Where prepared images are kept; phantoms' are below ``out``.

    Returns:
        How many cells of the plan have failed, now or before.

    Raises:
        InputError: If the plan or the data cannot be used; nothing is written then.
    """
    console, store = Console(highlight=False), Store(out)
    grid, device = prepared(plan, data, device_name, cache, store, console)
    with progress_bar(console) as progress:
        missing = [cell for cell in grid.cells if not store.has_cell(cell.name)]
        bar = progress.add_task(
            "training", total=work(grid, {cell.name for cell in missing}, store)
        )
        bench = TorchBench(grid, store, device, lambda images: progress.advance(bar, images))
        runner = Runner(store, bench, progress.console.print)
        runner.run(grid.cells)
    console.print(
        f"{runner.done} cells computed, {runner.kept} kept, {len(runner.failed)} failed now"
    )
    return sum(store.cell(cell.name).status != "done" for cell in grid.cells)


def pretrain_all(
    plan: Plan, data: str, out: Path, device_name: str, cache: Path | None = None
) -> list[str]:
    """Train every encoder of a plan that ``out`` lacks, and nothing downstream.

    Takes and raises what ``compare`` does.

    Returns:
        The names of the encoders' folders, in the plan's order.
    """
    console, store = Console(highlight=False), Store(out)
    grid, device = prepared(plan, data, device_name, cache, store, console)
    first = {cell.encoder: cell for cell in reversed(grid.cells)}
    ordered = list(dict.fromkeys(cell.encoder for cell in grid.cells))
    missing = [name for name in ordered if not store.has_encoder(name)]
    with progress_bar(console) as progress:
        total = sum(grid.budget.images for name in missing if first[name].key.method != FLOOR)
        bar = progress.add_task("pre-training", total=total)
        bench = TorchBench(grid, store, device, lambda images: progress.advance(bar, images))
        for name in missing:
            bench.pretrained(first[name])
            progress.console.print(f"done    {first[name].key.method}")
    console.print(f"{len(missing)} encoders trained, {len(ordered) - len(missing)} kept")
    return ordered


def prepared(
    plan: Plan,
    data: str,
    device_name: str,
    cache: Path | None,
    store: Store,
    console: Console,
) -> tuple[Grid, torch.device]:
    """A plan's grid with its data read, noted in the store, and the device to compute on."""
    device = device_called(device_name)
    torch.set_num_threads(plan.threads)
    root = source(plan, data, store, console, cache)
    grid = settle(plan, root, device, console.print, store.exclusions)
    store.put_grid(plan.title, wanted(grid))
    for frozen in grid.exclusions:
        frozen.keep()
    for domain, pool in grid.pools.items():
        count = len(pool.excluded)
        console.print(
            f"{count} of {count + len(pool.files)} {domain} pool images recur among test images "
            "and are left out"
        )
    return grid, device


def source(plan: Plan, data: str, store: Store, console: Console, cache: Path | None) -> Source:
    """The data root, written first if it is to hold phantoms."""
    if data != PHANTOM:
        return Source.at(Path(data), cache or default_folder())
    from tasks.phantoms import VERSION, write_phantoms  # noqa: PLC0415

    part, datasets = plan.phantom, phantom_datasets(plan)
    # The name tells apart what other plans and versions have written beside it.
    name = digest([part.model_dump(), datasets, VERSION])[:8]
    root = store.root / f"phantoms-{part.scale}-{part.size}-{part.seed}-{name}"
    if not root.is_dir():
        console.print(f"drawing phantoms into {root}")
        store.root.mkdir(parents=True, exist_ok=True)
        write_phantoms(root, scale=part.scale, seed=part.seed, size=part.size, datasets=datasets)
    return Source.at(root, cache or store.cache)


def phantom_datasets(plan: Plan) -> list[str]:
    """The phantom data sets that a plan's tasks and pools read."""
    from tasks.phantoms import DATASETS  # noqa: PLC0415

    # A task of two archives names both, such as "JSRT (images) and SCR (masks)".
    places = [registry.task(name).info.folder for name in plan.tasks]
    pools = [pool_called(name, domain) for domain, name in plan.pools.items()]
    places += [pattern for pool in pools if pool.folder is None for pattern in pool.patterns]
    return [dataset for dataset in DATASETS if any(dataset in place for place in places)]


def wanted(grid: Grid) -> list[dict[str, object]]:
    """The plan's cells as ``grid.json`` lists them."""
    return [
        {
            "name": cell.name,
            "method": cell.key.method,
            "task": cell.key.task,
            "domain": grid.tasks[cell.key.task].info.domain,
            "source": grid.data[cell.key.task].kind,
            "stages": cell.key.stages,
            "fraction": cell.key.settings["fraction"],
            "seed": cell.key.seed,
        }
        for cell in grid.cells
    ]


def work(grid: Grid, missing: set[str], store: Store) -> int:
    """Images that training the missing cells will pass, for the progress bar."""
    cells = [cell for cell in grid.cells if cell.name in missing]
    downstream: int = sum(
        STAGES[stage][1] * cell.key.settings["steps"] * cell.key.settings["batch_size"]
        for cell in cells
        for stage in cell.key.stages
    )
    encoders = {cell.encoder: cell.key.method for cell in cells}
    pretraining = sum(
        grid.budget.images
        for encoder, method in encoders.items()
        if method != FLOOR and not store.has_encoder(encoder)
    )
    return downstream + pretraining


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
