"""How many threads a cell computes in, where a plan leaves it open: the cores, divided."""

import os
from pathlib import Path

from benchmark.asked import asked


def cores() -> int:
    """The processor's cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def share(workers: int, out: Path | None = None) -> int:
    """Threads for each of so many workers, whose results go to ``out``.

    Those of a folder that holds results already, whatever the number of workers: threads are part
    of a cell's identity, as its last digits depend on them.

    Raises:
        StoreError: If the folder holds something unreadable.
    """
    if out is not None and (out / "grid.json").is_file():
        known = asked(out).terms.get("threads")
        if isinstance(known, int):
            return known
    return max(1, cores() // workers)
