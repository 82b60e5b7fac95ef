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
        ledger: A JSON file that remembers each file's size, times of change and hash. A file whose
            size and times are as remembered is not read again; without a ledger all are read.
        watch: Called with 1 after each file.
    """
    known: dict[str, list[object]] = {}
    if ledger is not None and ledger.is_file():
        known = remembered_in(ledger)

    def entry(path: Path) -> tuple[str, list[object]]:
        name, stat = path.relative_to(root).as_posix(), path.stat()
        # The time of the last change of the file's state, too: copying may set the other one back.
        state = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        remembered = known.get(name, [])
        found = remembered if remembered[:-1] == state else [*state, sha256(path)]
        if watch is not None:
            watch(1)
        return name, found

    with ThreadPoolExecutor(READERS) as readers:
        entries = dict(readers.map(entry, paths))
    if ledger is not None:
        now = time.time_ns()
        settled = {name: e for name, e in entries.items() if now - int(str(e[2])) > FRESH}
        if {**known, **settled} != known:
            write_json(ledger, {**known, **settled})
    return {name: str(found[-1]) for name, found in entries.items()}


def remembered_in(ledger: Path) -> dict[str, list[object]]:
    """What a ledger remembers; nothing if it is damaged, since every file can be read again."""
    try:
        record = json.loads(ledger.read_text(encoding="utf-8"))
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def write_json(path: Path, record: object) -> None:
    """Write a JSON file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        os.fchmod(handle, 0o644)  # a cache may be shared
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(record, file, indent=1, ensure_ascii=False)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)
