"""Runs a plan in child processes that are killed with SIGKILL at random moments, until it is done.

Arguments: PLAN DATA OUT KILLS SEED. Prints JSON: how often a child was killed while it was at
work, by what it was at. Everything is imported before the first child, so that a child costs
milliseconds; torch computes in one thread, so that a forked child may.
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

from benchmark import run
from benchmark.comparison import Way, prepared, request_for
from benchmark.executors import Serial, quiet
from benchmark.grid import Grid
from benchmark.leases import running
from benchmark.plan import read_plan
from benchmark.store import Store
from tasks.base import Source

#: Longest time that a child is left alone, seconds.
LONGEST = 0.6


def child(grid: Grid, root: Source, out: Path) -> None:
    """Compute what is missing, with a checkpoint after every step."""
    missing = [cell for cell in grid.cells if not Store(out).has_cell(cell.name)]
    request = request_for(grid, root, out, "cpu", missing, Way(every=0.0, stale=5.0))
    Serial().run(request, grid, quiet, lambda _: None)


def at(grid: Grid, store: Store) -> str:
    """What a killed child had in hand."""
    busy = running(store.leases)
    if not busy:
        return "between two cells"
    encoders = {cell.encoder for cell in grid.cells}
    return "pre-training" if encoders & busy.keys() else "fine-tuning"


def main() -> None:
    plan, data, out, kills, seed = sys.argv[1:]
    # How often one cell may kill its worker is another test's.
    run.ATTEMPTS = 10**6
    rng, store = random.Random(int(seed)), Store(Path(out))
    torch.set_num_threads(1)
    grid, root = prepared(read_plan(Path(plan)), data, "cpu", None, store, Console(file=sys.stderr))
    moments, children, finished = Counter[str](), 0, 0
    while True:
        pid = os.fork()
        if pid == 0:
            child(grid, root, Path(out))
            os._exit(0)
        children += 1
        if moments.total() < int(kills):
            time.sleep(rng.random() * LONGEST)
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        if os.WIFSIGNALED(status):
            moments[at(grid, store)] += 1
            continue
        assert os.WEXITSTATUS(status) == 0
        finished = sum(store.has_cell(cell.name) for cell in grid.cells)
        break
    left = [path.name for folder in (store.cells, store.encoders) for path in folder.glob(".*")]
    record = {
        "kills": moments.total(),
        "moments": dict(moments),
        "finished": finished,
        "left": left,
    }
    sys.stdout.write(json.dumps(record))


if __name__ == "__main__":
    main()
