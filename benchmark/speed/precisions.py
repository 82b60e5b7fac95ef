"""bfloat16 against float32: one small grid twice, and what becomes of scores and ranks.

    python -m benchmark.speed.precisions --out OUT [--set KEY=VALUE ...]

Computes ``precisions.toml`` beside this file on phantoms, in either precision into a folder of its
own below OUT; another call goes on where this one was stopped. Prints Markdown.
"""

import argparse
import shlex
import sys
from contextlib import redirect_stdout
from pathlib import Path

import pandas as pd
from rich.console import Console

from benchmark.changes import plan_from
from benchmark.comparison import compare
from benchmark.plan import Plan
from benchmark.report.gathered import gather
from benchmark.speed.agreement import Agreement, agreement
from benchmark.speed.written import page, table
from methods.errors import ConfigError

PLAN = Path(__file__).with_suffix(".toml")
PRECISIONS = ("float32", "bfloat16")
STAGES = ("frozen", "finetuned")
#: Where a checkout has the numbers that no change may move.
GOLDEN = Path(__file__).parents[2] / "tests" / "golden"
COLUMNS = ("method", "task", "float32", "bfloat16", "difference", "sd over seeds")
SUMMARY = ("what", *STAGES)
READING = (
    "Dice, means over test images and seeds. The spread is the standard deviation over seeds "
    "within float32; pooled, the root of the mean variance over methods and tasks. Ranks of so "
    "few methods on so small a budget are mostly noise: two seeds in one precision show how much."
)


def computed(plan: Plan, out: Path) -> dict[str, pd.DataFrame]:
    """The scores in either precision, computed where they are missing.

    Raises:
        ConfigError: If a cell has failed.
    """
    frames, data, cache = {}, "phantom", out / PRECISIONS[0] / "cache"
    for precision in PRECISIONS:
        folder = out / precision
        if compare(plan.model_copy(update={"precision": precision}), data, folder, "cpu", cache):
            raise ConfigError(f"not every cell of {folder} is done: see ldbench status {folder}")
        # The same phantoms for both.
        data = str(next((out / PRECISIONS[0]).glob("phantoms-*")))
        frames[precision] = gather(folder, "refuse").frame("dice")
    return frames


def cell_rows(found: Agreement) -> list[list[str]]:
    """A line of each method and task."""
    one, other = found.one.mean(axis=2), found.other.mean(axis=2)
    return [
        [
            *(method, task, f"{one[m, t]:.3f}", f"{other[m, t]:.3f}"),
            *(f"{found.differences[m, t]:+.4f}", f"{found.spread[m, t]:.4f}"),
        ]
        for m, method in enumerate(found.methods)
        for t, task in enumerate(found.tasks)
    ]


def summary(found: list[Agreement]) -> list[list[str]]:
    """What the cells come to, a column a stage."""
    answer = {True: "yes", False: "no"}
    lines = {
        "largest difference of means": lambda one: f"{one.largest:.4f}",
        "mean difference, without signs": lambda one: f"{abs(one.differences).mean():.4f}",
        "sd over seeds, pooled": lambda one: f"{one.pooled:.4f}",
        "largest difference within it": lambda one: answer[one.largest <= one.pooled],
        "differences within it": lambda one: f"{one.within} of {one.differences.size}",
        "rms difference over that of other seeds": lambda one: f"{one.as_seeds:.2f}",
        "Spearman of mean ranks": lambda one: f"{one.mean_ranks[0]:.2f}",
        "Kendall of mean ranks": lambda one: f"{one.mean_ranks[1]:.2f}",
        "Spearman a task, means over seeds": lambda one: f"{one.task_ranks:.2f}",
        "Spearman a task, one seed in both precisions": lambda one: f"{one.paired_ranks:.2f}",
        "Spearman a task, two seeds in float32": lambda one: f"{one.seed_ranks:.2f}",
    }
    return [[name, *(tell(one) for one in found)] for name, tell in lines.items()]


def golden() -> str:
    """Which recorded numbers are float32."""
    losses, arrays = list(GOLDEN.glob("first_losses/*.json")), list(GOLDEN.glob("*.npz"))
    return (
        "Golden numbers are float32, whatever a plan's precision: first and third losses of "
        f"{len(losses)} methods (`test_golden_losses.py::test_first_losses`) and {len(arrays)} "
        "files of the reference's losses and gradients (`test_ld_golden.py`: "
        "`test_ld_losses_and_gradients`, `test_batch_criterion`, `test_soft_dice`)."
    )


def terms(plan: Plan) -> str:
    """What was computed."""
    return (
        f"{len(plan.methods)} methods x {len(plan.tasks)} tasks x {len(plan.seeds)} seeds on "
        f"phantoms, {plan.size} px, {plan.budget.images} images drawn, {plan.downstream.steps} "
        "steps a stage. The processor has bfloat16 where its flags name it; elsewhere it is "
        "emulated, to the same rounding and much more slowly."
    )


def main() -> None:
    """Compute, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--set", action="append", dest="changes", metavar="KEY=VALUE")
    given = parser.parse_args()
    plan = plan_from(PLAN, 1.0, given.changes)
    with redirect_stdout(sys.stderr):  # the tables alone go where the output goes
        frames = computed(plan, given.out)
    one, other = (frames[name] for name in PRECISIONS)
    found = [agreement(one, other, stage) for stage in STAGES]
    parts = [terms(plan), table(SUMMARY, summary(found)), READING]
    for stage, agreed in zip(STAGES, found, strict=True):
        parts += [f"## {stage}", table(COLUMNS, cell_rows(agreed))]
    changes = [word for change in given.changes or [] for word in ("--set", change)]
    command = shlex.join(["python", "-m", "benchmark.speed.precisions", "--out", "OUT", *changes])
    text = page("bfloat16 against float32", command, [*parts, golden()])
    Console(highlight=False, soft_wrap=True).print(text, markup=False, end="")


if __name__ == "__main__":
    main()
