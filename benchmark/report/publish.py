"""A folder's leaderboards, written and printed."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmark.asked import Wanted
from benchmark.durable import StoreError, put_file
from benchmark.report.board import Leaderboard
from benchmark.report.frame import Result
from benchmark.report.gathered import SEED, Gathered, Stale, gather
from benchmark.report.guided import METRIC as GUIDED_METRIC
from benchmark.report.guided import GuidedTable, guided_table
from benchmark.report.guiding import print_guided, write_guided
from benchmark.report.page import Page, page
from benchmark.report.render import print_leaderboard, print_prices, render
from benchmark.report.slices import By


def publish(
    folder: Path,
    *,
    as_json: bool,
    stale: Stale = "refuse",
    metric: str = "dice",
    by: By | None = None,
) -> None:
    """Write a folder's leaderboards, for a browser too; print the tables, or the JSON.

    Args:
        folder: Where a plan was run to.
        as_json: Whether to print the JSON in the place of tables.
        stale: What to do about cells of older code; see ``gather``.
        metric: A name in ``SCALES``.
        by: What to take the tables apart by; not at all if None.

    Raises:
        StoreError: If the folder holds no results, damaged ones, stale ones that are refused, or
            nothing to take apart.
    """
    found = gather(folder, stale)
    frame = found.frame(metric)
    name = "leaderboard" if metric == "dice" else f"leaderboard_{metric}"
    if by is None:
        boards = found.boards(frame, metric)
    else:
        boards, name = found.sliced(frame, metric, by), f"{name}_by_{by}"
        if not boards:
            raise StoreError(f"all of {folder} is of one {by}: leave --by {by} out")
    written = write_boards(found, boards, name) if boards else []
    # A table of its own, by its own metric, of all tasks.
    table = guided_table(found) if by is None and metric == GUIDED_METRIC else None
    if table is not None:
        written += write_guided(found, table)
    if as_json:
        (path,) = [path for path in written if path.suffix == ".json"][:1]
        print(path.read_text(encoding="utf-8"), end="")
    else:
        show(found, frame, boards, written, table)


def write_boards(found: Gathered, boards: list[Leaderboard], name: str) -> list[Path]:
    """Write leaderboards in every format; returns the paths."""
    folder = found.store.root
    written = [*render(boards, folder, name, SEED), folder / f"{name}.html"]
    put_file(written[-1], page(Page(title=found.question.title, boards=tuple(boards))))
    return written


def show(
    found: Gathered,
    frame: pd.DataFrame,
    boards: list[Leaderboard],
    written: list[Path],
    guided: GuidedTable | None = None,
) -> None:
    """Print boards, and what was written."""
    console = Console(highlight=False)
    console.print(f"[bold]{found.question.title}[/bold]")
    for board in boards:
        print_leaderboard(board, console)
    if guided is not None:
        print_guided(guided, console)
    print_prices(boards, console)
    if found.foreign:
        console.print(f"Kept from a package that is not installed here: {', '.join(found.foreign)}")
    if boards:
        console.print(blind_table(frame, found.there))
    console.print("Written:")
    for path in written:
        console.print(f"  {path}", soft_wrap=True)


def blind_table(frame: pd.DataFrame, there: Mapping[Wanted, Result]) -> Table:
    """What answers that ignore the image score, beside no pre-training."""
    stage = "finetuned" if (frame["stage"] == "finetuned").any() else "frozen"
    shown = Table(
        "task", "everything", "mean mask", f"random, {stage}", title="Dice without looking"
    )
    blind = {cell.task: r.facts["blind"] for cell, r in there.items() if "blind" in r.facts}
    floor = frame[
        (frame["method"] == "random") & (frame["stage"] == stage) & (frame["metric"] == "dice")
    ]
    means = floor.groupby("task")["score"].mean()
    for task, scores in sorted(blind.items()):
        mean = means.get(task, np.nan)
        text = "-" if np.isnan(mean) else f"{mean:.3f}"
        shown.add_row(task, f"{scores['everything']:.3f}", f"{scores['mean mask']:.3f}", text)
    return shown
