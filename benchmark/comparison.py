"""One plan from start to end: data, grid, runner, with a progress bar."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmark import registry
from benchmark.again import Call, ended_badly
from benchmark.asked import PARTS, Asked, Wanted, ask
from benchmark.cells import Cell, Status, canonical
from benchmark.checkpoints import EVERY
from benchmark.computing import ready
from benchmark.executors import Executor, Request, Serial
from benchmark.grid import Grid, settle
from benchmark.leases import BEAT, BEATS, STALE, Leases
from benchmark.machine import device_called
from benchmark.plan import Plan, entry
from benchmark.progress import progress_bar, work
from benchmark.roots import root_of
from benchmark.skipping import outdated, reasons, without_skipped
from benchmark.store import Store
from methods.errors import ConfigError
from tasks.base import Source
from tasks.labelled import Settings


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
    insist(plan, way.only)
    console, store = Console(highlight=False, soft_wrap=True), Store(out)
    root = root_of(plan, data, store, console, cache)
    call = Call(plan, data, out, device_name, cache)
    stamp = call.begun()
    grid = prepared(plan, root, device_name, store, console)
    lists = call.lists()
    chosen = only(grid.cells, way.only)
    for cell in outdated(grid, store, chosen):
        store.drop_cell(cell.name)
    if way.retry_failed:
        skipped = reasons(grid)
        drop_failed(store, [cell for cell in chosen if cell.name not in skipped], console)
    missing = [cell for cell in chosen if not store.has_cell(cell.name)]
    if plan.ranks > 1 and not all(store.has_encoder(cell.encoder) for cell in missing):
        raise ConfigError(
            f"the plan's encoders are trained by {plan.ranks} ranks: run torchrun --nproc-per-node "
            f"{plan.ranks} -m benchmark pretrain PLAN first, or set ranks = 1"
        )
    missing = without_skipped(grid, store, missing, console.print)
    store.drop_checkpoints()
    request = request_for(grid, root, out, device_name, missing, way)
    if missing:
        with progress_bar(console) as progress:
            total = work(grid, missing, store)
            bar = progress.add_task("training", total=total)
            way.executor.run(
                request, grid, progress.console.print, lambda images: progress.advance(bar, images)
            )
    bad = ended_badly(out, [cell.name for cell in chosen])
    if len(chosen) == len(grid.cells):
        call.note(stamp, lists, (cell.name for cell in chosen))
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
        beat=min(BEAT, way.stale / BEATS),
    )


def insist(plan: Plan, pairs: Sequence[str]) -> None:
    """Insist that pairs of "METHOD/TASK" are the plan's, before anything is written.

    Raises:
        UnknownNameError: If one is not.
    """
    tasks = [registry.listed(name).name for name in plan.tasks] if pairs else []
    present = dict.fromkeys(f"{method}/{task}" for method in plan.methods for task in tasks)
    for pair in pairs:
        registry.known("METHOD/TASK of the plan", pair, present)


def only(cells: Sequence[Cell], pairs: Sequence[str]) -> list[Cell]:
    """Those of the cells whose "METHOD/TASK" is named; all if none is."""
    return [cell for cell in cells if not pairs or f"{cell.key.method}/{cell.key.task}" in pairs]


def drop_failed(store: Store, cells: Sequence[Cell], console: Console) -> None:
    """Remove failed cells, unless somebody is at them, so that they are computed again."""
    with Leases(store.leases) as leases:
        for cell in cells:
            if ended_well(store, cell) or leases.claim(cell.name) is None:
                continue
            if not ended_well(store, cell):  # another call may have dropped and computed it
                store.drop_cell(cell.name)
                console.print(f"again   {cell.label}")


def ended_well(store: Store, cell: Cell) -> bool:
    """Whether there is nothing to compute again: the cell is done, or not there at all."""
    return not store.has_cell(cell.name) or store.status(cell.name) is Status.DONE


def left_to_do(
    plan: Plan, data: str, out: Path, device_name: str, cache: Path | None, way: Way
) -> list[Cell]:
    """The cells that ``compare`` would compute; nothing but phantoms and caches is written."""
    insist(plan, way.only)
    console, store = Console(highlight=False, soft_wrap=True), Store(out)
    grid = read(plan, root_of(plan, data, store, console, cache), device_name, store, console)
    skipped, chosen = reasons(grid), only(grid.cells, way.only)
    again = {cell.name for cell in outdated(grid, store, chosen)}
    if way.retry_failed:
        again |= {cell.name for cell in chosen if not ended_well(store, cell)}
    return [
        cell
        for cell in chosen
        if cell.name not in skipped and (cell.name in again or not store.has_cell(cell.name))
    ]


def prepared(plan: Plan, root: Source, device_name: str, store: Store, console: Console) -> Grid:
    """A plan's grid with its data read, noted in the store."""
    grid = read(plan, root, device_name, store, console)
    ask(store.root, question(grid, root))
    for frozen in grid.exclusions:
        frozen.keep()
    for domain, pool in grid.pools.items():
        count = len(pool.excluded)
        console.print(
            f"{count} of {count + len(pool.files)} {domain} pool images recur among test images "
            "and are left out"
        )
    return grid


def read(plan: Plan, root: Source, device_name: str, store: Store, console: Console) -> Grid:
    """A plan's grid with its data read; nothing but caches is written."""
    device = device_called(device_name)
    ready(plan.threads)
    return settle(plan, root, device, console.print, store.exclusions)


def question(grid: Grid, root: Source) -> Asked:
    """What a grid asks of a results folder."""
    terms = grid.plan.model_dump(mode="json", exclude=set(PARTS))
    for part in ("direct", "fractions", "probe"):
        terms["downstream"].pop(part)
    # By their own names, as cells have them, and not by those of their files.
    called = dict(zip(map(entry, grid.plan.tasks), grid.tasks, strict=True))
    own = terms["downstream"]["tasks"]
    terms["downstream"]["tasks"] = {called[name]: part for name, part in own.items()}
    # Whose images are in the key of each encoder, and in the tables.
    terms["budget"].pop("own")
    # Added later: a folder from before is on the same terms.
    if terms["downstream"]["selection"] == Settings().selection:
        terms["downstream"].pop("selection")
    if terms["downstream"]["finetuned"]:
        terms["downstream"].pop("finetuned")
    if terms["downstream"]["decoder"]:
        terms["downstream"].pop("decoder")
    if terms["phantom"]["most"] is None:
        terms["phantom"].pop("most")
    cells = []
    for cell in grid.cells:
        domain, kind = grid.tasks[cell.key.task].info.domain, grid.data[cell.key.task].kind
        tuned = grid.plan.tuned.get(cell.key.method, {}).get(domain)
        cells.append(Wanted.by(cell, domain, kind, tuned))
    pretrains = {cell.encoder: canonical(cell.pretrain) for cell in grid.cells}
    return Asked(grid.plan.title, {**terms, "images": root.kind}, pretrains, tuple(cells))
