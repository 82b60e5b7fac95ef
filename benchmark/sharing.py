"""Finished cells of a results folder into one file (``benchmark.archive``)."""

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark import registry
from benchmark.archive import FORMAT, KNOWN, LEFT, Manifest, pack, seal
from benchmark.asked import Wanted, asked, listed
from benchmark.cells import Status
from benchmark.durable import SEAL, StoreError, intact, sealed, writing
from benchmark.status import State, found
from benchmark.store import Store, folder_name


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written: how many cells and encoders, of which methods, and what was left out."""

    cells: int
    encoders: int
    methods: tuple[str, ...]
    left: Mapping[str, int]


def export(
    root: Path, file: Path, methods: Sequence[str] = (), *, stale: bool, encoders: bool
) -> Exported:
    """Write a results folder's finished cells into one file.

    Args:
        root: Where a plan was run to.
        file: Must not be there.
        methods: Which; all if none is named.
        stale: Whether cells of older code go along.
        encoders: Whether their encoders go along, as far as they are there.

    Raises:
        StoreError: If there is no such cell, or one is damaged, or the file cannot be written.
        UnknownNameError: If a method has no cell in the folder.
    """
    store, question = Store(root), asked(root)
    for name in methods:
        registry.known(f"method of {root}", name, {cell.method for cell in question.cells})
    new(file)
    wanted = [cell for cell in question.cells if not methods or cell.method in methods]
    cells, pretrains, left = finished(store, wanted, stale=stale)
    if not cells:
        shown = ", ".join(f"{count} {state}" for state, count in left.items())
        raise StoreError(f"{root} has no finished cell to export ({shown}): run its plan first")
    places = [f"cells/{cell.name}" for cell in cells]
    if encoders:
        names = dict.fromkeys(cell.encoder for cell in cells)
        places += [f"encoders/{name}" for name in names if store.has_encoder(name)]
    manifest = Manifest(
        format=FORMAT,
        title=question.title,
        terms=dict(question.terms),
        pretrains=pretrains,
        cells=[listed(cell) for cell in cells],
        files={name: value for place in places for name, value in digests(root, place).items()},
    )
    with writing(file), tempfile.TemporaryDirectory(dir=file.absolute().parent) as folder:
        pack(Path(folder) / file.name, manifest, root)
        (Path(folder) / file.name).replace(file)
    shown_methods = tuple(dict.fromkeys(cell.method for cell in cells))
    return Exported(len(cells), len(places) - len(cells), shown_methods, left)


def new(file: Path) -> None:
    """Insist that a file can be made."""
    if file.exists():
        raise StoreError(f"{file} is there already: delete it or name another file")
    if not file.absolute().parent.is_dir():
        raise StoreError(f"{file} cannot be written: there is no folder {file.parent}")


def finished(
    store: Store, wanted: Iterable[Wanted], *, stale: bool
) -> tuple[list[Wanted], dict[str, Any], dict[str, int]]:
    """The cells to export by the names they have, their encoders' keys, how many are left out."""
    wanted = list(wanted)
    there, cells, pretrains = found(store, wanted), list[Wanted](), dict[str, Any]()
    left: Counter[str] = Counter()
    for cell in wanted:
        name, state = there.get(cell, ("", State.MISSING))
        if not name or (state is State.STALE and not stale):
            left[str(state)] += 1
            continue
        record = store.record(name)
        if record["status"] != Status.DONE:
            left[record["status"]] += 1
            continue
        encoder = folder_name(record["key"]["pretrain"], record["fingerprint"])
        cells.append(replace(cell, name=name, encoder=encoder))
        pretrains[encoder] = record["pretrain"]
    return cells, pretrains, dict(left)


def digests(root: Path, place: str) -> dict[str, str]:
    """The SHA-256 of what travels of a folder's files, which are as they were written.

    Raises:
        StoreError: If one was changed since, or has been added.
    """
    folder = root / place
    known, limits = sealed(folder), KNOWN[place.partition("/")[0]]
    if added := {path.name for path in folder.iterdir()} - known.keys() - {SEAL}:
        raise StoreError(f"{folder / min(added)} was added later: remove it")
    known = {name: value for name, value in known.items() if name not in LEFT}
    for name in known:
        size = len(intact(folder, name, known))
        if size > limits.get(name, -1):
            raise StoreError(
                f"{folder / name} cannot be exported: of {size} bytes, it is no file an import "
                f"takes ({', '.join(limits)}; the limits are in benchmark/archive.py)"
            )
    files = {f"{place}/{name}": value for name, value in known.items()}
    sealing = hashlib.sha256(seal(files, f"{place}/")).hexdigest()
    return {**files, f"{place}/{SEAL}": sealing}
