"""What binds the bare step on this processor: its convolutions beside plain matrix products.

    python -m benchmark.speed.arithmetic [--sizes 64 128 224]

Convolutions of SimCLR's bare step, forward and backward: their share of the step by torch's
profiler, and the operations that they do a second, beside those of the product of two square
matrices by the library that torch takes for it. Prints Markdown.
"""

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import torch
from rich.console import Console
from torch.profiler import profile
from torch.utils.flop_counter import FlopCounterMode

from benchmark.computing import keep_freed
from benchmark.speed.limits import Bare
from benchmark.speed.photographs import draw
from benchmark.speed.work import Work
from benchmark.speed.written import page, table
from methods.precision import Precision

COLUMNS = (
    *("what", "px", "precision", "ms a step", "share in convolutions"),
    *("GFLOP/s there", "GFLOP/s of matrix products"),
)
PRECISIONS: dict[Precision, torch.dtype] = {"float32": torch.float32, "bfloat16": torch.bfloat16}
#: Side of the square matrices, large enough that nothing but arithmetic counts.
SIDE = 2048
REPEATS = 5


def products(dtype: torch.dtype) -> float:
    """Operations a second of the product of two square matrices, in units of 1e9."""
    a, b = (torch.randn(SIDE, SIDE).to(dtype) for _ in range(2))
    return 2.0 * SIDE**3 / median(clocked(lambda: a @ b)) / 1e9


def clocked(call: Callable[[], object]) -> list[float]:
    """Seconds of each of some calls, after one that is not counted."""
    call()
    seconds = []
    for _ in range(REPEATS):
        began = perf_counter()
        call()
        seconds.append(perf_counter() - began)
    return seconds


def convolving(bare: Bare) -> float:
    """Seconds a step in convolutions, by the profiler."""
    with profile() as taken:
        for _ in range(REPEATS):
            bare.step()
    # Of nested ops the outermost, whose time includes the conversion of its operands' layout.
    names = ("aten::convolution", "aten::convolution_backward")
    found = {event.key: float(event.cpu_time_total) for event in taken.key_averages()}
    return sum(found.get(name, 0.0) for name in names) / REPEATS / 1e6


def row(size: int, precision: Precision, folder: Path, peak: float) -> list[str]:
    """A line of the table."""
    bare = Bare(Work("simclr", size, folder, precision))
    bare.begin(bare.method.phases[-1].name)
    whole = median(clocked(bare.step))
    with FlopCounterMode(display=False) as counter:
        bare.step()
    counts = counter.get_flop_counts()["Global"]
    operations = sum(n for op, n in counts.items() if "convolution" in str(op))
    inside = convolving(bare)
    return [
        *("simclr", str(size), precision, f"{whole * 1e3:.0f}", f"{inside / whole:.2f}"),
        *(f"{operations / inside / 1e9:.0f}", f"{peak:.0f}"),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 224])
    given = parser.parse_args()
    keep_freed()
    rows = []
    with TemporaryDirectory() as made:
        folder = Path(made) / "speed"
        draw(folder)
        for size in given.sizes:
            for precision, dtype in PRECISIONS.items():
                rows.append(row(size, precision, folder, products(dtype)))
    command = shlex.join(["python", "-m", "benchmark.speed.arithmetic", *sys.argv[1:]])
    text = page("What binds the bare step", command, [table(COLUMNS, rows)])
    Console(highlight=False, soft_wrap=True).print(text, markup=False, end="")


if __name__ == "__main__":
    main()
