"""Which data sets are under a root, whole or in part, and whether they are what they should be."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from methods.errors import InputError
from tasks.base import MissingDataError, Source, Task
from tasks.cache import manifests
from tasks.listed import ListedTask
from tasks.manifest import Watch, hashes, sha256
from tasks.pools import POOLS, pool_files

#: Side at which pairs are looked at, in pixels: they are decoded whole all the same.
SMALLEST = 32
#: How many missing files a row names.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Holding:
    """What a root holds of one task or pool.

    Attributes:
        name: Of the task or pool.
        use: "task", "extra", "landmark", "outside" (an installed package's task) or "pool".
        dataset: The data set's own name.
        found: Files that are there.
        wanted: Files that there should be; for a pool as many as were found.
        missing: The first missing files, below the root.
        page: Where the data set is obtained.
        terms: Licence or conditions of use.
    """

    name: str
    use: str
    dataset: str
    found: int
    wanted: int
    missing: tuple[str, ...]
    page: str
    terms: str

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        return 0 < self.found == self.wanted


def holding(task: Task, use: str, source: Source) -> Holding:
    """What a root holds of a task."""
    wanted, info = task.wanted(source), task.info
    missing = [path.relative_to(source.root).as_posix() for path in wanted if not path.is_file()]
    count = len(missing)
    if not missing:
        try:
            task.files(source)
        except InputError as error:  # a file is there, but not what it should hold
            missing, count = [str(error)], 1
    return Holding(
        task.name,
        use,
        info.dataset,
        len(wanted) - count,
        len(wanted),
        tuple(missing[:NAMED]),
        info.page,
        info.terms,
    )


def pool_holdings(source: Source) -> list[Holding]:
    """What a root holds of every registered pool."""
    rows = []
    for info in POOLS.values():
        try:
            count, missing = len(pool_files(info, source)), tuple[str, ...]()
        except MissingDataError:
            count, missing = 0, info.patterns
        rows.append(
            Holding(info.name, "pool", info.dataset, count, count, missing, info.page, info.terms)
        )
    return rows


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be: with what, and what."""

    where: str
    what: str


def array_problems(cache: Path, roots: list[Path], watch: Watch | None = None) -> Iterator[Problem]:
    """Prepared arrays whose bytes or sources are not what their manifest says; all are read."""
    for record in manifests(cache):
        if "root" not in record:
            yield Problem(record["path"].name, "its manifest is damaged: remove both files")
            continue
        root = Path(record["root"])
        if root not in roots:
            continue
        if sha256(record["path"]) != record["sha256"]:
            yield Problem(
                record["path"].name, "the array's bytes have changed: remove it and prepare again"
            )
        yield from source_problems(record, root, watch)


def source_problems(record: dict[str, Any], root: Path, watch: Watch | None) -> Iterator[Problem]:
    """Sources of one array that are gone or have changed."""
    paths = [root / name for name in record["sources"]]
    there = [path for path in paths if path.is_file()]
    now = hashes(root, there, watch=watch)
    for name, then in record["sources"].items():
        if name not in now:
            yield Problem(record["name"], f"{name} is gone since it was prepared")
        elif now[name] != then:
            yield Problem(record["name"], f"{name} has changed since it was prepared")


def pair_problems(task: ListedTask, source: Source) -> Iterator[Problem]:
    """Images without a fitting mask or point, and pictures that train and test alike.

    Every file of the published lists is decoded.
    """
    split = task.split(source)
    for image_id in (*split.train, *split.test):
        try:
            nothing = not task.decoded(source, image_id, SMALLEST).any()
        except InputError as error:
            yield Problem(task.name, str(error))
            continue
        if nothing:
            yield Problem(task.name, f"{task.image(source, image_id).name} is black")
    known = source.hashes(task.name, task.files(source))
    files = {
        part: {
            known[task.image(source, name).relative_to(source.root).as_posix()]: name
            for name in ids
        }
        for part, ids in (("train", split.train), ("test", split.test))
    }
    for same in sorted(files["train"].keys() & files["test"].keys()):
        yield Problem(
            task.name,
            f"{files['train'][same]} trains and {files['test'][same]} tests, and their files are "
            "identical",
        )
