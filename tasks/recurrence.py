"""Every test image of every task against every image of a pool."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from tasks import preparation
from tasks.base import NORMALISATION, Domain, Source, Task
from tasks.cache import Recipe, cached
from tasks.leaks import SIDE, Leak, find_leaks, identical_files
from tasks.manifest import Watch, digest
from tasks.pools import Pool, load_pool, prepared


def recurrences(
    pool: Pool, tasks: Sequence[Task], source: Source, watch: Watch | None = None
) -> list[Leak]:
    """Every pair of a task's test image and a pool image that show one picture.

    Tasks that share photographs are compared once.

    Args:
        pool: Prepared at any size.
        tasks: Of the pool's domain, with all files there.
        source: The data root.
        watch: Called after each chunk with its number of pool images.
    """
    owners: dict[Path, list[str]] = {}
    hashes: dict[str, str] = {}
    for task in tasks:
        paths = present(task, source)
        hashes |= source.hashes(task.name, paths)
        for path in paths:
            owners.setdefault(path, []).append(task.name)
    if not owners:
        return []
    files = sorted(owners)
    names = [path.relative_to(source.root).as_posix() for path in files]
    small = load_pool(pool.info, source, SIDE)
    row_names = [""] * len(small.array)  # rows that were skipped are black and match nothing
    for row, file in zip(small.rows, small.files, strict=True):
        row_names[row] = file
    known = {name: hashes[name] for name in names}
    test = tested(files, known, source, pool.info.domain)
    leaks = find_leaks(small.array, tuple(row_names), test, tuple(names), pool.info.domain, watch)
    by_pair = {(leak.test_image, leak.pool_image): leak for leak in leaks}
    same = identical_files({file: small.hashes[file] for file in small.files}, known)
    by_pair |= {(leak.test_image, leak.pool_image): leak for leak in same}
    return [
        replace(by_pair[pair], task=task)
        for pair in sorted(by_pair)
        for task in sorted(owners[source.root / pair[0]])
    ]


def present(task: Task, source: Source) -> list[Path]:
    """A task's test images that are there; a missing mask or training image keeps none out."""
    return [path for path in task.test_images(source).values() if path.is_file()]


def tested(
    files: Sequence[Path], hashes: dict[str, str], source: Source, domain: Domain
) -> np.ndarray:
    """Test images prepared as a pool's are, (images, channels, 128, 128); each file once."""
    shape = (len(files), NORMALISATION[domain].channels, SIDE, SIDE)
    facts = {"version": preparation.VERSION, "domain": domain, "size": SIDE}
    name = f"tested-{digest(sorted(hashes))[:8]}-{SIDE}"
    recipe = Recipe(name, source.root, hashes, facts, shape)
    return cached(source.cache, recipe, lambda n: prepared(files[n], domain, SIDE))
