"""The file that results travel in: a zip without compression, each of its files known by name.

``manifest.json`` says what is inside: a format, a title, the comparison's terms, the cells as
``grid.json`` lists them and every file's SHA-256. Beside it are folders of ``benchmark.store``.
Nothing is compressed: what is large already is, the same results give the same bytes everywhere,
and no small file can unpack to a large one.
"""

import hashlib
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from benchmark.durable import SEAL, json_text
from benchmark.store import CELL_RECORD, ENCODER_RECORD, SCORES
from methods.errors import InputError
from tasks import guided, landmarks, probing

#: Of the masks in a cell's folder.
STAGES = ("frozen", "finetuned", "direct", *probing.STAGES, *guided.STAGES)
#: What ``manifest.json`` must say; raised when older programs could not read a file any more.
FORMAT = 1
MANIFEST = "manifest.json"
MIB = 2**20
#: The files of a cell's and of an encoder's folder, and the most bytes of each.
KNOWN: dict[str, dict[str, int]] = {
    "cells": {
        SEAL: MIB,
        CELL_RECORD: 16 * MIB,
        SCORES: 64 * MIB,
        **{f"masks_{stage}.png": 256 * MIB for stage in STAGES},
    },
    "encoders": {
        SEAL: MIB,
        ENCODER_RECORD: 256 * MIB,
        "card.json": MIB,
        "encoder.safetensors": 4096 * MIB,
        "model.safetensors": 4096 * MIB,
    },
}
#: Of a cell's folder, what stays at home: it shows a test image, if in other colours.
LEFT = (
    "features.png",
    "clusters.png",
    *(f"{stem}.png" for stem in (*landmarks.MAPS.values(), landmarks.SUPPORT)),
)
#: Of every file in an archive, so that the same results give the same bytes: the zip epoch.
DATE = (1980, 1, 1, 0, 0, 0)
CHUNK = MIB


class ArchiveError(InputError):
    """A file that cannot be taken in; names it, what is wrong and the remedy."""


class Manifest(BaseModel):
    """What an archive holds.

    Attributes:
        format: ``FORMAT``.
        title: Of the plan.
        terms: What all cells of the comparison agree on (``benchmark.asked``).
        pretrains: Encoders' folders to their keys.
        cells: As ``grid.json`` lists them, in its order.
        files: Every other file's SHA-256.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    format: int
    title: str = Field(max_length=500, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
    terms: dict[str, Any]
    pretrains: dict[str, dict[str, Any]]
    cells: list[dict[str, Any]]
    files: dict[str, str]


def pack(path: Path, manifest: Manifest, root: Path) -> None:
    """Write an archive of files below ``root``, the same bytes for the same files.

    Raises:
        ArchiveError: If a file is not the one that the manifest names.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as bundle:
        bundle.writestr(entry(MANIFEST), json_text(manifest.model_dump()))
        for name, digest in sorted(manifest.files.items()):
            if name.endswith(f"/{SEAL}"):
                bundle.writestr(entry(name), seal(manifest.files, name.removesuffix(SEAL)))
                continue
            sha = hashlib.sha256()
            large = (root / name).stat().st_size
            with (
                (root / name).open("rb") as file,
                bundle.open(entry(name), "w", force_zip64=large >= 1024 * MIB) as out,
            ):
                while data := file.read(CHUNK):
                    sha.update(data)
                    out.write(data)
            if sha.hexdigest() != digest:
                raise ArchiveError(f"{root / name} was changed while it was exported: try again")


def seal(files: Mapping[str, str], place: str) -> bytes:
    """The list of digests of what travels of a folder, as it is written on disk.

    Args:
        files: Digests of files in several folders.
        place: The folder's name, with a slash at its end.
    """
    own = {name.removeprefix(place): digest for name, digest in files.items()}
    kept = {name: own[name] for name in sorted(own) if "/" not in name and name != SEAL}
    return json_text(kept).encode()


def entry(name: str) -> zipfile.ZipInfo:
    """A plain file of an archive, without anything of this machine."""
    info = zipfile.ZipInfo(name, DATE)
    info.create_system = 3  # Unix, wherever this runs
    info.external_attr = (stat.S_IFREG | 0o644) << 16
    return info
