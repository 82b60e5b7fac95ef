"""How long the commands take that somebody waits for, and the whole demo: one page.

    python -m benchmark.speed.commands [--runs 5] [--demo]

`ldbench leaderboard` reads 240 made-up cells (``benchmark.speed.many_cells``). The demo is `make
demo` after set-up; its memory is the most that all its processes held together, looked at four
times a second.
"""

import argparse
import resource
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

from rich.console import Console

from benchmark.speed.table import NONE
from benchmark.speed.written import page, table

CELLS = 240
DEMO = Path(__file__).parents[1] / "plans" / "demo.toml"
#: Of /proc/PID/stat, counted from the state on (proc_pid_stat(5)).
SESSION, RESIDENT = 3, 21
PAGE = resource.getpagesize()
#: Seconds between two looks at the memory.
LOOK = 0.25
COLUMNS = ("command", "runs", "seconds, median", "shortest", "longest", "MiB, most")
PROGRAM = (sys.executable, "-m", "benchmark")


class Run(NamedTuple):
    """One run of a command: wall seconds, and the most memory of all its processes, MiB."""

    seconds: float
    mib: float


def held(session: int) -> float:
    """Memory of a session's processes, MiB; pages that they share count in each. Linux only."""
    total = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        if int(fields[SESSION]) == session:
            total += int(fields[RESIDENT]) * PAGE
    return total / 2**20


def timed(command: list[str]) -> Run:
    """Run a command.

    Raises:
        subprocess.CalledProcessError: If it fails.
    """
    began = perf_counter()
    quiet, heard = subprocess.DEVNULL, subprocess.PIPE
    with subprocess.Popen(command, stdout=quiet, stderr=heard, start_new_session=True) as started:
        found, ended = [0.0], threading.Event()

        def look() -> None:
            while not ended.is_set():
                found.append(held(started.pid))
                ended.wait(LOOK)

        looking = threading.Thread(target=look)
        looking.start()
        _, said = started.communicate()
        seconds = perf_counter() - began
        ended.set()
        looking.join()
    if started.returncode:
        raise subprocess.CalledProcessError(started.returncode, command, stderr=said)
    return Run(seconds, max(found))


def line(shown: str, runs: list[Run]) -> list[str]:
    """A row of the table."""
    seconds = [run.seconds for run in runs]
    spread = (median(seconds), min(seconds), max(seconds))
    told = (f"{each:.2f}" for each in spread)
    # A command of hardly two looks has held more than was seen.
    mib = f"{max(run.mib for run in runs):.0f}" if min(seconds) > 2.0 * LOOK else NONE
    return [f"`{shown}`", str(len(runs)), *told, mib]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--demo", action="store_true")
    given = parser.parse_args()
    rows = []
    with TemporaryDirectory() as made:
        many, demo = str(Path(made) / "many"), str(Path(made) / "demo")
        filling = [sys.executable, "-m", "benchmark.speed.many_cells", many, "--count", str(CELLS)]
        timed(filling)
        for words in (["--help"], ["methods"], ["tasks"], ["status", many], ["leaderboard", many]):
            shown = " ".join(["ldbench", *("OUT" if word == many else word for word in words)])
            rows.append(line(shown, [timed([*PROGRAM, *words]) for _ in range(given.runs)]))
        if given.demo:
            words = ["run", str(DEMO), "--data", "phantom", "--out", demo, "--workers", "2"]
            rows.append(line("make demo, after set-up", [timed([*PROGRAM, *words])]))
    command = shlex.join(["python", "-m", "benchmark.speed.commands", *sys.argv[1:]])
    parts = [table(COLUMNS, rows), f"OUT holds {CELLS} cells."]
    text = page("Commands that somebody waits for", command, parts)
    Console(highlight=False, soft_wrap=True).print(text, markup=False, end="")


if __name__ == "__main__":
    main()
