"""How long a full leaderboard takes: 20 methods, 12 tasks, 5 seeds, 100 images, 2,000 draws.

    python -m benchmark.speed.leaderboard [--methods N] [--tasks N] [--seeds N] [--images N]
        [--draws N]

On made-up scores. Prints the seconds of the leaderboard itself, from tidy frame to ranks, and then
of each comparison of one method with all rivals, over all tasks and on every task.
"""

import argparse
import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from rich.console import Console

from benchmark.report.leaderboard import leaderboard
from benchmark.report.power import power
from benchmark.report.practical import practical_odds
from benchmark.report.rank_tests import rank_test
from benchmark.report.scales import SCALES
from benchmark.report.scores import Scores, scores
from benchmark.report.selection import FLOOR, select
from benchmark.report.significance import paired_tests
from benchmark.report.statistics import Bootstrap, bootstrap

#: Part of the table, and what computes it.
Steps = dict[str, Callable[[], object]]


def made_up(
    rng: np.random.Generator, methods: int, tasks: int, seeds: int, images: int
) -> pd.DataFrame:
    """A tidy frame of Dice scores, with the direct floor; methods, runs and images all differ."""
    names = [FLOOR, *(f"method{m:02}" for m in range(1, methods)), FLOOR]
    values = (
        0.6
        + rng.normal(0, 0.02, (len(names), tasks, 1, 1))
        + rng.normal(0, 0.01, (len(names), tasks, seeds, 1))
        + rng.normal(0, 0.1, (1, tasks, 1, images))
        + rng.normal(0, 0.05, (len(names), tasks, seeds, images))
    )
    m, t, s, i = (place.ravel() for place in np.indices(values.shape))
    return pd.DataFrame(
        {
            "method": np.array(names)[m],
            "task": np.char.mod("task%02d", t),
            "domain": "fundus",
            "source": "phantom",
            "stage": np.where(m == methods, "direct", "frozen"),
            "fraction": 1.0,
            "seed": s,
            "metric": "dice",
            "image": np.char.mod("%04d", i),
            "status": "done",
            "score": values.ravel().clip(0, 1),
        }
    )


def comparisons(grid: Scores, sample: Bootstrap) -> Steps:
    """Everything that is asked of one method, over all tasks and on each."""
    scale, method = SCALES["dice"], grid.methods[0]
    wheres = (None, *grid.tasks)
    return {
        "rank tests": lambda: rank_test(grid, scale=scale),
        "paired tests": lambda: [paired_tests(grid, method, scale=scale, task=t) for t in wheres],
        "practical odds": lambda: [
            practical_odds(grid, sample, method, scale=scale, task=t) for t in wheres
        ],
        "power": lambda: [power(grid, sample, method, scale=scale, task=t) for t in wheres],
    }


def timed(steps: Steps) -> Iterator[tuple[str, float]]:
    """Seconds of each step."""
    for name, step in steps.items():
        begun = time.perf_counter()
        step()
        yield name, time.perf_counter() - begun


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = {"methods": 20, "tasks": 12, "seeds": 5, "images": 100, "draws": 2000}
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    given = parser.parse_args()
    rng = np.random.default_rng(0)
    frame = made_up(rng, given.methods, given.tasks, given.seeds, given.images)
    console = Console(highlight=False, soft_wrap=True)
    board: Steps = {
        "leaderboard": lambda: leaderboard(frame, rng, stage="frozen", draws=given.draws)
    }
    grid = scores(select(frame, "frozen", "dice"))
    sample = bootstrap(grid, rng, given.draws)
    for name, seconds in timed(board | comparisons(grid, sample)):
        console.print(f"{name:15} {seconds:6.2f} s")


if __name__ == "__main__":
    main()
