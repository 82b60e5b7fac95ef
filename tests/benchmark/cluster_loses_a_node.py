"""Runs a plan on a Ray cluster of two nodes on this machine, one of which is killed half-way.

Arguments: PLAN DATA OUT. Prints JSON: how many cells were there when the node was killed.
"""

import json
import sys
import threading
import time
from pathlib import Path

from ray.cluster_utils import Cluster as Machines
from rich.console import Console

from benchmark.comparison import Way, prepared, request_for
from benchmark.executors import quiet
from benchmark.executors.cluster import Cluster
from benchmark.plan import read_plan
from benchmark.roots import root_of
from benchmark.store import Store


def main() -> None:
    plan, data, out = sys.argv[1:]
    store, told = Store(Path(out)), {}
    console = Console(file=sys.stderr)
    checked = read_plan(Path(plan))
    root = root_of(checked, data, store, console, None)
    grid = prepared(checked, root, "cpu", store, console)
    request = request_for(grid, root, store.root, "cpu", grid.cells, Way(every=0.0, stale=20.0))
    machines = Machines(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
    )
    second = machines.add_node(num_cpus=1)
    machines.wait_for_nodes()

    def kill() -> None:
        while not any(store.has_cell(cell.name) for cell in grid.cells):
            time.sleep(0.05)
        told["done before"] = sum(store.has_cell(cell.name) for cell in grid.cells)
        machines.remove_node(second, allow_graceful=False)

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    Cluster(machines.address).run(request, grid, quiet, lambda _: None)
    killer.join()
    told["done"] = sum(store.has_cell(cell.name) for cell in grid.cells)
    machines.shutdown()
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    main()
