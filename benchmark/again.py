"""Whether a call would find everything done, told without reading a single image.

A finished call leaves a stamp of all it depended on: plan, code, files, packages, machine. If the
next one has the same stamp and every cell is there, nothing is left to do, and torch need not even
be imported. Any doubt means no.
"""

import os
import platform
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import methods
import tasks
from benchmark import registry
from benchmark.asked import asked
from benchmark.durable import StoreError, json_text, put_file, read_json, sha256
from benchmark.fingerprint import fingerprint
from benchmark.plan import Plan
from benchmark.roots import phantom_folder
from benchmark.store import Store
from methods import METHODS
from methods.errors import InputError
from tasks.base import Source
from tasks.cache import default_folder
from tasks.manifest import digest
from tasks.pools import pool_called, pool_files
from tasks.priors import prior_files

#: The leaderboard that a call prints.
TABLE = "leaderboard.md"
#: Files of the program itself.
PACKAGES = (Path(__file__).parent, Path(methods.__file__).parent, Path(tasks.__file__).parent)


@dataclass(frozen=True, slots=True)
class Call:
    """What a call was given.

    Attributes:
        plan: What to compute.
        data: The data root, or "phantom".
        out: The results folder.
        device: As it was named.
        cache: Where prepared images are; the default if None.
    """

    plan: Plan
    data: str
    out: Path
    device: str
    cache: Path | None

    @property
    def memo(self) -> Path:
        """Where the stamp of the last finished call is."""
        return self.out / "finished.json"

    def stamp(self) -> str:
        """A digest of everything that the call's cells depend on."""
        root = phantom_folder(self.plan, self.out) if self.data == "phantom" else Path(self.data)
        source = Source.at(root, self.cache or default_folder())
        machine = [platform.node(), platform.machine(), os.environ.get("CUDA_VISIBLE_DEVICES")]
        # Tells "auto" on a machine with a GPU from the same call without one.
        machine.append(str(Path("/dev/nvidiactl").exists()))
        return digest(
            [
                self.plan.model_dump(mode="json"),
                [str(root.resolve()), self.device, *machine],
                [version(name) for name in ("torch", "lightly", "monai", "numpy")],
                list(marks(path for package in PACKAGES for path in package.rglob("*.py"))),
                codes(self.plan),
                list(marks(wanted(self.plan, source))),
                [meaning(name, source) for name in self.plan.tasks],
            ]
        )

    def begun(self) -> str:
        """The stamp before anything is read: what is changed later is not what was computed.

        Empty, and so of no finished call, if something is missing: the call will say what.
        """
        try:
            return self.stamp()
        except InputError:
            return ""

    def finished(self) -> list[str] | None:
        """The call's cells, if all of them are there; None if there may be something to do."""
        if not self.memo.is_file():
            return None
        try:
            known = read_json(self.memo)
            same = (known["stamp"], known["lists"]) == (self.stamp(), self.lists())
        except (InputError, KeyError, OSError):
            return None  # the call itself will find out what is wrong
        names = [str(name) for name in known["cells"]]
        store = Store(self.out)
        # Another call may have asked for other cells in the same places of the table.
        listed = {cell.name for cell in asked(self.out).cells} if same else set[str]()
        return (
            names if same and listed.issuperset(names) and all(map(store.has_cell, names)) else None
        )

    def table(self) -> str | None:
        """The leaderboard that was written for these cells; None if there is none."""
        known = read_json(self.memo).get("table")
        if known is None or known != self.drawn():
            return None
        return (self.out / TABLE).read_text(encoding="utf-8")

    def drawn(self) -> list[str] | None:
        """What the leaderboard is and which cells were listed; None if there is none.

        By content: times of change tell nothing once a clock has gone backwards. An import changes
        the list.
        """
        files = (self.out / TABLE, self.out / "grid.json")
        return [sha256(path) for path in files] if all(map(Path.is_file, files)) else None

    def note_table(self) -> None:
        """Leave word that the leaderboard has just been written, if the call has finished."""
        if self.memo.is_file():
            put_file(self.memo, json_text({**read_json(self.memo), "table": self.drawn()}))

    def lists(self) -> str:
        """A digest of the frozen lists of leaks, which a call writes and later ones read."""
        return digest(list(marks(Store(self.out).exclusions.glob("*.json"))))

    def note(self, stamp: str, lists: str, names: Iterable[str]) -> None:
        """Leave word that these cells are all there, unless something was changed meanwhile.

        Args:
            stamp: The call's, before anything was read.
            lists: The frozen lists', as they were used.
            names: The cells'.
        """
        if (stamp, lists) == (self.stamp(), self.lists()):
            put_file(self.memo, json_text({"stamp": stamp, "lists": lists, "cells": list(names)}))


def codes(plan: Plan) -> dict[str, dict[str, str]]:
    """The code of those of the plan's methods that are another package's."""
    outside = (name for name in plan.methods if name not in METHODS | plan.encoders | plan.shapes)
    return {name: fingerprint(registry.module_of(name)) for name in outside}


def meaning(task: str, source: Source) -> list[object]:
    """What a task makes of its files, which for an own one a TOML and a CSV file say."""
    known = registry.listed(task)
    split = known.split(source)
    return [known.facts(source), asdict(split), known.persons(split)]


def wanted(plan: Plan, source: Source) -> Iterator[Path]:
    """Every file that a plan's tasks, pools, rows of given weights and shape priors read."""
    for name in plan.tasks:
        yield from registry.task(name).wanted(source)
    for domain, name in plan.pools.items():
        yield from pool_files(pool_called(name, domain), source)
    yield from (Path(part.file) for part in plan.encoders.values())
    for shape in plan.shapes.values():
        yield from prior_files(shape.masks, shape.pattern)


def marks(paths: Iterable[Path]) -> Iterator[tuple[str, int, int]]:
    """Each file's path, size and time of change; a missing one has none."""
    for path in sorted(set(paths)):
        try:
            known = path.stat()
        except FileNotFoundError:
            yield (str(path), -1, -1)
            continue
        yield (str(path), known.st_size, known.st_mtime_ns)


def ended_badly(out: Path, names: Iterable[str]) -> int:
    """How many cells are neither done nor left out by the plan; another call may have dropped some.

    Raises:
        StoreError: If one cannot be read or was changed after it was written.
    """
    store = Store(out)

    def bad(name: str) -> bool:
        try:
            return store.status(name) not in ("done", "skipped")
        except StoreError:
            if store.has_cell(name):
                raise
            return True

    return sum(map(bad, names))
