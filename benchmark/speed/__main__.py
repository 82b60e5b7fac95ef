"""Ours, what a user would run instead, and the limit: one table.

    python -m benchmark.speed [--sizes 64 128 224] [--pairs 5] [--what simclr byol ld finetuning]

Every rival, our path and the bare step E run in turn, in alternating order; the table gives medians
over pairs, with the smallest and the largest ratio. ``--what others`` gives every other method's
rate as a share of E. Memory is that of the main process, measured in one of its own.
"""

import argparse
import importlib
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from benchmark.speed.described import machine
from benchmark.speed.measuring import Block, alternating
from benchmark.speed.photographs import brought, draw
from benchmark.speed.table import Measured, lines, markdown
from benchmark.speed.work import STEPS, WHATS, Work, precision_of
from methods import METHODS
from methods.errors import ConfigError

HERE = "benchmark.speed"
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


def blocks(work: Work) -> dict[str, Block]:
    """Everything that is timed for one table row or two."""
    plain = work.at("float32")

    def of(module: str, of_what: Work) -> Block:
        block = importlib.import_module(module).block
        return lambda: float(block(of_what))

    ours, limit = f"{HERE}.ours", f"{HERE}.limits"
    found = {letter: of(module, plain) for letter, module in rivals(work.what).items()}
    found |= {"ours": of(ours, work), "E": of(limit, work)}
    if work.precision != "float32" and work.what in WHATS:
        found |= {"ours float32": of(ours, plain), "E float32": of(limit, plain)}
    return found


def memory(work: Work, module: str) -> float:
    """MiB above the imports, of a process of its own."""
    named = ["--size", str(work.size), "--drawn", str(work.folder), "--steps", "1"]
    done = subprocess.run(
        [sys.executable, "-m", module, work.what, "--precision", work.precision, *named],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(json.loads(done.stdout.splitlines()[-1])["mib"])


def measured(work: Work, pairs: int) -> Measured:
    """One kind of training at one size."""
    timed = blocks(work)
    for name in ("ours", "E"):
        timed[name]()  # prepares the cache; first calls are slower
    seconds = alternating(timed, pairs)
    taken = {"ours": memory(work, f"{HERE}.ours")}
    for letter, module in rivals(work.what).items():
        taken[letter] = memory(work.at("float32"), module)
    return Measured(work.what, work.size, work.crop, work.batch, seconds, taken)


def asked() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog=f"python -m {HERE}", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 128, 224])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--what", nargs="+", choices=(*WHATS, "others"), default=list(WHATS))
    parser.add_argument("--steps", type=int, default=STEPS, help="timed steps of each measurement")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument("--images", type=Path, help="a folder of photographs of your own")
    return parser.parse_args()


def expanded(whats: list[str]) -> list[str]:
    """The methods behind "others" in its place."""
    others = [name for name in METHODS if name != "random" and name not in WHATS]
    return [name for what in whats for name in (others if what == "others" else [what])]


def main() -> None:
    """Measure and print."""
    given, console = asked(), Console(highlight=False, soft_wrap=True)
    whats, rows = expanded(given.what), list[list[str]]()
    if given.images is not None and "finetuning" in whats:
        raise SystemExit("finetuning needs masks: leave it out of --what, or leave --images out")
    precision = precision_of(given.precision)
    console.print(f"{machine()}; ours and E at {precision}; {given.pairs} pairs\n", markup=False)
    with TemporaryDirectory() as made:
        folder = Path(made) / "speed"
        draw(folder) if given.images is None else brought(folder, given.images)
        for size in given.sizes:
            for what in whats:
                work = Work(what, size, folder, precision, steps=given.steps)
                found = measured(work, given.pairs)
                rows += lines(found)
                # A long comparison that is stopped has still said what it found so far.
                sys.stderr.write(json.dumps(found._asdict()) + "\n")
    console.print(markdown(rows), markup=False)
    console.print(f"Afterwards: {machine()}", markup=False)


if __name__ == "__main__":
    main()
