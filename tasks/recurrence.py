"""Every test image of every task against every image of a pool."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.base import Source, Task
from tasks.leaks import SIDE, find_leaks
from tasks.manifest import Watch
from tasks.pools import Pool, load_pool
from tasks.segmentation import Settings


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
    if not tasks:
        return []
    owners: dict[str, list[str]] = {}
    pictures: dict[str, np.ndarray] = {}
    hashes: dict[str, str] = {}
    for task in tasks:
        paths = task.test_images(source)
        data = task.load(source, Settings(size=SIDE))
        for image_id, picture in zip(data.test.ids, data.test.images, strict=True):
            name = paths[image_id].relative_to(source.root).as_posix()
            owners.setdefault(name, []).append(task.name)
            pictures[name] = picture
        hashes |= source.hashes(task.name, list(paths.values()))
    small = load_pool(pool.info, source, SIDE)
    seen = find_leaks(
        small.array[small.rows],
        small.files,
        np.stack(list(pictures.values())),
        tuple(pictures),
        pool.info.domain,
    )
    found = {(leak.test_image, leak.pool_image): ("same picture", leak.similarity) for leak in seen}
    by_hash: dict[str, list[str]] = {}
    for file in small.files:
        by_hash.setdefault(pool.hashes[file], []).append(file)
    for name in pictures:
        for file in by_hash.get(hashes[name], []):
            found[(name, file)] = ("identical file", 1.0)
    return [
        Recurrence(task, test_image, pool_image, *found[(test_image, pool_image)])
        for test_image, pool_image in sorted(found)
        for task in sorted(owners[test_image])
    ]
