"""A small plan run from the command line, and the processes that work for a run."""

import os
from pathlib import Path

from benchmark.leases import holder_of, newest


def run_arguments(folder: Path) -> tuple[str | Path, ...]:
    """Runs a folder's plan on phantoms; results go below it."""
    out = folder / "out"
    return ("run", folder / "plan.toml", "--data", "phantom", "--out", out, "--device", "cpu")


def at_work(leases: Path) -> dict[str, int]:
    """What other processes than this one compute: names to process numbers.

    A lease whose holder has not yet written its name into it is nobody's.
    """
    if not leases.is_dir():
        return {}
    holders = {name: holder_of(path) for name, path in newest(leases).items()}
    pids = {name: holder.pid for name, holder in holders.items() if holder is not None}
    return {name: pid for name, pid in pids.items() if pid != os.getpid()}
