"""Everything that a results folder can show, written and printed."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmark import registry
from benchmark.asked import Wanted, asked
from benchmark.cells import EXCLUDED, Status
from benchmark.durable import StoreError, writing
from benchmark.ledger import CONTROL
from benchmark.listing import table
from benchmark.report.frame import Result, results, tidy
from benchmark.report.render import boards_of, print_leaderboard, render
from benchmark.status import State
from benchmark.store import Store

Stale = Literal["refuse", "mark", "leave out"]

#: Where the hyperparameters of methods are from that were not tuned.
UNTUNED = "defaults of each method's Config, not tuned"
#: What must be said, in red, of tables that test images have chosen.
ORACLE = "Selection oracle: test images chose each checkpoint; an upper bound, not a result."
#: Seed of the bootstrap; the same results give the same tables.
SEED = 0


def publish(folder: Path, *, as_json: bool, stale: Stale = "refuse") -> None:
    """Write a folder's leaderboard and figures; print tables, or the JSON.

    Args:
        folder: Where a plan was run to.
        as_json: Whether to print the JSON in the place of tables.
        stale: What to do about cells that other code than today's has computed: refuse, show them
            with a mark, or leave them out as if they were missing.

    Raises:
        StoreError: If the folder holds no results, damaged ones, or stale ones that are refused.
    """
    store = Store(folder)
    question = asked(folder)
    there = results(store, question.cells)
    old = {cell: result for cell, result in there.items() if result.state is State.STALE}
    if old and stale == "refuse":
        refuse(folder, old, len(question.cells))
    if stale == "leave out":
        there = {cell: result for cell, result in there.items() if cell not in old}
        old = {}
    frame = tidy(store, question.cells, there, metric="dice")
    given = sorted({cell.method for cell in question.cells if cell.given})
    footers = [*pool_notes(cell.facts for cell in there.values()), *stale_notes(old)]
    footers += [*tuned_notes(question.cells), *given_notes(given)]
    oracle = any(cell.key["settings"].get("selection") == "oracle" for cell in question.cells)
    footers += [ORACLE] * oracle
    order = known_order(cell.method for cell in question.cells)
    foreign = [name for name in order if name not in {*registry.methods(), *given}]
    marked = {cell.method for cell in old}
    boards = boards_of(frame, seed=SEED, footers=footers, stale=marked, oracle=oracle)
    encoders = [cell.facts["encoder"] for cell in there.values() if "encoder" in cell.facts]
    with writing(folder):
        written = render(boards, folder, order=order, seed=SEED)
        written += write_sheet(store, there)
        written += write_courses(store, encoders, question.title)
    if as_json:
        print((folder / "leaderboard.json").read_text(encoding="utf-8"), end="")
        return
    console = Console(highlight=False)
    console.print(f"[bold]{question.title}[/bold]")
    for board in boards:
        print_leaderboard(board, console)
    if foreign:
        console.print(f"Kept from a package that is not installed here: {', '.join(foreign)}")
    console.print(blind_table(frame, there))
    console.print("Written:")
    for path in written:
        console.print(f"  {path}", soft_wrap=True)


def refuse(folder: Path, old: Mapping[Wanted, Result], count: int) -> None:
    """Say why stale cells are no leaderboard.

    Raises:
        StoreError: Always.
    """
    modules = sorted({name for result in old.values() for name in result.changes})
    raise StoreError(
        f"{len(old)} of {count} cells in {folder} are stale: {', '.join(modules[:3])} changed "
        "since they were computed; run the plan again, or show them marked with --stale"
    )


def stale_notes(old: Mapping[Wanted, Result]) -> list[str]:
    """What a reader has to know of stale cells."""
    if not old:
        return []
    methods = sorted({cell.method for cell in old})
    modules = sorted({name for result in old.values() for name in result.changes})
    whose = f"{len(old)} cells of {', '.join(methods)}"
    return [
        f"Stale: {whose} were computed before changes to {', '.join(modules)}: run the plan again."
    ]


def tuned_notes(cells: Iterable[Wanted]) -> list[str]:
    """What a reader has to know of where hyperparameters are from."""
    tuned: dict[str, list[str]] = {}
    for cell in cells:
        if cell.method != CONTROL and not cell.given:
            how = f"best of {cell.tuning} by validation images" if cell.trials else UNTUNED
            methods = tuned.setdefault(how, [])
            methods.extend([cell.method] * (cell.method not in methods))
    if len(tuned) == 1:
        return [f"Hyperparameters: {how}." for how in tuned]
    return [f"Hyperparameters of {', '.join(methods)}: {how}." for how, methods in tuned.items()]


def given_notes(names: Sequence[str]) -> list[str]:
    """What a reader has to know of encoders that somebody else has trained."""
    whose = f"Weights from a file: {', '.join(names)}."
    return [f"{whose} On which images and at what cost they were trained is unknown."] * bool(names)


def known_order(methods: Iterable[str]) -> list[str]:
    """Every method that is registered, and those of the results that no longer are."""
    registered = registry.methods()
    return [*registered, *sorted(set(methods) - registered.keys())]


def write_courses(store: Store, names: Iterable[str], title: str) -> list[Path]:
    """Write how pre-trainings went, as a table and a figure.

    Args:
        store: The results folder.
        names: Encoders' folders, in the order to list them.
        title: Of the plan.

    Returns:
        The paths written; none where nothing was trained.
    """
    from benchmark.report.figures.canvas import png  # noqa: PLC0415
    from benchmark.report.figures.curves import Course, courses_table, curves_figure  # noqa: PLC0415

    courses = [Course(record) for record in store.courses(dict.fromkeys(names))]
    frame = courses_table(courses)
    if frame.empty:
        return []
    pools = " and ".join(sorted(set(frame["pool"])))
    kinds = " and ".join(sorted({cell.source for cell in asked(store.root).cells}))
    side = courses[0].record["key"]["size"]
    figure = curves_figure(
        courses,
        order=known_order(frame["method"]),
        title=f"{title}: pre-training on {pools}, {kinds} images, {side} px",
    )
    table, picture = store.root / "pretraining.csv", store.root / "pretraining.png"
    table.write_text(frame.to_csv(index=False, float_format="%.6g"), encoding="utf-8")
    picture.write_bytes(png(figure))
    return [table, picture]


def print_courses(folder: Path, names: Iterable[str], title: str) -> None:
    """Write how pre-trainings went and print the table."""
    console = Console(highlight=False)
    written = write_courses(Store(folder), names, title)
    if not written:
        console.print("nothing was trained: the plan's methods are controls")
        return
    frame = pd.read_csv(written[0])
    frame["method"] += frame["collapsed"].map({True: " (collapsed)", False: ""})
    shown = [name for name in ("pool", "seed") if frame[name].nunique() > 1]
    shown = ["method", *shown, "first", "last", "validation", "deviation", "rank", "seconds"]
    rows: list[dict[str, object]] = [
        {
            str(name): f"{cell:.3g}" if isinstance(cell, float) else cell
            for name, cell in row.items()
        }
        for row in frame.to_dict("records")
    ]
    console.print("Mean training loss of the first and the last tenth; the last check; time")
    table(rows, shown)
    for path in written:
        console.print(f"  {path}", soft_wrap=True)


def pool_notes(facts: Iterable[Mapping[str, Any]]) -> list[str]:
    """What cells' facts say was left out of each pre-training pool, each pool once."""
    pools = {
        (str(known["pool"]), int(known[EXCLUDED]), int(known["pool images"])) for known in facts
    }
    return [
        f"Pre-training pool {pool}: {images} images; {count} more left out because they recur "
        "among test images."
        for pool, count, images in sorted(pools)
    ]


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
