"""One plan from start to end: data, grid, runner, with a progress bar."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from benchmark import registry
from benchmark.asked import PARTS, Asked, Wanted, ask
from benchmark.cells import Cell, Status, canonical
from benchmark.checkpoints import EVERY
from benchmark.executors import Executor, Request, Serial, worker
from benchmark.grid import Grid, settle
from benchmark.leases import BEAT, STALE, Leases
from benchmark.machine import device_called
from benchmark.plan import Plan
from benchmark.store import Store
from tasks.base import Source
from tasks.cache import default_folder
from tasks.finetuning import STAGES
from tasks.manifest import digest
from tasks.pools import pool_called

PHANTOM = "phantom"
#: The method that trains nothing.
FLOOR = "random"


@dataclass(frozen=True, slots=True)
class Way:
    """How a plan is computed, none of which changes a result.

    Attributes:
        executor: Who computes.
        only: "METHOD/TASK" pairs to compute; all if empty. The others stay missing.
        retry_failed: Whether failed cells are computed again.
        every: Seconds between two checkpoints of a training.
        stale: Seconds of silence after which a worker counts as dead.
    """

    executor: Executor = field(default_factory=Serial)
    only: tuple[str, ...] = ()
    retry_failed: bool = False
    every: float = EVERY
    stale: float = STALE


def compare(
    plan: Plan,
    data: str,
    out: Path,
    device_name: str,
    cache: Path | None = None,
    way: Way | None = None,
) -> int:
    """Compute every cell of a plan that ``out`` lacks.

    Args:
        plan: What to run.
        data: The data root, or "phantom" for embedded data written below ``out``.
        out: Where results go.
        device_name: "auto", "cpu" or "cuda".
        cache: Where prepared images are kept; phantoms' are below ``out``.
        way: How; in this process if omitted.

    Returns:
        How many cells of the plan have failed, now or before.

    Raises:
        InputError: If the plan or the data cannot be used; nothing is written then.
    """
    way = way or Way()
    console, store = Console(highlight=False, soft_wrap=True), Store(out)
    grid, root = prepared(plan, data, device_name, cache, store, console)
    chosen = only(grid.cells, way.only)
    if way.retry_failed:
        drop_failed(store, chosen, console)
    missing = [cell for cell in chosen if not store.has_cell(cell.name)]
    request = request_for(grid, root, out, device_name, missing, way)
    if missing:
        with progress_bar(console) as progress:
            total = work(grid, {cell.name for cell in missing}, store)
            bar = progress.add_task("training", total=total)
            way.executor.run(
                request, grid, progress.console.print, lambda images: progress.advance(bar, images)
            )
    ended = {cell.name: store.status(cell.name) for cell in chosen}
    bad = sum(status is not Status.DONE for status in ended.values())
    console.print(
        f"{len(missing)} cells computed, {len(chosen) - len(missing)} kept, {bad} not done"
    )
    return bad


def request_for(
    grid: Grid, root: Source, out: Path, device_name: str, cells: Sequence[Cell], way: Way
) -> Request:
    """What an executor is asked for."""
    return Request(
        plan=grid.plan,
        source=root,
        out=out,
        device=device_name,
        code={cell.key.method: dict(cell.fingerprint) for cell in cells},
        names=tuple(cell.name for cell in cells),
        every=way.every,
        stale=way.stale,
        beat=min(BEAT, way.stale / 6),
    )


def only(cells: Sequence[Cell], pairs: Sequence[str]) -> list[Cell]:
    """Those of the cells whose "METHOD/TASK" is named; all if none is.

    Raises:
        UnknownNameError: If a pair is none of the plan's.
    """
    present = dict.fromkeys(f"{cell.key.method}/{cell.key.task}" for cell in cells)
    for pair in pairs:
        registry.known("METHOD/TASK of the plan", pair, present)
    return [cell for cell in cells if not pairs or f"{cell.key.method}/{cell.key.task}" in pairs]


def drop_failed(store: Store, cells: Sequence[Cell], console: Console) -> None:
    """Remove failed cells, unless somebody is at them, so that they are computed again."""
    with Leases(store.leases) as leases:
        for cell in cells:
            if not store.has_cell(cell.name) or store.status(cell.name) is Status.DONE:
                continue
            if leases.claim(cell.name) is not None:
                store.drop_cell(cell.name)
                console.print(f"again   {cell.label}")


def left_to_do(
    plan: Plan, data: str, out: Path, device_name: str, cache: Path | None, way: Way
) -> list[Cell]:
    """The cells that ``compare`` would compute; nothing but phantoms and caches is written."""
    console, store = Console(highlight=False, soft_wrap=True), Store(out)
    grid, _ = read(plan, data, device_name, cache, store, console)
    return [
        cell
        for cell in only(grid.cells, way.only)
        if not store.has_cell(cell.name)
        or (way.retry_failed and store.status(cell.name) is not Status.DONE)
    ]


def pretrain_all(
    plan: Plan, data: str, out: Path, device_name: str, cache: Path | None = None
) -> list[str]:
    """Train every encoder of a plan that ``out`` lacks, and nothing downstream.

    Takes and raises what ``compare`` does.

    Returns:
        The names of the encoders' folders, in the plan's order.
    """
    console, store = Console(highlight=False, soft_wrap=True), Store(out)
    grid, root = prepared(plan, data, device_name, cache, store, console)
    first = {cell.encoder: cell for cell in reversed(grid.cells)}
    ordered = list(dict.fromkeys(cell.encoder for cell in grid.cells))
    missing = [name for name in ordered if not store.has_encoder(name)]
    request = request_for(grid, root, out, device_name, grid.cells, Way())
    with progress_bar(console) as progress:
        total = sum(grid.budget.images for name in missing if trains(plan, first[name].key.method))
        bar = progress.add_task("pre-training", total=total)
        with worker(
            request, grid, progress.console.print, lambda images: progress.advance(bar, images)
        ) as working:
            working.encoders([first[name] for name in missing])
    console.print(f"{len(missing)} encoders trained, {len(ordered) - len(missing)} kept")
    return ordered


def prepared(
    plan: Plan,
    data: str,
    device_name: str,
    cache: Path | None,
    store: Store,
    console: Console,
) -> tuple[Grid, Source]:
    """A plan's grid with its data read, noted in the store, and where the data is."""
    grid, root = read(plan, data, device_name, cache, store, console)
    ask(store.root, question(grid, root))
    for frozen in grid.exclusions:
        frozen.keep()
    for domain, pool in grid.pools.items():
        count = len(pool.excluded)
        console.print(
            f"{count} of {count + len(pool.files)} {domain} pool images recur among test images "
            "and are left out"
        )
    return grid, root


