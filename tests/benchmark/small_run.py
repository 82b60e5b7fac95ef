"""A small plan run from the command line, and the processes that work for a run."""

import os
from pathlib import Path

from benchmark.leases import holder_of, newest

PLAN = """
title = "Small"
methods = ["random", "inpainting"]
tasks = ["chasedb1_vessel", "scr_lung"]
seeds = [0]
size = 32
precision = "float32"
threads = 1
[pools]
fundus = "idrid_grading"
"chest X-ray" = "chestxray14"
[budget]
images = 16
checks = 2
[downstream]
steps = 2
batch_size = 2
checks = 1
[config.inpainting]
batch_size = 8
[phantom]
scale = 0.02
size = 64
"""


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
