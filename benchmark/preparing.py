"""Prepare, verify and compare whole data roots, with progress bars."""

from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmark import registry
from methods.errors import ConfigError
from tasks.base import Domain, MissingDataError, Source
from tasks.inventory import Problem, array_problems, holding, pair_problems, pool_holdings
from tasks.leaks import SIDE as LEAK_SIDE
from tasks.leaks import Leak
from tasks.listed import ListedTask
from tasks.pools import POOLS, Pool, PoolInfo, load_pool, pool_called, pool_files
from tasks.preparation import SIDE
from tasks.reading import ImageError, read_image
from tasks.recurrence import present, recurrences

#: How many images of a folder are looked at to tell photographs from radiographs.
LOOKED_AT = 9
#: How many skipped images are named.
NAMED = 5


def progress(console: Console) -> Progress:
    """How many images are done, and the time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
    )


def tasks_called(names: list[str] | None) -> list[ListedTask]:
    """Tasks by name or TOML file; every registered one with a list of images if none is named."""
    if names:
        return [registry.listed(name) for name in names]
    every = map(registry.task, registry.tasks())
    return [task for task in every if isinstance(task, ListedTask)]


def prepare_all(
    source: Source, sizes: list[int], tasks: list[str] | None, pools: list[str] | None
) -> None:
    """Prepare tasks and pools at every size; all that are there if none is named.

    Raises:
        MissingDataError: If files of a named task or pool are missing, or nothing is there at all.
        ConfigError: If a size is out of range.
    """
    for size in sizes:
        if not 32 <= size <= SIDE:
            raise ConfigError(f"size must lie in 32 to {SIDE} px, not {size}")
    console = Console(stderr=True)
    chosen = tasks_called(tasks) if tasks else []
    wanted = [pool_or_folder(name, source) for name in pools or []]
    if not tasks and not pools:
        every = tasks_called(None)
        chosen = [task for task in every if holding(task, "task", source).complete]
        wanted = [POOLS[row.name] for row in pool_holdings(source) if row.complete]
        if not chosen and not wanted:
            raise MissingDataError(f"no data set is complete under {source.root}: see data status")
        if left := [task.name for task in every if task not in chosen]:
            console.print(f"not complete, so not prepared: {', '.join(left)}", soft_wrap=True)
    for task in chosen:
        task.files(source)
    with progress(console) as bars:
        for size in sorted(sizes, reverse=True):  # smaller ones are derived from 512 px
            for task in chosen:
                split = task.split(source)
                bar = bars.add_task(f"{task.name} {size} px", total=len(split.train + split.test))
                task.prepare(source, size, partial(bars.advance, bar))
            for info in wanted:
                total = len(pool_files(info, source))
                bar = bars.add_task(f"{info.name} {size} px", total=total)
                told(load_pool(info, source, size, partial(bars.advance, bar)), console)
    console.print(f"prepared images are in {source.cache}", soft_wrap=True)


def told(pool: Pool, console: Console) -> Pool:
    """The pool itself, after saying which of its images are skipped."""
    if pool.skipped:
        more = len(pool.skipped) - NAMED
        named = ", ".join(pool.skipped[:NAMED]) + (f" and {more} more" if more > 0 else "")
        text = f"{pool.info.name}: {len(pool.skipped)} without a field of view: {named}"
        console.print(text, soft_wrap=True)
    return pool


def verify_all(source: Source, tasks: list[str] | None) -> int:
    """Check prepared arrays, their sources and every task's pairs; how many problems.

    A data set of which nothing is there is named; one that is there in part is a problem.
    """
    console = Console()
    problems = list(array_problems(source.cache, [source.root.resolve()]))
    checked, absent = [], []
    for task in tasks_called(tasks):
        state = holding(task, "task", source)
        if state.complete:
            checked.append(task.name)
            problems += pair_problems(task, source)
        elif state.found:
            lacking = state.wanted - state.found
            first = ", ".join(state.missing)
            problems.append(Problem(task.name, f"{lacking} files are missing: {first}"))
        else:
            absent.append(task.name)
    for problem in problems:
        console.print(f"{problem.where}: {problem.what}", soft_wrap=True)
    console.print(f"pairs and splits checked: {', '.join(checked) or 'none'}", soft_wrap=True)
    if absent:
        console.print(f"not there at all: {', '.join(absent)}", soft_wrap=True)
    console.print(f"{len(problems)} problems under {source.root}", soft_wrap=True)
    return len(problems)


def leaks_of(
    name: str, source: Source, *, tasks: list[str] | None, domain: Domain | None, quiet: bool
) -> list[Leak]:
    """Test images of the pool's domain that recur in the pool.

    Args:
        name: A pool, or a folder.
        source: The data root.
        tasks: Tasks to compare with; every registered one if omitted.
        domain: Of a folder's images; told from their colours if omitted.
        quiet: Whether to show no progress bar.

    Raises:
        MissingDataError: If there is no test image to compare with.
    """
    info = pool_or_folder(name, source, domain)
    chosen = [task for task in tasks_called(tasks) if task.info.domain == info.domain]
    images = {task.name: len(present(task, source)) for task in chosen}
    console = Console(stderr=True)
    if not any(images.values()):
        raise MissingDataError(
            f"no {info.domain} test image is under {source.root} to compare {name} with: see data "
            "status, or say --domain"
        )
    listed = ", ".join(f"{task} {count}" for task, count in images.items())
    console.print(f"{info.domain}; test images compared: {listed}", soft_wrap=True)
    with progress(Console(stderr=True, quiet=quiet)) as bars:
        total = len(pool_files(info, source))
        bar = bars.add_task(f"preparing {info.name}", total=total)
        pool = told(load_pool(info, source, LEAK_SIDE, partial(bars.advance, bar)), console)
        bar = bars.add_task("comparing", total=len(pool.array))
        return recurrences(pool, chosen, source, partial(bars.advance, bar))


def pool_or_folder(name: str, source: Source, domain: Domain | None = None) -> PoolInfo:
    """A registered pool, or a folder whose images tell its domain: colour is fundus, grey X-ray."""
    if name in POOLS or not Path(name).is_dir():
        return pool_called(name, domain or "fundus")
    path = name if "/" in name else f"./{name}"
    info = pool_called(path, domain or "fundus")
    if domain is not None:
        return info
    files = pool_files(info, source)
    chosen = [files[n] for n in np.linspace(0, len(files) - 1, LOOKED_AT).astype(int)]
    colour = sum(map(in_colour, chosen))
    return pool_called(path, "fundus" if 2 * colour > len(chosen) else "chest X-ray")


def in_colour(path: Path) -> bool:
    """Whether a file is no grey picture; one that cannot be read is refused when it is needed."""
    try:
        read_image(path, 1)
    except ImageError:
        return True
    return False
