"""One grid by each executor, in one run on one machine.

    python -m benchmark.speed.executors PLAN --out OUT [--method M ...] [--task T ...] [--workers N]

Prints wall seconds of a grid computed by this process, by local processes and by a Ray cluster of
this machine (if ray is installed), each into a folder of its own on the same phantoms, and insists
that the scores are the same bytes.
"""

import argparse
import time
from pathlib import Path

from rich.console import Console

from benchmark.changes import Of, plan_from
from benchmark.comparison import Way, compare
from benchmark.executors import Executor, Serial
from benchmark.executors.choice import executor_called
from benchmark.store import Store
from methods.errors import ConfigError


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("plan", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--method", action="append")
    parser.add_argument("--task", action="append")
    parser.add_argument("--set", action="append", dest="changes")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    plan = plan_from(given.plan, 1.0, given.changes, Of(given.method, given.task))
    ways: dict[str, Executor] = {"serial": Serial()}
    ways[f"{given.workers} processes"] = executor_called("local", given.workers, "")
    try:
        ways["ray"] = executor_called("ray", 1, "local")
    except ConfigError as error:
        Console().print(str(error))
    # Phantoms are drawn and prepared before any clock runs.
    nothing = plan.model_copy(update={"methods": ["random"]})
    first = given.out / "data"
    compare(nothing, "phantom", first, "cpu", way=Way(only=(f"random/{plan.tasks[0]}",)))
    (data,) = first.glob("phantoms-*")
    seconds, scores = dict[str, float](), dict[str, dict[str, bytes]]()
    for name, executor in ways.items():
        store = Store(given.out / name.replace(" ", "-"))
        begun = time.perf_counter()
        compare(plan, str(data), store.root, "cpu", first / "cache", Way(executor))
        seconds[name] = time.perf_counter() - begun
        files = store.cells.glob("*/per_image.parquet")
        scores[name] = {path.parent.name: path.read_bytes() for path in files}
    console = Console(highlight=False)
    for name, spent in seconds.items():
        same = scores[name] == scores["serial"]
        console.print(f"{name:12} {spent:7.1f} s, {'the same bytes' if same else 'OTHER SCORES'}")


if __name__ == "__main__":
    main()
