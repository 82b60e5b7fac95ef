"""Prepared images, kept between runs under the digest of what they were made from.

Each set of images is one memory-mapped array with a JSON manifest beside it. Rows are written as
they are made: memory does not grow with their number, and a stopped preparation goes on where it
was. The array gets its name when it is whole.
"""

import json
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock
from numpy.lib.format import open_memmap

from tasks.manifest import READERS, Watch, digest, sha256, write_json
from tasks.refusals import keep_room, preparing

#: So many images are forced to disk together.
FLUSHED = 64
#: Environment variable that names the folder of prepared images.
VARIABLE = "LDBENCH_CACHE"


def default_folder() -> Path:
    """Where prepared images are kept if nobody says otherwise: ``~/.cache/ldbench``."""
    if named := os.environ.get(VARIABLE):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ldbench"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What an array is made from; equal recipes give equal arrays.

    Attributes:
        name: For people who look into the folder, e.g. "hrf_vessel-128".
        root: The data root; an array of the same name and root replaces older ones.
        sources: SHA-256 of every file read, by its path below the root.
        facts: Whatever else decides the values: version, size, thresholds.
        shape: Shape of the array, images first.
    """

    name: str
    root: Path
    sources: dict[str, str]
    facts: dict[str, Any]
    shape: tuple[int, ...]

    @property
    def key(self) -> str:
        """Digest of the sources, the facts and the shape."""
        return digest([self.sources, self.facts, self.shape])

    def path(self, folder: Path) -> Path:
        """The array's file."""
        return folder / f"{self.name}-{self.key[:16]}.npy"


def cached(
    folder: Path, recipe: Recipe, row: Callable[[int], np.ndarray], watch: Watch | None = None
) -> np.ndarray:
    """The recipe's array, uint8, memory-mapped for reading: made before, or made now.

    Args:
        folder: The cache; created if needed.
        recipe: What the array is.
        row: Makes one image; called from several threads.
        watch: Called with the number of images that are there at once, then with 1 for each made.

    Raises:
        RefusedError: If there is no room or no permission to write there.
    """
    path = recipe.path(folder)
    if not path.exists():
        with preparing(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with FileLock(folder / f".{path.stem}.lock"):  # another process may be making it
                if not path.exists():
                    make(path, recipe, row, watch)
    elif watch is not None:
        watch(recipe.shape[0])
    loaded: np.ndarray = np.load(path, mmap_mode="r", allow_pickle=False)
    return loaded


def finished(job: Future[int]) -> bool:
    """Whether a row was written."""
    return job.done() and not job.cancelled() and job.exception() is None


def make(path: Path, recipe: Recipe, row: Callable[[int], np.ndarray], watch: Watch | None) -> None:
    """Write the rows that an earlier try left out, name the array, drop what it replaces."""
    begun, ticks = path.with_suffix(".unfinished.npy"), path.with_suffix(".ticks.npy")
    write_json(path.with_suffix(".begun"), {"name": recipe.name, "root": place(recipe)})
    try:
        array, made = np.load(begun, mmap_mode="r+"), np.load(ticks, mmap_mode="r+")
    except (FileNotFoundError, ValueError, EOFError):  # not begun, or stopped while beginning
        array = open_memmap(begun, mode="w+", dtype=np.uint8, shape=recipe.shape)
        made = open_memmap(ticks, mode="w+", dtype=np.uint8, shape=recipe.shape[:1])
    for file in (begun, ticks):
        keep_room(file)
    missing = np.flatnonzero(made == 0).tolist()
    if watch is not None:
        watch(recipe.shape[0] - len(missing))

    def write(number: int) -> int:
        array[number] = row(number)
        return number

    def tick(rows: list[int]) -> None:
        # Rows are on disk first: a machine that goes down may have kept ticks and lost rows.
        array.flush()
        made[rows] = 1

    written: list[int] = []
    with ThreadPoolExecutor(READERS) as writers:
        jobs = [writers.submit(write, number) for number in missing]
        try:
            for job in as_completed(jobs):
                written.append(job.result())
                if watch is not None:
                    watch(1)
                if len(written) >= FLUSHED:
                    tick(written)
                    written.clear()
        except BaseException:
            writers.shutdown(wait=True, cancel_futures=True)
            with suppress(OSError):  # what stopped it is what is told
                tick([n for n, job in zip(missing, jobs, strict=True) if finished(job)])
            raise
    tick(missing)
    record = {
        "name": recipe.name,
        "root": place(recipe),
        "key": recipe.key,
        "facts": recipe.facts,
        "shape": list(recipe.shape),
        "sha256": sha256(begun),
        "sources": recipe.sources,
    }
    write_json(path.with_suffix(".json"), record)
    begun.replace(path)
    ticks.unlink()
    path.with_suffix(".begun").unlink()
    drop_replaced(path, record)


def place(recipe: Recipe) -> str:
    """The data root as manifests name it."""
    return str(recipe.root.resolve())


def manifests(folder: Path) -> list[dict[str, Any]]:
    """The manifest of every array in a cache, sorted by name, with its "path".

    A damaged one holds nothing but "path".
    """
    found = []
    for path in sorted(folder.glob("*.json")):
        if path.with_suffix(".npy").exists():
            try:
                record = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                record = {}
            found.append({**record, "path": path.with_suffix(".npy")})
    return found


def drop_replaced(path: Path, record: dict[str, Any]) -> None:
    """Remove arrays, whole or begun, of the same name made from an earlier state of the root."""
    same = (record["name"], record["root"])
    for other in manifests(path.parent):
        if (other.get("name"), other.get("root")) == same and other["path"] != path:
            other["path"].unlink()
            other["path"].with_suffix(".json").unlink()
    for mark in path.parent.glob("*.begun"):
        begun = json.loads(mark.read_text(encoding="utf-8"))
        if (begun["name"], begun["root"]) == same:
            stem = mark.stem
            for leftover in (f"{stem}.unfinished.npy", f"{stem}.ticks.npy", mark.name):
                (path.parent / leftover).unlink(missing_ok=True)
