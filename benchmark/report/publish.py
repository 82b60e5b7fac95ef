"""A folder's leaderboards, written and printed."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmark.asked import Wanted
from benchmark.durable import StoreError, put_file, read_json
from benchmark.report.frame import Result
from benchmark.report.gathered import SEED, Gathered, Stale, gather
from benchmark.report.guided import METRIC as GUIDED_METRIC
from benchmark.report.guided import guided_table
from benchmark.report.guiding import print_guided, write_guided
from benchmark.report.landmarks.gathering import landmark_boards
from benchmark.report.landmarks.written import print_landmarks, write_landmarks
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
    seeds: Sequence[int] = (),
) -> None:
    """Write a folder's leaderboards, for a browser too; print the tables, or the JSON.

    Args:
        folder: Where a plan was run to.
        as_json: Whether to print the JSON in the place of tables.
        stale: What to do about cells of older code; see ``gather``.
        metric: A name in ``SCALES``.
        by: What to take the tables apart by; not at all if None.
        seeds: Those that count; all if there are none.

    Raises:
        ConfigError: If a seed was not asked for.
        StoreError: If the folder holds no results, damaged ones, stale ones that are refused, or
            nothing to take apart.
    """
    found = gather(folder, stale, seeds)
    frame = found.frame(metric)
    name = "leaderboard" if metric == "dice" else f"leaderboard_{metric}"
    name += found.ending
    if by is None:
        boards = found.boards(frame, metric)
    else:
        boards, name = found.sliced(frame, metric, by), f"{name}_by_{by}"
        if not boards:
            raise StoreError(f"all of {folder} is of one {by}: leave --by {by} out")
    points = landmark_boards(found) if by is None else []
    # A table of its own, by its own metric, of all tasks.
    table = guided_table(found) if by is None and metric == GUIDED_METRIC else None
    written = render(boards, folder, name, SEED) if boards else []
    written += write_landmarks(points, folder, SEED, found.ending)
    written += write_guided(folder, table, found.ending) if table is not None else []
    written.append(folder / f"{name}.html")
    content = Page(
        title=found.question.title, boards=tuple(boards), landmarks=tuple(points), guided=table
    )
    put_file(written[-1], page(content))
    if as_json:
        print(together([path for path in written if path.suffix == ".json"]), end="")
    else:
        show(found, frame, content, written)


def together(paths: list[Path]) -> str:
    """What JSON files say, as one; a single one as it is."""
    if len(paths) == 1:
        return paths[0].read_text(encoding="utf-8")
    record = {key: value for path in paths for key, value in read_json(path).items()}
    return json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def show(
    found: Gathered,
    frame: pd.DataFrame,
    content: Page,
    written: list[Path],
) -> None:
    """Print every table of a page, and what was written."""
    console, boards = Console(highlight=False), content.boards
    console.print(f"[bold]{content.title}[/bold]")
    for board in boards:
        print_leaderboard(board, console)
    print_landmarks(content.landmarks, console)
    if content.guided is not None:
        print_guided(content.guided, console)
    print_prices(boards, console)
    if found.foreign:
        console.print(f"Kept from a package that is not installed here: {', '.join(found.foreign)}")
    if boards and content.boards[0].metric == "dice":
        console.print(blind_table(frame, found.there))
    console.print("Written:")
    for path in written:
        console.print(f"  {path}", soft_wrap=True)


def blind_table(frame: pd.DataFrame, there: Mapping[Wanted, Result]) -> Table:
    """What answers that ignore the image score, beside no pre-training; with most labels each."""
    stage = "finetuned" if (frame["stage"] == "finetuned").any() else "frozen"
    shown = Table(
        "task", "everything", "mean mask", f"random, {stage}", title="Dice without looking"
    )
    most = frame.groupby("task")["fraction"].max()
    blind = {
        cell.task: result.facts["blind"]
        for cell, result in there.items()
        if "blind" in result.facts and cell.fraction == most.get(cell.task)
    }
    floor = frame[
        (frame["method"] == "random")
        & (frame["stage"] == stage)
        & (frame["metric"] == "dice")
        & (frame["fraction"] == frame["task"].map(most))
    ]
    means = floor.groupby("task")["score"].mean()
    for task, scores in sorted(blind.items()):
        mean = means.get(task, np.nan)
        text = "-" if np.isnan(mean) else f"{mean:.3f}"
        shown.add_row(task, f"{scores['everything']:.3f}", f"{scores['mean mask']:.3f}", text)
    return shown
