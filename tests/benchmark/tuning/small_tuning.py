"""A small plan to tune, and what is found in the folder of its studies."""

from pathlib import Path
from typing import Any

from benchmark.tuning.snapshot import snapshots

PLAN = """
title = "Small"
methods = ["random", "inpainting", "simclr"]
tasks = ["chasedb1_vessel", "hrf_vessel"]
seeds = [0]
size = 32
precision = "float32"
threads = 1
[pools]
fundus = "idrid_grading"
[budget]
images = 48
checks = 2
[downstream]
steps = 3
batch_size = 2
checks = 1
[config.inpainting]
batch_size = 8
[config.simclr]
batch_size = 8
[tuning]
sampler = "random"
rungs = 2
[phantom]
scale = 0.1
size = 64
"""

#: What of a trial may differ between two ways to the same result.
HOW = ("number", "id", "attempts")


def data_of(out: Path) -> str:
    (data,) = out.glob("phantoms-*")
    return str(data)


def trials(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Every study's trials, without how they came to be."""
    return {
        study.method: [
            {name: getattr(t, name) for name in t.__slots__ if name not in HOW}
            for t in study.trials
        ]
        for study in snapshots(out)
    }
