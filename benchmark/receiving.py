"""Cells of an archive into a results folder, where they change no result that is there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.archive import ArchiveError
from benchmark.asked import Asked, Wanted, agree, ask, asked, difference, listed, together
from benchmark.durable import SEAL, StoreError, put_folder
from benchmark.inspection import cell_in, encoder_in
from benchmark.leases import Leases
from benchmark.store import Store
from benchmark.unpacking import Archive, unpacking

#: What cells of one task have in common whatever the method, besides the plan's terms.
SAME = ("manifest", "protocol", "settings", "threads")
#: What tells one encoder of a table from another; everything else is the same for all.
OWN = ("method", "config", "seed")


@dataclass(frozen=True, slots=True)
class Imported:
    """What was taken in, and what was there already and was kept."""

    cells: int
    cells_kept: int
    encoders: int
    encoders_kept: int


def take_in(file: Path, root: Path) -> Imported:
    """Add an archive's cells to a results folder; no result that is there is changed.

    A cell that failed there, or took more than it was allowed, is no result and makes room.

    Everything is checked before anything is written. Cells that the folder itself asks for, by key
    and code, may come from a plan on other terms: the floor's do not depend on augmentations, and
    a key holds everything that its numbers depend on.

    Raises:
        ArchiveError: If anything in the file is not as ``export`` writes it.
        StoreError: If the folder holds results on other terms, or cannot be written.
    """
    if root.exists() and not root.is_dir():
        raise StoreError(f"--out {root} is a file: name a results folder or a new one")
    with unpacking(file) as archive:
        cells, encoders = inspected(archive)
        old = asked(root) if (root / "grid.json").is_file() else None
        if old is not None and not {cell.name for cell in cells} <= names(old):
            manifest = archive.manifest
            agree(root, old, Asked(manifest.title, manifest.terms, {}, tuple(cells)))
        new = added(archive, root, old, cells)
        kinds = {"encoders": encoders, "cells": archive.folders("cells")}
        with room_for(Store(root), kinds["cells"]):
            written = {
                kind: [brought(archive, root, f"{kind}/{name}", own) for name, own in some.items()]
                for kind, some in kinds.items()
            }
        if new.cells:
            ask(root, new)
    kept = {kind: some.count(False) for kind, some in written.items()}
    count = {kind: some.count(True) for kind, some in written.items()}
    return Imported(count["cells"], kept["cells"], count["encoders"], kept["encoders"])


def names(old: Asked) -> set[str]:
    """Of the cells that a folder asks for."""
    return {cell.name for cell in old.cells}


def inspected(archive: Archive) -> tuple[list[Wanted], dict[str, list[str]]]:
    """An archive's cells, in its order, and its encoders' files, all of them read once."""
    manifest, encoders = archive.manifest, archive.folders("encoders")
    wanted, pretrains = dict[str, Wanted](), dict[str, Any]()
    for name, files in archive.folders("cells").items():
        wanted[name], pretrain = cell_in(archive, name, files)
        pretrains[wanted[name].encoder] = pretrain
    named = [str(cell.get("name")) for cell in manifest.cells]
    same = [listed(wanted[name]) for name in named if name in wanted] == manifest.cells
    if not wanted or not same or len(named) != len(wanted) or pretrains != manifest.pretrains:
        raise ArchiveError(f"{archive.path}: its list of cells is not what its cells say")
    for name, files in encoders.items():
        if encoder_in(archive, name, files) != pretrains.get(name):
            raise ArchiveError(f"{archive.path}: encoders/{name} belongs to none of its cells")
    return [wanted[name] for name in named], encoders


def added(archive: Archive, root: Path, old: Asked | None, cells: Sequence[Wanted]) -> Asked:
    """What an import asks of a folder: places of its table that are not asked for yet.

    Raises:
        StoreError: If a place is taken by a cell of other settings, or a task by other images.
    """
    manifest = archive.manifest
    if old is None:
        return Asked(manifest.title, manifest.terms, manifest.pretrains, tuple(cells))
    places = {cell.place: cell for cell in old.cells}
    tasks = {(cell.task, cell.stages, cell.fraction): cell for cell in old.cells}
    for cell in cells:
        pairs = list[tuple[Mapping[str, Any], Mapping[str, Any]]]()
        if (taken := places.get(cell.place)) is not None:
            pairs = [(taken.key, cell.key)]
        elif (other := tasks.get((cell.task, cell.stages, cell.fraction))) is not None:
            theirs, ours = old.pretrains.get(other.encoder, {}), manifest.pretrains[cell.encoder]
            pairs = [(shared(other.key, theirs), shared(cell.key, ours))]
        for there, here in pairs:
            for place in difference(there, here):
                raise StoreError(
                    f"{root} has results that {cell.label} of {archive.path} does not go with: it "
                    f"differs in {place}; give another --out"
                )
    fresh = tuple(cell for cell in cells if cell.place not in places)
    pretrains = {cell.encoder: manifest.pretrains[cell.encoder] for cell in fresh}
    return Asked(old.title, together(manifest.terms, old.terms), pretrains, fresh)


def shared(key: Mapping[str, Any], pretrain: Mapping[str, Any]) -> dict[str, Any]:
    """What of a cell's and its encoder's key is the same for every method on one task."""
    encoder = {name: value for name, value in pretrain.items() if name not in OWN}
    return {**{name: key[name] for name in SAME}, "pretrain": encoder}


@contextmanager
def room_for(store: Store, names: Iterable[str]) -> Iterator[None]:
    """Remove cells that failed, unless somebody is at them; nobody computes them meanwhile."""
    failed = [name for name in names if store.has_failed(name)]
    if not failed:
        yield
        return
    with Leases(store.leases) as leases:
        for name in failed:
            if leases.claim(name) is not None and store.has_failed(name):
                store.drop_cell(name)
        yield


def brought(archive: Archive, root: Path, place: str, files: Iterable[str]) -> bool:
    """Write a folder of an archive, unless it is there; whether it was written."""
    if (root / place).is_dir():
        return False

    def fill(folder: Path) -> None:
        for name in files:
            if name != SEAL:  # it is written anew, over what is on disk now
                with (folder / name).open("wb") as out:
                    out.writelines(archive.chunks(f"{place}/{name}"))

    return put_folder(root / place, fill)
