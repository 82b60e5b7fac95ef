"""What the source files are: the SHA-256 of each, and of what was made from them."""

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

#: Files hashed or decoded at the same time; both leave Python's lock.
READERS = min(os.cpu_count() or 1, 8)
#: A file changed this recently (ns) may change again within the clock's tick: not remembered.
FRESH = 2_000_000_000

Watch = Callable[[int], None]


def digest(value: object) -> str:
    """SHA-256 of a value's canonical JSON."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hashes(
    root: Path, paths: Sequence[Path], ledger: Path | None = None, watch: Watch | None = None
) -> dict[str, str]:
    """SHA-256 of every file, by its path below ``root``.

    Args:
        root: What the paths are relative to.
        paths: Files below it.
        ledger: A JSON file that remembers each file's size, time of change and hash. A file whose
            size and time are as remembered is not read again; without a ledger all are read.
        watch: Called with 1 after each file.
    """
    known: dict[str, list[object]] = {}
    if ledger is not None and ledger.is_file():
        known = json.loads(ledger.read_text(encoding="utf-8"))

    def entry(path: Path) -> tuple[str, list[object]]:
        name, stat = path.relative_to(root).as_posix(), path.stat()
        remembered = known.get(name)
        if remembered is not None and remembered[:2] == [stat.st_size, stat.st_mtime_ns]:
            found = remembered
        else:
            found = [stat.st_size, stat.st_mtime_ns, sha256(path)]
        if watch is not None:
            watch(1)
        return name, found

    with ThreadPoolExecutor(READERS) as readers:
        entries = dict(readers.map(entry, paths))
    if ledger is not None:
        now = time.time_ns()
        settled = {name: e for name, e in entries.items() if now - int(str(e[1])) > FRESH}
        if {**known, **settled} != known:
            write_json(ledger, {**known, **settled})
    return {name: str(found[2]) for name, found in entries.items()}


def write_json(path: Path, record: object) -> None:
    """Write a JSON file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
