"""Every test image of every task against every image of a pool."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks import preparation
from tasks.base import NORMALISATION, Domain, Source, Task
from tasks.cache import Recipe, cached
from tasks.leaks import SIDE, find_leaks
from tasks.manifest import Watch, digest
from tasks.pools import Pool, load_pool, prepared


@dataclass(frozen=True, slots=True)
class Recurrence:
    """A pool image that is also a test image of a task.

    Attributes:
        task: The task's name.
        test_image: Path below the data root.
        pool_image: Path below the pool's root.
        evidence: "identical file" or "same picture".
        similarity: Correlation of fine detail; 1 for identical files.
    """

    task: str
    test_image: str
    pool_image: str
    evidence: str
    similarity: float


def recurrences(
    pool: Pool, tasks: Sequence[Task], source: Source, watch: Watch | None = None
) -> list[Recurrence]:
    """Every pair of a task's test image and a pool image that show one picture.

    Tasks that share photographs are compared once.

    Args:
        pool: Prepared at any size.
        tasks: Of the pool's domain, with all files there.
        source: The data root.
        watch: Told how many pool images were compared.
    """
    owners: dict[Path, list[str]] = {}
    hashes: dict[str, str] = {}
    for task in tasks:
        paths = list(task.test_images(source).values())
        hashes |= source.hashes(task.name, paths)
        for path in paths:
            owners.setdefault(path, []).append(task.name)
    if not owners:
        return []
    files = sorted(owners)
    names = [path.relative_to(source.root).as_posix() for path in files]
    small = load_pool(pool.info, source, SIDE)
    seen = find_leaks(
        small.array[small.rows],
        small.files,
        tested(files, {name: hashes[name] for name in names}, source, pool.info.domain),
        tuple(names),
        pool.info.domain,
    )
    found = {(leak.test_image, leak.pool_image): ("same picture", leak.similarity) for leak in seen}
    by_hash: dict[str, list[str]] = {}
    for file in small.files:
        by_hash.setdefault(pool.hashes[file], []).append(file)
    for name in names:
        for file in by_hash.get(hashes[name], []):
            found[(name, file)] = ("identical file", 1.0)
    return [
        Recurrence(task, test_image, pool_image, *found[(test_image, pool_image)])
        for test_image, pool_image in sorted(found)
        for task in sorted(owners[source.root / test_image])
    ]


def tested(
    files: Sequence[Path], hashes: dict[str, str], source: Source, domain: Domain
) -> np.ndarray:
    """Test images prepared as a pool's are, (images, channels, 128, 128); each file once."""
    shape = (len(files), NORMALISATION[domain].channels, SIDE, SIDE)
    facts = {"version": preparation.VERSION, "domain": domain, "size": SIDE}
    name = f"tested-{digest(sorted(hashes))[:8]}-{SIDE}"
    recipe = Recipe(name, source.root, hashes, facts, shape)
    return cached(source.cache, recipe, lambda n: prepared(files[n], domain, SIDE))
