"""Reads an archive of results, trusting nothing that it says of itself.

Names, kinds and sizes are checked before anything is read, and what is read against its digest.
"""

import hashlib
import json
import re
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.archive import CHUNK, FORMAT, KNOWN, MANIFEST, MIB, ArchiveError, Manifest
from benchmark.durable import json_text

#: The most that a file may hold in all: files, bytes of its manifest, bytes.
MOST_FILES, MOST_LISTED, MOST_BYTES = 200_000, 256 * MIB, 256 * 1024 * MIB
PLACE = re.compile(r"(cells|encoders)/([0-9a-f]{16}-[0-9a-f]{8})/([A-Za-z0-9_.-]+)")
DAMAGED = (
    zipfile.BadZipFile, EOFError, NotImplementedError, OverflowError, RuntimeError, ValueError,
    struct.error,
)  # fmt: skip


@contextmanager
def damaged(path: Path) -> Iterator[None]:
    """Turn what reading a broken or hostile file can raise into one clear line.

    Raises:
        ArchiveError: If it cannot be read.
    """
    try:
        yield
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror or error}") from error
    except DAMAGED as error:
        raise ArchiveError(
            f"{path} is no archive of `ldbench export`, or is cut short or damaged ({error}): "
            "fetch it again"
        ) from error


@contextmanager
def unpacking(path: Path) -> Iterator["Archive"]:
    """An archive whose list of files is sound and whose manifest can be read.

    Raises:
        ArchiveError: If it is none, or anything in it is not as ``pack`` writes it.
    """
    with damaged(path):
        bundle = zipfile.ZipFile(path)
    with bundle:
        with damaged(path):
            entries = sound(path, bundle)
            manifest = manifest_of(path, bundle, entries)
        yield Archive(path, bundle, entries, manifest)


def sound(path: Path, bundle: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """An archive's entries by name, all of them plain known files of bearable size."""
    entries: dict[str, zipfile.ZipInfo] = {}
    if len(bundle.infolist()) > MOST_FILES:
        raise ArchiveError(f"{path} holds more than {MOST_FILES} files: export fewer cells at once")
    for info in bundle.infolist():
        if wrong := fault(info):
            raise ArchiveError(f"{path}: {info.orig_filename!r} {wrong}: nothing was imported")
        if info.filename in entries:
            raise ArchiveError(f"{path}: {info.filename} is there twice: nothing was imported")
        entries[info.filename] = info
    total = sum(info.file_size for info in entries.values())
    if total > min(MOST_BYTES, path.stat().st_size):  # more than the file itself: they overlap
        raise ArchiveError(f"{path} says it holds {total} bytes, which it may not or does not")
    if MANIFEST not in entries:
        raise ArchiveError(f"{path} has no {MANIFEST}: it is no archive of `ldbench export`")
    return entries


def fault(info: zipfile.ZipInfo) -> str:
    """What keeps an entry from being read; empty if nothing does."""
    match = PLACE.fullmatch(info.filename)
    known = KNOWN[match[1]] if match else {MANIFEST: MOST_LISTED}
    name = match[3] if match else info.filename
    if name not in known or info.orig_filename != info.filename:
        return "is no file that results have"
    if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG):
        return "is a link or a device, not a file"
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 0x1:
        return "is compressed or encrypted, which `ldbench export` never does"
    if info.file_size != info.compress_size or info.file_size > known[name]:
        return f"has {info.file_size} bytes, but at most {known[name]} are taken"
    return ""


def manifest_of(
    path: Path, bundle: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo]
) -> Manifest:
    """What an archive says it holds, which must be what it holds."""
    data = bundle.read(entries[MANIFEST])
    record = parsed(data, f"{path}: {MANIFEST}")
    version = record.get("format") if isinstance(record, dict) else None
    if version != FORMAT:
        raise ArchiveError(
            f"{path} is of format {version!r}, and this ldbench reads {FORMAT}: export it again "
            "with the same version of ldbench"
        )
    try:
        manifest = Manifest.model_validate_json(data)
    except ValidationError as error:
        raise ArchiveError(f"{path}: {MANIFEST}: {first_line(error)}") from error
    apart = {MANIFEST, *manifest.files} ^ entries.keys()
    if apart:
        raise ArchiveError(f"{path}: {min(apart)!r} is not both in it and in its {MANIFEST}")
    return manifest


def first_line(error: ValidationError) -> str:
    """The first of the mistakes, in one line."""
    first = error.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"


def parsed(data: bytes, what: str) -> Any:  # noqa: ANN401
    """What JSON of a stranger says; what we could not write ourselves, such as NaN, is none."""
    try:
        record = json.loads(data)
        json_text(record).encode()
    except (ValueError, RecursionError) as error:
        raise ArchiveError(f"{what} is no JSON ({type(error).__name__}): fetch it again") from error
    return record


@dataclass(frozen=True, slots=True)
class Archive:
    """An open archive, its list of files checked."""

    path: Path
    bundle: zipfile.ZipFile
    entries: Mapping[str, zipfile.ZipInfo]
    manifest: Manifest

    def folders(self, kind: str) -> dict[str, list[str]]:
        """The folders of ``cells`` or ``encoders`` and the names of their files."""
        out: dict[str, list[str]] = {}
        for name in self.manifest.files:
            kept, folder, file = name.split("/")
            if kept == kind:
                out.setdefault(folder, []).append(file)
        return out

    def chunks(self, name: str) -> Iterator[bytes]:
        """A file's bytes; at their end it is certain that they are the listed ones.

        Raises:
            ArchiveError: If its SHA-256 is not the manifest's.
        """
        sha = hashlib.sha256()
        with damaged(self.path), self.bundle.open(self.entries[name]) as file:
            while data := file.read(CHUNK):
                sha.update(data)
                yield data
        if sha.hexdigest() != self.manifest.files[name]:
            raise ArchiveError(
                f"{self.path}: {name} was changed: its SHA-256 is not the one in {MANIFEST}; fetch "
                "it again"
            )

    def read(self, name: str) -> bytes:
        """A file's bytes, which are the listed ones."""
        return b"".join(self.chunks(name))
