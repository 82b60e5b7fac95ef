"""Prepare, verify and compare whole data roots, with progress bars."""

from functools import partial
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from benchmark import registry
from methods.errors import ConfigError
from tasks import EXTRAS, TASKS
from tasks.base import Domain, Source
from tasks.inventory import array_problems, holding, pair_problems, pool_holdings
from tasks.leaks import SIDE as LEAK_SIDE
from tasks.leaks import Leak
from tasks.pools import POOLS, PoolInfo, load_pool, pool_called, pool_files
from tasks.preparation import SIDE
from tasks.reading import ImageError, read_image
from tasks.recurrence import recurrences
from tasks.segmentation import SegmentationTask

#: How many images of a folder are looked at to tell photographs from radiographs.
LOOKED_AT = 9


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


def prepare_all(
    source: Source, sizes: list[int], tasks: list[str] | None, pools: list[str] | None
) -> None:
    """Prepare tasks and pools at every size; all that are there if none is named.

    Raises:
        MissingDataError: If files of a named task or pool are missing.
        ConfigError: If a size is out of range.
    """
    for size in sizes:
        if not 32 <= size <= SIDE:
            raise ConfigError(f"size must lie in 32 to {SIDE} px, not {size}")
    named = tasks is not None or pools is not None
    chosen = [registry.segmentation(name) for name in tasks or []]
    wanted = [pool_called(name, "fundus") for name in pools or []]
    if not named:
        chosen = complete_tasks(source)
        wanted = [POOLS[row.name] for row in pool_holdings(source) if row.complete]
    console = Console(stderr=True)
    with progress(console) as bars:
        for size in sorted(sizes, reverse=True):  # smaller ones are derived from 512 px
            for task in chosen:
                split = task.split(source)
                bar = bars.add_task(f"{task.name} {size} px", total=len(split.train + split.test))
                task.prepare(source, size, partial(bars.advance, bar))
            for info in wanted:
                total = len(pool_files(info, source))
                bar = bars.add_task(f"{info.name} {size} px", total=total)
                load_pool(info, source, size, partial(bars.advance, bar))
    console.print(f"prepared images are in {source.cache}")


def complete_tasks(source: Source) -> list[SegmentationTask]:
    """Every registered task whose files are all there, extras too."""
    found = [registry.segmentation(name) for name in (*TASKS, *EXTRAS)]
    return [task for task in found if holding(task, "task", source).complete]


def verify_all(source: Source) -> int:
    """Check prepared arrays, their sources and every complete task's pairs; how many problems."""
    console = Console()
    roots = [source.root.resolve()]
    problems = list(array_problems(source.cache, roots))
    for task in complete_tasks(source):
        problems += pair_problems(task, source)
    for problem in problems:
        console.print(f"{problem.where}: {problem.what}", soft_wrap=True)
    console.print(f"{len(problems)} problems under {source.root}")
    return len(problems)


def leaks_of(name: str, source: Source, *, quiet: bool) -> list[Leak]:
    """Test images of every complete task of the pool's domain that recur in the pool."""
    info = pool_or_folder(name, source)
    tasks = [task for task in complete_tasks(source) if task.info.domain == info.domain]
    console = Console(stderr=True, quiet=quiet)
    with progress(console) as bars:
        total = len(pool_files(info, source))
        bar = bars.add_task(f"preparing {info.name}", total=total)
        pool = load_pool(info, source, LEAK_SIDE, partial(bars.advance, bar))
        bar = bars.add_task("comparing", total=len(pool.array))
        return recurrences(pool, tasks, source, partial(bars.advance, bar))


def pool_or_folder(name: str, source: Source) -> PoolInfo:
    """A registered pool, or a folder whose images tell its domain: colour is fundus, grey X-ray."""
    if name in POOLS or not Path(name).is_dir():
        return pool_called(name, "fundus")
    path = name if "/" in name else f"./{name}"
    info = pool_called(path, "fundus")
    files = pool_files(info, source)
    chosen = [files[n] for n in np.linspace(0, len(files) - 1, LOOKED_AT).astype(int)]
    colour = sum(map(in_colour, chosen))
    domain: Domain = "fundus" if 2 * colour > len(chosen) else "chest X-ray"
    return pool_called(path, domain)


def in_colour(path: Path) -> bool:
    """Whether a file is no grey picture; one that cannot be read is refused when it is needed."""
    try:
        read_image(path, 1)
    except ImageError:
        return True
    return False
