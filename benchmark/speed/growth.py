"""How cost grows with images, methods, tasks and pixels, each over a factor of eight or more.

    python -m benchmark.speed.growth [--runs 3] [--what images methods tasks pixels]

Images and pixels: a pre-training from the memory-mapped cache on. Methods and tasks: what ``ldbench
run`` does with trainings of two steps, from the grid to the leaderboard, so that what is left is
the harness's own cost. Sizes run in turn, forwards and backwards; the table gives medians, the
exponent of each fit with its standard error, and beside it a fixed cost. Prints Markdown.
"""

import argparse
import shlex
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter, process_time
from typing import NamedTuple

import torch
from rich.console import Console

from benchmark.speed.fits import line, power
from benchmark.speed.jobs import METHODS, TASKS, from_, ran, small_plan, trained
from benchmark.speed.measuring import turns
from benchmark.speed.photographs import draw
from benchmark.speed.written import page, table
from methods.views import view_side
from tasks.phantoms import DATASETS, write_phantoms

COUNTS = (1, 2, 4, 8)
#: Images drawn in a pre-training of simclr with its batches of 32.
IMAGES = (64, 128, 256, 512)
#: Sides of prepared images whose views have 32, 48, 64 and 96 px, and images drawn from them.
SIDES, DRAWN = (48, 64, 74, 110), 64
#: Photographs in the pool.
POOL = 24
COLUMNS = (
    *("what", "sizes", "processor s", "exponent", "fixed s + s each", "wall s", "wall exponent"),
)
READING = (
    "Medians over alternating runs. Exponent: least squares of the logarithms of these medians, "
    "nothing subtracted, with its standard error; 1 is linear. Where a fixed cost is a large part, "
    "the exponent is below 1 although every further piece costs the same: the fit of a fixed cost "
    "and a cost of each piece stands beside it. Wall seconds depend on what else the machine does."
)


class Spent(NamedTuple):
    """Seconds of one run."""

    processor: float
    wall: float


#: Does the work of a size once; the number tells runs of one size apart.
Job = Callable[[int, int], None]


class Growth(NamedTuple):
    """What grows.

    Attributes:
        name: For the table.
        sizes: That are run.
        amounts: What cost is fitted to, in the order of the sizes.
        job: The work.
    """

    name: str
    sizes: tuple[int, ...]
    amounts: tuple[int, ...]
    job: Job


def timed(job: Job, size: int, number: int) -> Spent:
    """Seconds of one run."""
    begun = (process_time(), perf_counter())
    job(size, number)
    return Spent(process_time() - begun[0], perf_counter() - begun[1])


def measured(growth: Growth, runs: int) -> list[Spent]:
    """Medians, in the order of sizes; a run of the largest goes before: imports and caches."""
    growth.job(growth.sizes[-1], 0)
    seen: dict[str, list[Spent]] = {str(size): [] for size in growth.sizes}
    for name in turns(list(seen), runs):
        seen[name].append(timed(growth.job, int(name), len(seen[name])))
        sys.stderr.write(f"{growth.name} {name}: {seen[name][-1].processor:.2f} s\n")
    return [
        Spent(median(one.processor for one in runs), median(one.wall for one in runs))
        for runs in seen.values()
    ]


def row(growth: Growth, spent: list[Spent]) -> list[str]:
    """A line of the table."""
    processor, wall = [one.processor for one in spent], [one.wall for one in spent]
    amounts = growth.amounts
    found, rest, fitted = power(amounts, processor), power(amounts, wall), line(amounts, processor)
    return [
        growth.name,
        ", ".join(map(str, amounts)),
        ", ".join(f"{number:.2f}" for number in processor),
        f"{found.exponent:.2f} +- {found.error:.2f}",
        # Adding zero after rounding: a fixed cost a hair below it is none, not "-0.00".
        f"{round(fitted.fixed, 2) + 0.0:.2f} + {fitted.each:.2g}",
        ", ".join(f"{number:.1f}" for number in wall),
        f"{rest.exponent:.2f} +- {rest.error:.2f}",
    ]


def growths(folder: Path) -> dict[str, Growth]:
    """Everything that can be asked for."""
    images, pixels = partial(trained, folder / "speed"), tuple(view_side(s) ** 2 for s in SIDES)
    return {
        "images": Growth("images drawn", IMAGES, IMAGES, lambda size, _: images(48, size)),
        "methods": Growth(
            "methods, one task", COUNTS, COUNTS,
            lambda size, run: ran(folder, small_plan(from_(METHODS, run * 3, size), [TASKS[0]])),
        ),
        "tasks": Growth(
            "tasks, one method", COUNTS, COUNTS,
            lambda size, run: ran(folder, small_plan([METHODS[0]], from_(TASKS, run * 3, size))),
        ),
        "pixels": Growth("pixels of a view", SIDES, pixels, lambda size, _: images(size, DRAWN)),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    whats = ("images", "methods", "tasks", "pixels")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--what", nargs="+", choices=whats, default=whats)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    with TemporaryDirectory() as made:
        folder = Path(made)
        draw(folder / "speed", POOL)
        kinds = [name for name in DATASETS if name not in ("JSRT", "SCR")]
        write_phantoms(folder / "phantoms", scale=0.05, seed=0, size=64, datasets=kinds)
        for what in given.what:
            growth = growths(folder)[what]
            rows.append(row(growth, measured(growth, given.runs)))
    ratio = max(view_side(side) for side in SIDES) ** 2 / min(view_side(s) for s in SIDES) ** 2
    parts = [
        table(COLUMNS, rows),
        READING,
        f"Pixels span a factor of {ratio:g} (views of 32 to 96 px a side), the others of 8.",
    ]
    command = shlex.join(["python", "-m", "benchmark.speed.growth", *sys.argv[1:]])
    Console(highlight=False, soft_wrap=True).print(
        page("How cost grows", command, parts), markup=False, end=""
    )


if __name__ == "__main__":
    main()
