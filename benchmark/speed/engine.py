"""What the grid's machinery costs over the bare training loops.

    python -m benchmark.speed.engine PLAN --data phantom --out OUT [--method M ...] [--task T ...]

For every encoder in turn, the same work twice, in alternating order: bare (build, pretrain,
evaluate; nothing is stored) and by a worker (leases, checkpoints, seals, folders forced to disk).
Prints both sums, the share that the worker takes more, and from another run of the last encoder,
with a profile, the functions outside the loops in which time is spent.
"""

import argparse
import cProfile
import pstats
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.console import Console

from benchmark.bench import TorchBench
from benchmark.cells import Cell
from benchmark.changes import Of, plan_from
from benchmark.comparison import Way, prepared, request_for
from benchmark.executors import quiet, worker
from benchmark.grid import Grid
from benchmark.roots import root_of
from benchmark.run import Worker, by_encoder
from benchmark.store import Store
from methods.pretrain import pretrain

#: Lines of the profile that are printed.
LINES = 12


def bare(grid: Grid, group: list[Cell], store: Store) -> float:
    """Seconds of the loops alone."""
    begun = time.perf_counter()
    bench = TorchBench(grid, store, torch.device("cpu"), lambda _: None, quiet)
    method, images = bench.built(group[0])
    trained = pretrain(method, images, grid.budget, seed=group[0].pretrain.seed)
    for cell in group:
        task, data = grid.tasks[cell.key.task], grid.data_of(cell.key)
        task.evaluate(trained, data, seed=cell.key.seed, stages=cell.key.stages)
    return time.perf_counter() - begun


def engine(working: Worker, group: list[Cell]) -> float:
    """Seconds of a worker."""
    begun = time.perf_counter()
    working.group(group)
    return time.perf_counter() - begun


def profiled(working: Worker, group: list[Cell]) -> None:
    """Print where a worker spends time besides the loops; a profile slows all of it down."""
    profile = cProfile.Profile()
    profile.enable()
    working.group(group)
    profile.disable()
    told = pstats.Stats(profile).strip_dirs().sort_stats("cumulative")
    names = "leases|durable|store.py|checkpoints|encoders|card|machine|fsync|pictures|run.py"
    told.print_stats(names, LINES)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--data", default="phantom")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--method", action="append")
    parser.add_argument("--task", action="append")
    given = parser.parse_args()
    plan = plan_from(given.plan, 1.0, None, Of(given.method, given.task))
    store = Store(given.out)
    root = root_of(plan, given.data, store, Console(), None)
    grid = prepared(plan, root, "cpu", store, Console())
    seconds, groups = {"bare": 0.0, "engine": 0.0}, by_encoder(grid.cells)
    with TemporaryDirectory(dir=given.out) as folder:
        request = request_for(grid, root, Path(folder), "cpu", grid.cells, Way())
        with worker(request, grid, quiet, lambda _: None) as working:
            for place, group in enumerate(groups):
                for turn in (place, place + 1):
                    if turn % 2:
                        seconds["bare"] += bare(grid, group, store)
                    else:
                        seconds["engine"] += engine(working, group)
    more = seconds["engine"] / seconds["bare"] - 1
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"{len(grid.cells)} cells: bare {seconds['bare']:.1f} s, ", end="")
    console.print(f"by a worker {seconds['engine']:.1f} s ({more:+.1%})")
    with TemporaryDirectory(dir=given.out) as folder:
        request = request_for(grid, root, Path(folder), "cpu", groups[-1], Way())
        with worker(request, grid, quiet, lambda _: None) as working:
            profiled(working, groups[-1])


if __name__ == "__main__":
    main()
