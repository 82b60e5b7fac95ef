"""One way to train, on its own in a process: seconds a step, and memory above the imports."""

import argparse
import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.console import Console

from benchmark.machine import device_called, forget_peak, peak, precision_for, resident
from benchmark.speed.photographs import brought, draw
from benchmark.speed.work import WHATS, Work, steps_at


def main(block: Callable[[Work], float], described: str | None) -> None:
    """Read the command line, run the block once, print a line of JSON."""
    parser = argparse.ArgumentParser(description=described)
    parser.add_argument("what", help=f"one of {', '.join(WHATS)}, or another method")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="float32")
    parser.add_argument("--images", type=Path, help="a folder of photographs of your own")
    parser.add_argument("--drawn", type=Path, help="a folder as an earlier run left it")
    parser.add_argument("--steps", type=int, help="timed steps; fewer at larger sizes")
    given = parser.parse_args()
    with TemporaryDirectory() as made:
        folder = given.drawn or Path(made) / "speed"
        if given.drawn is None:
            draw(folder) if given.images is None else brought(folder, given.images)
        precision = precision_for(given.precision, device_called("cpu"))
        steps = given.steps or steps_at(given.size)
        work = Work(given.what, given.size, folder, precision, steps=steps)
        line = json.dumps(measured(block, work))
    Console(highlight=False, soft_wrap=True).print(line, markup=False)


def measured(block: Callable[[Work], float], work: Work) -> dict[str, float]:
    """Seconds a step, and MiB that this process took above what it had after the imports."""
    # Where the kernels and the method's own imports have been used once they are in memory.
    torch.nn.Conv2d(3, 3, 3)(torch.zeros(1, 3, 8, 8))
    work.batch  # noqa: B018  (imports the method)
    before = resident(torch.device("cpu"))
    if not forget_peak(torch.device("cpu")):
        sys.stderr.write(
            "an older peak cannot be forgotten here: MiB may be those of the imports\n"
        )
    seconds = block(work)
    return {"seconds": seconds, "mib": peak(torch.device("cpu")) - before}


def spent(module: str, work: Work) -> dict[str, float]:
    """Seconds and memory of a module's block, in a process that computes nothing else.

    Not in ``__main__``: a process that is spawned imports no package's ``__main__`` again.
    """
    block: Callable[[Work], float] = import_module(module).block
    return measured(block, work)
