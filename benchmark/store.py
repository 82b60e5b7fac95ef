"""Results on disk: one folder a cell, written whole or not at all.

``OUT/cells/<key>-<code>/`` holds ``cell.json`` and ``per_image.parquet``;
``OUT/encoders/<key>-<code>/`` holds ``pretrain.json``, ``model.safetensors`` and
``encoder.safetensors``. <key> is the first 16 digits of the key's SHA-256, <code> the first 8
of the code's fingerprint. ``OUT/grid.json`` lists what the last plan asked for.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark.cells import CellKey, CellResult, Status
from methods.errors import InputError
from tasks.manifest import digest

#: In an encoder's folder: what is known about its training.
ENCODER_RECORD = "pretrain.json"

COLUMNS = ("stage", "image", "metric", "score")


class StoreError(InputError):
    """A results folder that cannot be used."""


def folder_name(key_hash: str, fingerprint: Mapping[str, str]) -> str:
    """The name under which a result of this key and code is kept."""
    return f"{key_hash[:16]}-{digest(dict(fingerprint))[:8]}"


@dataclass(frozen=True, slots=True)
class Store:
    """A results folder."""

    root: Path

    @property
    def cells(self) -> Path:
        """Where finished cells are."""
        return self.root / "cells"

    @property
    def encoders(self) -> Path:
        """Where pre-trained encoders are."""
        return self.root / "encoders"

    @property
    def tests(self) -> Path:
        """Where each task's test images are kept for the pictures."""
        return self.root / "test_images"

    @property
    def exclusions(self) -> Path:
        """Where each pool's frozen list of leaks is."""
        return self.root / "exclusions"

    @property
    def cache(self) -> Path:
        """Where prepared images are."""
        return self.root / "cache"

    def has_cell(self, name: str) -> bool:
        """Whether a cell is finished, well or badly."""
        return (self.cells / name / "cell.json").is_file()

    def has_encoder(self, name: str) -> bool:
        """Whether an encoder is trained."""
        return (self.encoders / name / ENCODER_RECORD).is_file()

    def courses(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """What is known about the training of those of the encoders that are there."""
        return [
            json.loads((self.encoders / name / ENCODER_RECORD).read_text(encoding="utf-8"))
            for name in names
            if self.has_encoder(name)
        ]

    def put_cell(
        self, name: str, result: CellResult, extra: Callable[[Path], None] | None = None
    ) -> None:
        """Write a cell; ``extra`` may add files to its folder before it appears."""
        record = {entry: value for entry, value in asdict(result).items() if entry != "rows"}
        table = pd.DataFrame(result.rows, columns=list(COLUMNS))

        def fill(folder: Path) -> None:
            table.to_parquet(folder / "per_image.parquet", index=False)
            if extra is not None:
                extra(folder)
            write_json(folder / "cell.json", record)

        put_folder(self.cells / name, fill)

    def cell(self, name: str) -> CellResult:
        """Read a finished cell.

        Raises:
            StoreError: If it cannot be read.
        """
        folder = self.cells / name
        try:
            record = json.loads((folder / "cell.json").read_text(encoding="utf-8"))
            table = pd.read_parquet(folder / "per_image.parquet")
            key = record["key"]
            key["stages"] = tuple(key["stages"])
            rows = list(table.itertuples(index=False, name=None))
            return CellResult(
                key=CellKey(**key),
                status=Status(record["status"]),
                reason=record["reason"],
                domain=record["domain"],
                source=record["source"],
                rows=rows,
                facts=record["facts"],
                cost=record["cost"],
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(
                f"{folder} cannot be read ({error}): delete it and run the plan again"
            ) from error

    def put_grid(self, title: str, wanted: Iterable[Mapping[str, Any]]) -> None:
        """Note what a plan asks for, so that a table knows what is missing."""
        self.root.mkdir(parents=True, exist_ok=True)
        record = {"title": title, "cells": [dict(entry) for entry in wanted]}
        with tempfile.NamedTemporaryFile(
            "w", dir=self.root, prefix=".grid-", suffix=".json", delete=False, encoding="utf-8"
        ) as file:
            json.dump(record, file, indent=1)
        Path(file.name).replace(self.root / "grid.json")

    def grid(self) -> dict[str, Any]:
        """What the last plan asked for.

        Raises:
            StoreError: If no plan was run into this folder.
        """
        path = self.root / "grid.json"
        if not path.is_file():
            raise StoreError(
                f"{self.root} holds no results: run a plan first, e.g. `ldbench run PLAN --data "
                f"ROOT --out {self.root}`"
            )
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return record


def put_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write into a temporary sibling, then let the folder appear at once.

    A folder that is already there is kept: the same key and code made it.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        fill(temporary)
        for path in temporary.iterdir():
            synced(path)
        synced(temporary)
        try:
            temporary.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
        synced(folder.parent)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def synced(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, record: object) -> None:
    """Readable JSON; NaN is refused, because it is none."""
    path.write_text(
        json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n", encoding="utf-8"
    )
