"""How long a full report takes to open: 240 cells of 20 methods and 12 tasks.

    python -m benchmark.speed.page [--methods N] [--tasks N] [--seeds N] [--stages N] [--runs N]
        [--out FILE]

On made-up scores, with figures and sheets of realistic size, in headless Chromium (Debian's
package ``chromium``; Playwright from the dev extra). Prints the page's size and the medians of the
seconds from asking for the file until the browser has read it (DOMContentLoaded), has loaded it,
pictures included (load), and has painted it twice after that.
"""

import argparse
import statistics
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from rich.console import Console

from benchmark.claim import Claim
from benchmark.report.claims import judge
from benchmark.report.leaderboard import leaderboard
from benchmark.report.page import Page, Picture, page
from benchmark.report.page.origin import Fact, Origin, Provenance, Shared, anchor
from benchmark.speed.leaderboard import made_up

#: Where Debian puts Chromium, and how it runs without a screen and without looking for a network.
CHROMIUM = Path("/usr/bin/chromium")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
)  # fmt: skip
STAGES = ("frozen", "finetuned")
DRAWS = 200
#: Shares of noise that make 1,600 x 1,600 pixels 0.3 MB, as a leaderboard's figure of 20 methods
#: and 12 tasks is, and 1.5 MB, as three test images beside 20 predictions of each are.
FIGURE, SHEET = 0.04, 0.2
#: Stops the clock when what has been loaded is on the screen.
PAINTED = """() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
    const [entry] = performance.getEntriesByType("navigation");
    done([entry.domContentLoadedEventEnd, entry.loadEventEnd, performance.now()]);
})))"""


def made_up_page(
    methods: int = 20,
    tasks: int = 12,
    seeds: int = 3,
    stages: int = 2,
    drawn: int = 24,
    wide: int = 1600,
) -> Page:
    """A page of phantom scores that nobody has computed.

    Args:
        methods: Rows; the first is ``random``.
        tasks: Columns.
        seeds: Cells a method and task.
        stages: Leaderboards.
        drawn: Figures and sheets, by turns.
        wide: Pixels of each in a row; there are as many rows as columns.
    """
    rng = np.random.default_rng(0)
    frame = made_up(rng, methods, tasks, seeds, 10)
    boards = []
    for stage in STAGES[:stages]:
        own = frame.assign(stage=frame["stage"].replace("frozen", stage))
        boards.append(leaderboard(own, rng, stage=stage, draws=DRAWS))
    names, places = frame["method"].unique().tolist(), frame["task"].unique().tolist()
    claim = Claim(
        title=f"{names[-1]} wins at least half of the tasks",
        subject=names[-1], wins=f">= {max(1, tasks // 2)}", tasks=places,
        against=names[1:-1] or [names[0]], stage="frozen",
    )  # fmt: skip
    grains = (FIGURE, SHEET)
    pictures = [picture(rng, f"picture{n}", wide, grains[n % 2]) for n in range(drawn)]
    return Page(
        title="Made-up scores",
        boards=tuple(boards),
        drawings=tuple(pictures[::2]),
        sheets=tuple(pictures[1::2]),
        claims=(judge(claim, frame, rng, source="phantom", draws=DRAWS),) if methods > 1 else (),
        ledger=tuple(spent(name, tasks * seeds) for name in names),
        findings=(),
        provenance=origins(names, places, seeds),
        notes=("Nobody has computed these scores.",),
    )


def picture(rng: np.random.Generator, name: str, wide: int, grain: float) -> Picture:
    """Grey with a share of noisy rows."""
    from io import BytesIO  # noqa: PLC0415

    from PIL import Image  # noqa: PLC0415

    pixels = np.full((wide, wide, 3), 127, dtype=np.uint8)
    noisy = round(grain * wide)
    pixels[:noisy] = rng.integers(0, 256, (noisy, wide, 3))
    file = BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return Picture(name, f"A picture of phantoms: {name}", "Noise.", file.getvalue(), "phantom")


def spent(method: str, cells: int) -> dict[str, object]:
    """A row of the ledger."""
    return {
        "method": method, "encoders": 3, "cells": cells, "images drawn": 48_000, "steps": 750,
        "TFLOP in all": 812.5, "seconds": 1234.5, "peak MiB": 1298,
    }  # fmt: skip


def origins(methods: list[str], tasks: list[str], seeds: int) -> Provenance:
    """As many facts of every cell as real ones have."""
    words = "size 128, steps 400, batch_size 8, learning_rate 0.001, checks 6, fraction 1"
    cells, encoders = [], {}
    for method, (t, task), seed in product(methods, enumerate(tasks), range(seeds)):
        where = anchor("encoder", f"{method}-{seed}")
        long = tuple(Fact(f"fact {n}", words) for n in range(9))
        encoders[where] = Shared(where, f"{method}, seed {seed}", long)
        links = (Fact("encoder", f"{method}-{seed}", where), Fact("folder", f"cells/{seed}"))
        kind, domain = ("lesion", "x-ray") if t % 3 == 2 else ("anatomy", "fundus")
        cells.append(
            Origin(
                method, task, domain, kind, "phantom", ("frozen", "finetuned"), 1.0, seed,
                "done", (*links, *long),
            )
        )  # fmt: skip
    return Provenance(tuple(cells), {"Encoders": tuple(encoders.values())})


def opened(path: Path, runs: int) -> list[list[float]]:
    """Seconds to DOMContentLoaded, load and paint of each run, each in a new window."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - of the dev extra

    found = []
    with sync_playwright() as player:
        browser = player.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        for _ in range(runs):
            window = browser.new_page(viewport={"width": 1280, "height": 900})
            window.goto(path.as_uri(), wait_until="load")
            found.append([number / 1000 for number in window.evaluate(PAINTED)])
            window.close()
        browser.close()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    sizes = {"methods": 20, "tasks": 12, "seeds": 3, "stages": 2, "drawn": 24, "runs": 5}
    for name, size in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    text = page(made_up_page(given.methods, given.tasks, given.seeds, given.stages, given.drawn))
    console = Console(highlight=False, soft_wrap=True)
    with TemporaryDirectory() as folder:
        path = given.out or Path(folder) / "report.html"
        path.write_text(text, encoding="utf-8")
        seconds = opened(path.resolve(), given.runs)
    cells = given.methods * given.tasks * given.seeds
    console.print(f"{given.methods} x {given.tasks} x {given.seeds} = {cells} cells, ", end="")
    console.print(f"{len(text.encode()) / 1e6:.1f} MB")
    for name, values in zip(
        ("DOMContentLoaded", "load", "painted"), zip(*seconds, strict=True), strict=True
    ):
        console.print(f"{name:17}{statistics.median(values):6.2f} s")


if __name__ == "__main__":
    main()
