"""Which pool images are left out because they recur among test images, frozen once found.

A list is frozen in the results folder when a pool is first used there, over every task of its
domain that the data root holds, and belongs to every encoder's key. A task added later is compared
too, but never changes the list behind the back of earlier results.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmark import registry
from methods.errors import InputError
from tasks import EXTRAS, TASKS
from tasks.base import Domain, Source, Task
from tasks.leaks import Leak
from tasks.manifest import digest, write_json
from tasks.pools import Pool
from tasks.recurrence import present, recurrences


class LeakError(InputError):
    """Test images in a pool where the plan or a frozen list allows none."""


@dataclass(frozen=True, slots=True)
class Exclusions:
    """A frozen list.

    Attributes:
        pool: The pool's name.
        manifest: Of the pool's images.
        compared: The test images it was compared with: a digest for each task.
        found: Every pair of a test and a pool image that are one.
        path: Where the list is kept.
    """

    pool: str
    manifest: str
    compared: dict[str, str]
    found: tuple[Leak, ...]
    path: Path

    @property
    def images(self) -> list[str]:
        """The pool images to leave out, sorted."""
        return sorted({pair.pool_image for pair in self.found})

    def keep(self) -> None:
        """Write the list, whole or not at all."""
        record = {**asdict(self), "path": self.path.name}
        write_json(self.path, record)


def settled(pool: Pool, tasks: Sequence[Task], source: Source, folder: Path) -> Exclusions:
    """The list frozen for a pool, or a new one that is not written yet.

    Args:
        pool: Prepared at any size.
        tasks: The plan's tasks of the pool's domain.
        source: The data root.
        folder: Where lists are frozen.

    Raises:
        LeakError: If a task added since shows images that are not on the frozen list.
    """
    identity = digest(pool.hashes)
    path = folder / f"{pool.info.name.strip('./').replace('/', '_')}-{identity[:12]}.json"
    if not path.is_file():
        every = {task.name: task for task in [*tasks, *with_tests(pool.info.domain, source)]}
        found = recurrences(pool, list(every.values()), source)
        compared = {name: tested(task, source) for name, task in sorted(every.items())}
        return Exclusions(pool.info.name, identity, compared, tuple(found), path)
    old = read(path)
    added = [task for task in tasks if old.compared.get(task.name) != tested(task, source)]
    if not added:
        return old
    found = [pair for pair in recurrences(pool, added, source) if pair.pool_image not in old.images]
    if found:
        guilty = ", ".join(sorted({pair.task for pair in found}))
        raise LeakError(
            f"{len(found)} test images of {guilty} are in the pool {pool.info.name} and not on its "
            f"frozen list, e.g. {found[0].pool_image}: give another --out, or remove {path} to "
            "train this pool's encoders anew"
        )
    compared = old.compared | {task.name: tested(task, source) for task in added}
    return Exclusions(old.pool, old.manifest, compared, old.found, path)


def judge(exclusions: Exclusions, policy: str) -> None:
    """Refuse leaks where the plan says so.

    Raises:
        LeakError: If there are any and the policy is "error".
    """
    if policy == "error" and exclusions.found:
        first = exclusions.found[0]
        raise LeakError(
            f"{len(exclusions.images)} images of the pool {exclusions.pool} recur among test "
            f"images, e.g. {first.pool_image} is {first.test_image} of {first.task}: set leaks = "
            '"exclude" in the plan to leave them out'
        )


def with_tests(domain: Domain, source: Source) -> list[Task]:
    """Every task of ours in a domain of which any test image is there.

    Those of installed packages, and landmarks, count when a plan names them: what else is there
    must not decide which encoder a plan trains.
    """
    tasks = [registry.task(name) for name in (*TASKS, *EXTRAS)]
    return [task for task in tasks if task.info.domain == domain and present(task, source)]


def tested(task: Task, source: Source) -> str:
    """Digest of a task's test images."""
    hashes = source.hashes(task.name, present(task, source))
    return digest(sorted(hashes.values()))


def read(path: Path) -> Exclusions:
    """Read a frozen list."""
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    pairs = tuple(Leak(**pair) for pair in record["found"])
    return Exclusions(record["pool"], record["manifest"], record["compared"], pairs, path)
