"""How many threads a cell computes in, where a plan leaves it open: the cores, divided."""

import os
from collections.abc import Iterator
from pathlib import Path

from benchmark.asked import asked
from benchmark.durable import read_json


def cores() -> int:
    """The processor's cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ranks_here() -> int:
    """Processes that torchrun has started on this machine; 1 without it."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", "1"))


def share(workers: int, out: Path | None = None) -> int:
    """Threads for each of so many workers, whose results go to ``out``.

    Those of a folder that holds results or studies already, whatever the number of workers: threads
    are part of their identity, as the last digits depend on them.

    Raises:
        StoreError: If the folder holds something unreadable.
    """
    return next(kept(out), max(1, cores() // workers)) if out else max(1, cores() // workers)


def kept(out: Path) -> Iterator[int]:
    """The threads of what a folder holds."""
    if (out / "grid.json").is_file():
        terms = [asked(out).terms]
    else:
        terms = [read_json(path)["terms"] for path in sorted((out / "studies").glob("*.json"))]
    yield from (known["threads"] for known in terms if isinstance(known.get("threads"), int))
