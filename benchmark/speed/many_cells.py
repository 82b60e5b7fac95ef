"""Fill a results folder with made-up cells, to see how the program copes with many.

    python -m benchmark.speed.many_cells OUT --count 10000
    python -m benchmark.speed.many_cells OUT --plan benchmark/plans/demo.toml

The first invents seeds until there are so many cells. The second computes nothing either, but has
the very cells that the plan asks for on phantoms, so that `ldbench run PLAN --data phantom --out
OUT` finds nothing to do. Scores are random numbers: never show such a folder to anybody.
"""

import argparse
import random
from itertools import count
from pathlib import Path

from rich.console import Console

from benchmark import registry
from benchmark.again import Call
from benchmark.asked import Asked, Wanted, ask
from benchmark.cells import Cell, CellKey, CellResult, PretrainKey, Status, canonical
from benchmark.fingerprint import fingerprint
from benchmark.plan import read_plan
from benchmark.roots import root_of
from benchmark.store import Store, folder_name
from methods import METHODS
from tasks import TASKS

#: Test images of a made-up task.
IMAGES = 25
COST = {"wall_seconds": 1.0, "processor_seconds": 1.0, "peak_mib": 1, "steps": 2, "forward": 1}
SPENT = {**COST, "backward": 2, "aside": 0, "parameters": 1}


def result(cell: Cell, domain: str, source: str) -> CellResult:
    """Random scores."""
    rng = random.Random(cell.name)
    base = rng.uniform(0.4, 0.8)
    rows = [
        (stage, f"image {n}", metric, min(1.0, base + rng.uniform(-0.1, 0.1)))
        for stage in cell.key.stages
        for metric in ("dice", "iou", "hd95")
        for n in range(IMAGES)
    ]
    facts = {
        **{stage: {"steps": 2, "test opened after step": 2} for stage in cell.key.stages},
        "blind": {"everything": 0.1, "mean mask": 0.2},
        "leaks": "exclude",
        "encoder": cell.encoder,
        "pool": cell.pretrain.pool,
        "pool images": 100,
        "leaks excluded from the pool": 0,
    }
    drawn = {"images_drawn": 10, "images_passed": 0, "tuning_trials": 0}
    cost = {**SPENT, "pretraining": {**SPENT, **drawn}}
    return CellResult(cell.key, Status.DONE, "", domain, source, rows, facts, cost)


def invented(number: int) -> list[tuple[Cell, str]]:
    """Cells of every method and task, seed after seed, with their tasks' domains."""
    cells: list[tuple[Cell, str]] = []
    tasks = {name: registry.task(name).info.domain for name in TASKS}
    codes = {name: fingerprint(registry.module_of(name)) for name in METHODS}
    for seed in count():
        for method, code in codes.items():
            for task, domain in tasks.items():
                if len(cells) == number:
                    return cells
                budget = {"images": 10}
                pretrain = PretrainKey(method, {}, "tiny", 64, budget, domain, domain, (), seed, 1)
                settings = {"fraction": 1.0, "steps": 2, "batch_size": 2}
                key = CellKey(
                    method, pretrain.hash, task, task, "segmentation-1",
                    ("frozen", "finetuned"), settings, seed, 1,
                )  # fmt: skip
                encoder = folder_name(pretrain.hash, code)
                name = folder_name(key.hash, code)
                cells.append((Cell(key, pretrain, name, encoder, code), domain))
    return cells


def main() -> None:
    """Fill the folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--plan", type=Path)
    given = parser.parse_args()
    store = Store(given.out)
    if given.plan is None:
        made = invented(given.count)
        cells = tuple(Wanted.by(cell, domain, "phantom") for cell, domain in made)
        pretrains = {cell.encoder: canonical(cell.pretrain) for cell, _ in made}
        ask(store.root, Asked("Many made-up cells", {}, pretrains, cells))
    else:
        from benchmark.comparison import prepared  # noqa: PLC0415  (imports torch)

        plan = read_plan(given.plan)
        call = Call(plan, "phantom", store.root, "auto", None)
        root = root_of(plan, "phantom", store, Console(), None)
        grid = prepared(plan, root, "auto", store, Console())
        made = [(cell, str(grid.tasks[cell.key.task].info.domain)) for cell in grid.cells]
        call.note(call.stamp(), call.lists(), (cell.name for cell, _ in made))
    for cell, domain in made:
        store.put_cell(cell, result(cell, domain, "phantom"))


if __name__ == "__main__":
    main()
