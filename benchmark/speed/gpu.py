"""How fast a plan would be on a GPU that is not here: a calculation, not a measurement.

    python -m benchmark.speed.gpu [PLAN] [--peak 989] [--efficiency 0.4] [--bandwidth 3.35]
        [--launch 5] [--method M ...] [--set KEY=VALUE ...]

Counts operations, bytes and kernels of a step of every method's phases and of fine-tuning at the
plan's own size and batch (``benchmark.speed.hollow``), and takes from a card's data sheet what each
term needs. Prints Markdown.
"""

import argparse
import shlex
import sys
from pathlib import Path

from rich.console import Console

from benchmark.changes import Of, plan_from
from benchmark.forecast.probe import Setting
from benchmark.plan import Plan
from benchmark.rows import method_of
from benchmark.speed.counting import CPU, Step, finetuning, pretraining
from benchmark.speed.days import Counted, Days, configured, days
from benchmark.speed.roofline import Card, terms
from benchmark.speed.written import page, table

PLAN = Path(__file__).parents[1] / "plans" / "paper.toml"
#: What fine-tuning trains, by its stage.
STAGES = {"frozen": False, "finetuned": True}
#: Stages that are always shown, if the plan has them; other methods are in the sum alone.
SHOWN = ("ld", "simclr", "byol")
STEP_COLUMNS = (
    *("stage", "images a step", "TFLOP", "GB unfused", "GB fused", "kernels", "GB kept"),
    *("s arithmetic", "s unfused", "s fused", "s launches", "binds", "images/s"),
)
DAY_COLUMNS = ("method", "encoders", "cells", "days pre-training", "days downstream")
READING = (
    "A calculation, not a measurement: no GPU was here. Operations are those of convolutions and "
    "matrix products, forward and backward. Unfused: every op reads its inputs from the card's "
    "memory and writes its outputs, batch norm in training twice, an upper bound but for "
    "convolutions that read a value more than once. Fused: convolutions and products alone do, "
    "everything else runs inside them, a lower bound that batch norm in training cannot reach. "
    "Kernels: ops that compute, each at least one launch. Kept: what the gradients need. "
    "images/s: from nothing fused and every launch waited for, to all fused and launches hidden; "
    "`binds` names the largest term of the first. Images are drawn from the pool: a step of SimCLR "
    "passes each twice, one of LD two and a half times."
)
NOT_COUNTED = (
    "Days are those of one card that is never idle. Counted as in `ldbench plan`: training steps, "
    "validation, recalibration, passes over the pool, test images; a share of a step's seconds by "
    "operations where nothing is trained. Not counted: reading and decoding files, copies to the "
    "card, clustering, classifiers of the probe, scores."
)


def step_row(name: str, step: Step, card: Card) -> list[str]:
    """A line of the table of steps."""
    cost, found = step.whole, terms(step.whole, card)
    giga = (cost.moved / 1e9, cost.least / 1e9)
    seconds = (found.arithmetic, found.memory, found.fused, found.launches)
    return [
        *(name, str(step.images), f"{cost.operations / 1e12:.2f}"),
        *(f"{number:.1f}" for number in giga),
        *(f"{cost.kernels:.0f}", f"{cost.kept / 1e9:.1f}"),
        *(f"{number:.4f}" for number in seconds),
        *(found.binding, f"{step.images / found.slow:.0f} to {step.images / found.fast:.0f}"),
    ]


def day_row(found: Days) -> list[str]:
    """A line of the table of days."""
    before, after = found.pretraining, found.downstream
    return [
        *(found.method, str(found.encoders), str(found.cells)),
        *(f"{fast:.2f} to {slow:.2f}" for fast, slow in (before, after)),
    ]


def counted(plan: Plan, setting: Setting) -> Counted:
    """A step of everything."""
    tuned: dict[tuple[str, int], Step] = {}
    own = (part.batch_size for part in plan.downstream.tasks.values())
    for batch in sorted({plan.downstream.batch_size, *(size for size in own if size)}):
        for stage, trainable in STAGES.items():
            tuned[stage, batch] = finetuning(setting, batch, trainable=trainable)
    methods = {}
    for name in plan.methods:
        sys.stderr.write(f"counting {name}\n")
        methods[name] = pretraining(method_of(plan, name), configured(plan, name), setting)
    return Counted(setting, methods, tuned)


def asked() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmark.speed.gpu", description=__doc__)
    parser.add_argument("plan", type=Path, nargs="?", default=PLAN)
    parser.add_argument("--peak", type=float, default=989.0, help="TFLOP/s in bfloat16")
    parser.add_argument("--efficiency", type=float, default=0.4, help="share of the peak reached")
    parser.add_argument("--bandwidth", type=float, default=3.35, help="TB/s of its memory")
    parser.add_argument("--launch", type=float, default=5.0, help="microseconds a kernel")
    parser.add_argument("--method", action="append")
    parser.add_argument("--set", action="append", dest="changes", metavar="KEY=VALUE")
    return parser.parse_args()


def report(plan: Plan, found: Counted, card: Card) -> list[str]:
    """The page's parts."""
    rows = []
    for name in (name for name in plan.methods if name in SHOWN):
        start, steps = found.methods[name]
        for phase, step in zip(start.method.phases, steps, strict=True):
            place = f"{name}, {phase.name}" if len(steps) > 1 else name
            rows.append(step_row(place, step, card))
    for (stage, batch), step in found.tuned.items():
        rows.append(step_row(f"fine-tuning, {stage}, batch {batch}", step, card))
    setting, spent = found.setting, days(plan, found, card)
    total = sum((each.total for each in spent), start=0.0)
    fast = sum((each.least for each in spent), start=0.0)
    assumed = (
        f"Card: {card.peak / 1e12:g} TFLOP/s at {card.efficiency:.0%}, {card.bandwidth / 1e12:g} "
        f"TB/s, {card.launch * 1e6:g} microseconds a launch. Plan: {plan.title}, {setting.size} "
        f"px, encoder {setting.width}, {setting.precision}."
    )
    return [
        READING,
        assumed,
        table(STEP_COLUMNS, rows),
        f"The whole plan: **{fast:.0f} to {total:.0f} days** on one such card.",
        table(DAY_COLUMNS, [day_row(each) for each in spent]),
        NOT_COUNTED,
    ]


def main() -> None:
    """Count, calculate and print."""
    given = asked()
    plan = plan_from(given.plan, 1.0, given.changes, Of(given.method))
    card = Card(given.peak * 1e12, given.efficiency, given.bandwidth * 1e12, given.launch * 1e-6)
    found = counted(plan, Setting(plan.width, plan.size, "bfloat16", CPU))
    command = shlex.join(["python", "-m", "benchmark.speed.gpu", *sys.argv[1:]])
    text = page("A GPU on paper", command, report(plan, found, card))
    Console(highlight=False, soft_wrap=True).print(text, markup=False, end="")


if __name__ == "__main__":
    main()
