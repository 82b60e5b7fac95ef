"""Results on disk: one folder a cell, written whole or not at all.

``OUT/cells/<key>-<code>/`` holds ``cell.json`` and ``per_image.parquet``;
``OUT/encoders/<key>-<code>/`` holds ``pretrain.json``, ``model.safetensors``,
``encoder.safetensors`` and its ``card.json``. <key> is the first 16 digits of the key's SHA-256,
<code> the first 8 of the code's fingerprint. ``OUT/checkpoints`` and ``OUT/leases`` are what is
under way; ``OUT/grid.json`` lists what was asked for (``benchmark.asked``).
"""

import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.cells import Cell, CellKey, CellResult, Status, canonical
from benchmark.durable import StoreError, intact, put_folder, remove_folder, sealed, write_json
from tasks.manifest import digest

#: In an encoder's folder: what is known about its training.
ENCODER_RECORD = "pretrain.json"
#: In a cell's folder: its key, status, facts and costs; and its scores.
CELL_RECORD, SCORES = "cell.json", "per_image.parquet"

#: A cell's scores: a row a number.
FIELDS = pa.schema(
    [
        ("stage", pa.string()),
        ("image", pa.string()),
        ("metric", pa.string()),
        ("score", pa.float64()),
    ]
)


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

    @property
    def checkpoints(self) -> Path:
        """Where trainings under way are kept."""
        return self.root / "checkpoints"

    @property
    def leases(self) -> Path:
        """Where workers note what they compute."""
        return self.root / "leases"

    def has_cell(self, name: str) -> bool:
        """Whether a cell is finished, well or badly."""
        return (self.cells / name / CELL_RECORD).is_file()

    def has_encoder(self, name: str) -> bool:
        """Whether an encoder is trained."""
        return (self.encoders / name / ENCODER_RECORD).is_file()

    def has_ended(self, name: str) -> bool:
        """Whether nothing is left to do of a cell or an encoder."""
        return self.has_cell(name) or self.has_encoder(name)

    def drop_checkpoints(self) -> None:
        """Remove those of trainings that have ended: a kill may fall between the two.

        Those of cells without result stay, for ``--retry-failed`` may go on from them.
        """
        for folder in self.checkpoints.iterdir() if self.checkpoints.is_dir() else ():
            if self.has_ended(folder.name) and not self.has_failed(folder.name):
                shutil.rmtree(folder, ignore_errors=True)

    def has_failed(self, name: str) -> bool:
        """Whether a cell is there and ended without scores, and might have had some.

        Not one that cannot be read, or that another call removes just now.
        """
        try:
            return self.has_cell(name) and self.status(name) in (Status.FAILED, Status.EXCEEDED)
        except StoreError:
            return False

    def courses(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """What is known about the training of those of the encoders that are there."""
        return [self.encoder_record(name) for name in names if self.has_encoder(name)]

    def encoder_record(self, name: str) -> dict[str, Any]:
        """What is known about an encoder's training.

        Raises:
            StoreError: If it cannot be read or was changed.
        """
        record: dict[str, Any] = json.loads(intact(self.encoders / name, ENCODER_RECORD))
        return record

    def put_cell(
        self,
        cell: Cell,
        result: CellResult,
        extra: Callable[[Path], None] | None = None,
        before: Callable[[], None] | None = None,
    ) -> bool:
        """Write a cell.

        Args:
            cell: What was asked, and the code that answers.
            result: What it gave.
            extra: May add files to its folder before it appears.
            before: Called at the last moment; what it raises keeps the cell from appearing.

        Returns:
            False if it is there already.

        Raises:
            StoreError: If it cannot be written.
        """
        record = {entry: value for entry, value in asdict(result).items() if entry != "rows"}
        record |= {"pretrain": canonical(cell.pretrain), "fingerprint": dict(cell.fingerprint)}
        table = pa.table(dict(zip(FIELDS.names, columns(result.rows), strict=True)), FIELDS)

        def fill(folder: Path) -> None:
            pq.write_table(table, folder / SCORES)
            if extra is not None:
                extra(folder)
            write_json(folder / CELL_RECORD, record)

        return put_folder(self.cells / cell.name, fill, before)

    def drop_cell(self, name: str) -> None:
        """Remove a cell, to compute it again."""
        remove_folder(self.cells / name)

    def record(self, name: str) -> dict[str, Any]:
        """What a finished cell's JSON says.

        Raises:
            StoreError: If it cannot be read or was changed.
        """
        record: dict[str, Any] = json.loads(intact(self.cells / name, CELL_RECORD))
        return record

    def status(self, name: str) -> Status:
        """How a finished cell ended.

        Raises:
            StoreError: If it cannot be read or was changed.
        """
        return Status(self.record(name)["status"])

    def cell(self, name: str) -> CellResult:
        """Read a finished cell.

        Raises:
            StoreError: If it cannot be read or was changed.
        """
        folder = self.cells / name
        digests = sealed(folder)
        record = json.loads(intact(folder, CELL_RECORD, digests))
        table = pq.read_table(pa.BufferReader(intact(folder, SCORES, digests)))
        return result_of(record, list(zip(*table.to_pydict().values(), strict=True)))


def columns(rows: Sequence[tuple[str, str, str, float]]) -> list[list[Any]]:
    """Rows turned into columns; as many empty ones if there are no rows."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in FIELDS]


def result_of(record: Mapping[str, Any], rows: list[tuple[str, str, str, float]]) -> CellResult:
    """A cell's result from its JSON and its scores."""
    key = dict(record["key"])
    key["stages"] = tuple(key["stages"])
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
