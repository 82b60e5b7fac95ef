"""Runs a plan in child processes that are killed with SIGKILL at random moments, until it is done.

Arguments: PLAN OUT KILLS SEED. First an undisturbed child computes OUT/whole; then children compute
OUT/1, OUT/2 and so on, killed each after a random part of that time, until there were KILLS kills
and the last grid is done. Prints JSON: the rounds, and what the killed were at. Everything is
imported before the first child, so that a child costs milliseconds; torch computes in one thread,
so that a forked child may.
"""

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import torch
from rich.console import Console

from benchmark.comparison import Way, prepared, request_for
from benchmark.executors import Serial, quiet
from benchmark.grid import Grid
from benchmark.leases import running
from benchmark.plan import read_plan
from benchmark.roots import root_of
from benchmark.store import Store
from tasks.base import Source

#: The longest that a child is left alone, as a share of the time of an undisturbed one.
LONGEST = 0.2


def start(grid: Grid, root: Source, out: Path) -> int:
    """A child that computes what is missing, with a checkpoint after every step."""
    pid = os.fork()
    if pid == 0:
        missing = [cell for cell in grid.cells if not Store(out).has_cell(cell.name)]
        request = request_for(grid, root, out, "cpu", missing, Way(every=0.0, stale=5.0))
        Serial().run(request, grid, quiet, lambda _: None)
        os._exit(0)
    return pid


def at(grid: Grid, store: Store) -> str:
    """What a killed child had in hand."""
    busy = running(store.leases)
    if not busy:
        return "between two cells"
    encoders = {cell.encoder for cell in grid.cells}
    return "pre-training" if encoders & busy.keys() else "fine-tuning"


def main() -> None:
    plan, out, kills, seed = sys.argv[1:]
    rng, whole = random.Random(int(seed)), Store(Path(out) / "whole")
    torch.set_num_threads(1)
    console = Console(file=sys.stderr)
    checked = read_plan(Path(plan))
    root = root_of(checked, "phantom", whole, console, None)
    grid = prepared(checked, root, "cpu", whole, console)
    begun = time.monotonic()
    assert os.waitpid(start(grid, root, whole.root), 0)[1] == 0
    longest = LONGEST * (time.monotonic() - begun)
    moments, rounds = Counter[str](), 0
    while moments.total() < int(kills):
        rounds += 1
        store, killed = Store(Path(out) / str(rounds)), True
        while killed:
            pid = start(grid, root, store.root)
            if moments.total() < int(kills):
                time.sleep(rng.random() * longest)
                os.kill(pid, signal.SIGKILL)
            _, status = os.waitpid(pid, 0)
            killed = os.WIFSIGNALED(status)
            if killed:
                moments[at(grid, store)] += 1
            else:
                assert os.WEXITSTATUS(status) == 0
    record = {"kills": moments.total(), "moments": dict(moments), "rounds": rounds}
    sys.stdout.write(json.dumps(record))


if __name__ == "__main__":
    main()
