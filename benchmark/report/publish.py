"""A folder's leaderboards, written and printed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmark.asked import Wanted
from benchmark.cells import Status
from benchmark.durable import StoreError, writing
from benchmark.report.board import Leaderboard
from benchmark.report.courses import write_courses
from benchmark.report.frame import Result
from benchmark.report.gathered import SEED, Gathered, Stale, gather
from benchmark.report.render import print_leaderboard, print_prices, render, write_boards
from benchmark.report.slices import WAYS, By
from benchmark.store import Store


def publish(
    folder: Path,
    *,
    as_json: bool,
    stale: Stale = "refuse",
    metric: str = "dice",
    by: By | None = None,
) -> None:
    """Write a folder's leaderboards and figures; print tables, or the JSON.

    Args:
        folder: Where a plan was run to.
        as_json: Whether to print the JSON in the place of tables.
        stale: What to do about cells of older code; see ``gather``.
        metric: A name in ``SCALES``.
        by: What to take the printed tables apart by; not at all if None.

    Raises:
        StoreError: If the folder holds no results, damaged ones, stale ones that are refused, or
            nothing to take apart.
    """
    found = gather(folder, stale)
    frame = found.frame(metric)
    boards = found.boards(frame, metric)
    parts = {way: found.sliced(frame, metric, way) for way in WAYS}
    if by is not None and not parts[by]:
        raise StoreError(f"all of {folder} is of one {by}: leave --by {by} out")
    stem = "leaderboard" if metric == "dice" else f"leaderboard_{metric}"
    with writing(folder):
        written = render(boards, folder, order=found.order, seed=SEED, stem=stem)
        for way, own in parts.items():
            written += write_boards(own, folder, f"{stem}_by_{way}", SEED) if own else []
        written += write_sheet(found.store, found.there)
        written += write_courses(found.store, found.encoders, found.question.title)
    if as_json:
        name = stem if by is None else f"{stem}_by_{by}"
        print((folder / f"{name}.json").read_text(encoding="utf-8"), end="")
        return
    show(found, frame, boards if by is None else parts[by], written)


def show(
    found: Gathered, frame: pd.DataFrame, boards: list[Leaderboard], written: list[Path]
) -> None:
    """Print boards, and what was written."""
    console = Console(highlight=False)
    console.print(f"[bold]{found.question.title}[/bold]")
    for board in boards:
        print_leaderboard(board, console)
    print_prices(boards, console)
    if found.foreign:
        console.print(f"Kept from a package that is not installed here: {', '.join(found.foreign)}")
    console.print(blind_table(frame, found.there))
    console.print("Written:")
    for path in written:
        console.print(f"  {path}", soft_wrap=True)


def blind_table(frame: pd.DataFrame, there: Mapping[Wanted, Result]) -> Table:
    """What answers that ignore the image score, beside no pre-training fine-tuned."""
    shown = Table(
        "task", "everything", "mean mask", "random, finetuned", title="Dice without looking"
    )
    blind = {cell.task: r.facts["blind"] for cell, r in there.items() if "blind" in r.facts}
    floor = frame[
        (frame["method"] == "random")
        & (frame["stage"] == "finetuned")
        & (frame["metric"] == "dice")
    ]
    means = floor.groupby("task")["score"].mean()
    for task, scores in sorted(blind.items()):
        mean = means.get(task, np.nan)
        text = "-" if np.isnan(mean) else f"{mean:.3f}"
        shown.add_row(task, f"{scores['everything']:.3f}", f"{scores['mean mask']:.3f}", text)
    return shown


def write_sheet(store: Store, there: Mapping[Wanted, Result]) -> list[Path]:
    """The contact sheet: one test image a task, each method's fine-tuned prediction on it."""
    from benchmark.pictures import load_masks, load_test  # noqa: PLC0415
    from benchmark.report.figures.canvas import png  # noqa: PLC0415
    from benchmark.report.figures.sheets import SheetRow, prediction_sheet  # noqa: PLC0415

    rows = []
    done = {
        cell: result
        for cell, result in there.items()
        if result.status is Status.DONE and "finetuned" in cell.stages
    }
    seed = min((cell.seed for cell in done), default=0)
    for task in dict.fromkeys(cell.task for cell in done):
        cells = [cell for cell in done if cell.task == task and cell.seed == seed]
        folder = store.tests / f"{task}-{cells[0].key['manifest'][:16]}" if cells else None
        if folder is None or not folder.is_dir():
            continue  # cells came from somewhere else, without the test images
        ids, images, truths = load_test(folder)
        shown = int(np.argsort([truth.sum() for truth in truths])[len(truths) // 2])
        masks: dict[str, Any] = {}
        for cell in cells:
            path = store.cells / done[cell].folder / "masks_finetuned.png"
            if path.is_file() and cell.key["manifest"] == cells[0].key["manifest"]:
                masks[cell.method] = load_masks(path)[shown]
        rows.append(SheetRow(task, ids[shown], images[shown], truths[shown], masks))
    if not rows:
        return []
    kinds = sorted({cell.source for cell in done})
    title = f"Fine-tuned predictions, seed {seed}: {' and '.join(kinds)} images"
    path = store.root / "predictions.png"
    path.write_bytes(png(prediction_sheet(rows, title=title)))
    return [path]
