"""Ours, what a user would run instead, and the limit: one table.

    python -m benchmark.speed [--sizes 64 128 224] [--pairs 5] [--what simclr byol ld finetuning]

Every rival, our path and the bare step E run in turn, in alternating order, each in a process of
its own, so that none has another's memory or settings; the table gives medians over pairs, with the
smallest and the largest ratio. ``--what others`` gives every other method's rate as a share of E.
Memory is that of the main process, above what the imports took.
"""

import argparse
import json
import multiprocessing
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmark.machine import device_called, precision_for
from benchmark.speed.alone import spent
from benchmark.speed.described import machine
from benchmark.speed.measuring import alternating
from benchmark.speed.photographs import brought, draw, prepare
from benchmark.speed.table import COLUMNS, Measured, lines
from benchmark.speed.work import FEWEST, WHATS, Work, steps_at
from benchmark.speed.written import row, table
from methods import METHODS
from methods.errors import ConfigError

HERE = "benchmark.speed"
#: Not forked: torch's threads do not survive that.
CONTEXT = multiprocessing.get_context("spawn")
#: Rivals of each kind of training, by the letter in the table.
RIVALS = {
    "simclr": {"A": "lightly_recipe", "B": "solo_recipe"},
    "byol": {"A": "lightly_recipe", "B": "solo_recipe"},
    "ld": {"C": "straight_ld"},
    "finetuning": {"D": "straight_finetuning"},
}


def rivals(what: str) -> dict[str, str]:
    """The modules of a training's rivals that can run here, by letter."""
    found = {letter: f"{HERE}.rivals.{name}" for letter, name in RIVALS.get(what, {}).items()}
    if "B" in found and not solo_is_there():
        del found["B"]
    return found


def solo_is_there() -> bool:
    """Whether solo-learn is installed."""
    from methods.backends import solo  # noqa: PLC0415  (slow to import)

    try:
        solo("losses.simclr:simclr_loss_func")
    except ConfigError:
        return False
    return True


def modules(work: Work) -> dict[str, tuple[str, Work]]:
    """What is timed for one table row or two: a module's block and the work that it is given."""
    plain, ours, limit = work.at("float32"), f"{HERE}.ours", f"{HERE}.limits"
    found = {letter: (module, plain) for letter, module in rivals(work.what).items()}
    found |= {"ours": (ours, work), "E": (limit, work)}
    if work.precision != "float32" and work.what in WHATS:
        found |= {"ours float32": (ours, plain), "E float32": (limit, plain)}
    return found


def measured(work: Work, pairs: int) -> Measured:
    """One kind of training at one size; every way to do it in a process of its own."""
    prepare(work)
    with ExitStack() as stack:
        timed = modules(work)
        own = {name: stack.enter_context(ProcessPoolExecutor(1, CONTEXT)) for name in timed}

        def take(name: str) -> dict[str, float]:
            return own[name].submit(spent, *timed[name]).result()

        # First calls are slower: they load kernels. Memory is theirs.
        memory = {name: take(name)["mib"] for name in timed}
        seconds = alternating({name: partial(second, take, name) for name in timed}, pairs)
    return Measured(work.what, work.size, work.crop, work.batch, seconds, memory)


def second(take: Callable[[str], dict[str, float]], name: str) -> float:
    """The seconds of what was taken."""
    return take(name)["seconds"]


def asked() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog=f"python -m {HERE}", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 224])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--what", nargs="+", choices=(*WHATS, "others"), default=list(WHATS))
    parser.add_argument("--steps", type=int, help="timed steps of each; fewer at larger sizes")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--images", type=Path, help="a folder of photographs of your own")
    given = parser.parse_args()
    if given.steps is not None and given.steps < FEWEST:
        parser.error(
            f"--steps {given.steps}: give at least {FEWEST}, or rivals have decoded before"
        )
    if given.images is not None and "finetuning" in given.what:
        parser.error("finetuning needs masks: leave it out of --what, or leave --images out")
    return given


def expanded(whats: list[str]) -> list[str]:
    """The methods behind "others" in its place."""
    others = [name for name in METHODS if name != "random" and name not in WHATS]
    return [name for what in whats for name in (others if what == "others" else [what])]


def main() -> None:
    """Measure and print."""
    given, console = asked(), Console(highlight=False, soft_wrap=True)
    precision = precision_for(given.precision, device_called("cpu"))
    console.print(f"{machine()}; ours and E at {precision}; {given.pairs} pairs\n", markup=False)
    console.print(table(COLUMNS, []), markup=False)
    with TemporaryDirectory() as made:
        folder = Path(made) / "speed"
        draw(folder) if given.images is None else brought(folder, given.images)
        for size in given.sizes:
            for what in expanded(given.what):
                steps = given.steps or steps_at(size)
                work = Work(what, size, folder, precision, steps=steps)
                found = measured(work, given.pairs)
                # A long comparison that is stopped has still said what it found so far.
                for line in lines(found):
                    console.print(row(line), markup=False)
                sys.stdout.flush()
                sys.stderr.write(json.dumps(found._asdict()) + "\n")
    console.print(f"\nAfterwards: {machine()}", markup=False)


if __name__ == "__main__":
    main()