def read(
    plan: Plan, data: str, device_name: str, cache: Path | None, store: Store, console: Console
) -> tuple[Grid, Source]:
    """A plan's grid with its data read, and where the data is."""
    device = device_called(device_name)
    torch.set_num_threads(plan.threads)
    root = source(plan, data, store, console, cache)
    return settle(plan, root, device, console.print, store.exclusions), root


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


def question(grid: Grid, root: Source) -> Asked:
    """What a grid asks of a results folder."""
    terms = grid.plan.model_dump(mode="json", exclude=set(PARTS))
    terms["downstream"].pop("direct")
    cells = [
        Wanted.by(cell, grid.tasks[cell.key.task].info.domain, grid.data[cell.key.task].kind)
        for cell in grid.cells
    ]
    pretrains = {cell.encoder: canonical(cell.pretrain) for cell in grid.cells}
    return Asked(grid.plan.title, {**terms, "images": root.kind}, pretrains, tuple(cells))


def work(grid: Grid, missing: set[str], store: Store) -> int:
    """Images that training the missing cells will pass, for the progress bar."""
    cells = [cell for cell in grid.cells if cell.name in missing]
    part = grid.plan.downstream
    downstream = sum(
        STAGES[stage][1] * part.steps * part.batch_size
        for cell in cells
        for stage in cell.key.stages
    )
    encoders = {cell.encoder: cell.key.method for cell in cells}
    pretraining = sum(
        grid.budget.images
        for encoder, method in encoders.items()
        if trains(grid.plan, method) and not store.has_encoder(encoder)
    )
    return downstream + pretraining


def trains(plan: Plan, method: str) -> bool:
    """Whether a row draws images: the floor and somebody else's encoders do not."""
    return method != FLOOR and method not in plan.encoders


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
