"""Folders and files that are on disk whole or not at all, and that tell when they were changed.

A folder is written beside its place under a temporary name, forced to disk and renamed, so that an
interruption at any instant leaves either nothing or everything. Its ``SHA256.json`` holds the
digest of every file in it.
"""

import errno
import hashlib
import json
import math
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from methods.errors import InputError
from tasks.refusals import REFUSALS

#: What keeps a folder from being written, and what to do; disks of other machines fail too.
FAULTS = {
    **REFUSALS,
    errno.EIO: "the disk does not work: wait until it does, or choose another folder",
    errno.ESTALE: "the disk of another machine is gone: wait until it is back",
    errno.ETIMEDOUT: "the disk of another machine does not answer: wait until it does",
}

#: In every folder: the SHA-256 of each of its files, by name.
SEAL = "SHA256.json"


class StoreError(InputError):
    """A results folder that cannot be used; names it and the remedy."""


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Turn what the machine refuses into one clear line.

    Raises:
        StoreError: If there is no room or no permission to write at ``place``.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FAULTS:
            raise
        raise StoreError(
            f"cannot write {place}: {FAULTS[error.errno]}, and run again; everything finished "
            "is kept"
        ) from error


def put_folder(
    folder: Path, fill: Callable[[Path], None], before: Callable[[], None] | None = None
) -> bool:
    """Let ``fill`` write into a temporary sibling, then let the folder appear at once.

    Args:
        folder: Its place.
        fill: Writes files, none of them in folders of their own.
        before: Called at the last moment; what it raises keeps the folder from appearing.

    Returns:
        False if a folder is there already; it is kept.

    Raises:
        StoreError: If there is no room or no permission, or if the folder that is there already
            lacks files: it would be computed again and again.
    """
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = beside(folder)
        temporary.mkdir()
        try:
            fill(temporary)
            seal(temporary)
            for path in temporary.iterdir():
                synced(path)
            synced(temporary)
            if before is not None:
                before()
            try:
                os.rename(temporary, folder)  # noqa: PTH104  (onto a full folder it fails)
            except OSError:
                if not folder.is_dir():
                    raise
                whole(folder)
                return False
            synced(folder.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return True


def put_file(path: Path, content: str | bytes) -> None:
    """Write a file, whole or not at all, in the place of what was there.

    Raises:
        StoreError: If there is no room or no permission.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = beside(path)
        try:
            with temporary.open("xb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            synced(path.parent)
        finally:
            temporary.unlink(missing_ok=True)


def beside(place: Path) -> Path:
    """A name next to ``place`` that nobody else uses.

    Not ``tempfile``'s: its files can be read by their owner only, and results are shared.
    """
    return place.parent / f".{place.name}-{uuid.uuid4().hex}"


def whole(folder: Path) -> None:
    """Insist that a folder has all of its files.

    Raises:
        StoreError: If one is missing.
    """
    missing = [name for name in sealed(folder) if not (folder / name).is_file()]
    if missing:
        raise StoreError(f"{folder} lacks {missing[0]}: delete it and run the plan again")


def remove_folder(folder: Path) -> None:
    """Let a folder disappear at once, then delete it."""
    with writing(folder):
        doomed = beside(folder)
        try:
            folder.replace(doomed)
        except FileNotFoundError:
            return
        shutil.rmtree(doomed, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Delete what interrupted writers of a folder have left beside it.

    Only for the one who may write it: a living writer's files would vanish under it.
    """
    for left in folder.parent.glob(f".{folder.name}-*"):
        shutil.rmtree(left, ignore_errors=True)


def vacant(folder: Path, record: str) -> None:
    """Insist, before a folder's content is computed, that it can be put there.

    What interrupted writers have left beside it is deleted.

    Args:
        folder: Its place.
        record: The file without which what is there is no result.

    Raises:
        StoreError: If something is there that can be neither kept nor replaced.
    """
    sweep(folder)
    if folder.is_dir() and any(folder.iterdir()) and not (folder / record).is_file():
        raise StoreError(f"{folder} lacks {record}: delete it and run the plan again")


def seal(folder: Path) -> None:
    """Note every file's digest."""
    digests = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    write_json(folder / SEAL, digests)


def sealed(folder: Path) -> dict[str, str]:
    """The digests of a folder's files.

    Raises:
        StoreError: If they cannot be read.
    """
    try:
        digests = json.loads((folder / SEAL).read_bytes())
        return {str(name): str(value) for name, value in digests.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise StoreError(
            f"{folder} cannot be read ({error}): delete it and run the plan again"
        ) from error


def intact(folder: Path, name: str, digests: dict[str, str] | None = None) -> bytes:
    """A file's bytes, as they were written.

    Raises:
        StoreError: If it is missing or was changed since.
    """
    expected = sealed(folder) if digests is None else digests
    try:
        data = (folder / name).read_bytes()
    except OSError as error:
        raise StoreError(
            f"{folder / name} cannot be read ({error.strerror}): delete {folder} and run the plan "
            "again"
        ) from error
    if hashlib.sha256(data).hexdigest() != expected.get(name):
        raise StoreError(
            f"{folder / name} was changed after it was written: its SHA-256 is not the one in "
            f"{SEAL}; delete {folder} and run the plan again"
        )
    return data


def sha256(path: Path) -> str:
    """Digest of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def synced(path: Path) -> None:
    """Wait until a file or folder is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def json_text(record: object) -> str:
    """Readable JSON.

    Raises:
        ValueError: Naming a number that is not finite, for JSON has none.
    """
    for place, value in not_finite(record):
        raise ValueError(
            f"{place} is {value}, which cannot be kept; of a loss: is a learning_rate too high?"
        )
    return json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def not_finite(record: object, place: str = "") -> Iterator[tuple[str, float]]:
    """Numbers that are not finite, with where they are: "history.checks.3.loss"."""
    if isinstance(record, float):
        if not math.isfinite(record):
            yield place, record
    elif isinstance(record, Mapping | list | tuple):
        parts = record.items() if isinstance(record, Mapping) else enumerate(record)
        for name, value in parts:
            yield from not_finite(value, f"{place}.{name}" if place else str(name))


def write_json(path: Path, record: object) -> None:
    """Readable JSON, as in ``json_text``."""
    path.write_text(json_text(record), encoding="utf-8")


def read_json(path: Path) -> Any:  # noqa: ANN401
    """What a JSON file holds.

    Raises:
        StoreError: If it cannot be read.
    """
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise StoreError(f"{path} cannot be read ({error}): run the plan again") from error
