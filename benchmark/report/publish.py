"""Everything that a results folder can show, written and printed."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console
from rich.table import Table

from benchmark import registry
from benchmark.cells import EXCLUDED, CellResult, Status
from benchmark.listing import table
from benchmark.report.frame import Wanted, results, tidy
from benchmark.report.render import boards_of, print_leaderboard, render
from benchmark.store import Store

#: Seed of the bootstrap; the same results give the same tables.
SEED = 0


def publish(folder: Path, *, as_json: bool) -> None:
    """Write a folder's leaderboard and figures; print tables, or the JSON.

    Raises:
        StoreError: If the folder holds no results.
    """
    store = Store(folder)
    grid = store.grid()
    wanted = [Wanted.of(entry) for entry in grid["cells"]]
    found = results(store, wanted)
    frame = tidy(wanted, found)
    footers = pool_notes(cell.facts for cell in found.values())
    order = known_order(cell.method for cell in wanted)
    foreign = [name for name in order if name not in registry.methods()]
    written = render(frame, folder, order=order, seed=SEED, footers=footers)
    written += write_sheet(store, wanted, found)
    encoders = [cell.facts["encoder"] for cell in found.values() if "encoder" in cell.facts]
    written += write_courses(store, encoders, grid["title"])
    if as_json:
        print((folder / "leaderboard.json").read_text(encoding="utf-8"), end="")
        return
    console = Console(highlight=False)
    console.print(f"[bold]{grid['title']}[/bold]")
    for board in boards_of(frame, seed=SEED, footers=footers):
        print_leaderboard(board, console)
    if foreign:
        console.print(f"Kept from a package that is not installed here: {', '.join(foreign)}")
    console.print(blind_table(found))
    console.print("Written:")
    for path in written:
        console.print(f"  {path}", soft_wrap=True)


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
    from benchmark.report.curves import Course, courses_table, curves_figure  # noqa: PLC0415
    from benchmark.report.figures import png  # noqa: PLC0415

    courses = [Course(record) for record in store.courses(dict.fromkeys(names))]
    frame = courses_table(courses)
    if frame.empty:
        return []
    pools = " and ".join(sorted(set(frame["pool"])))
    kinds = " and ".join(sorted({str(cell["source"]) for cell in store.grid()["cells"]}))
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


def blind_table(found: dict[str, CellResult]) -> Table:
    """What answers that ignore the image score, beside no pre-training fine-tuned."""
    shown = Table(
        "task", "everything", "mean mask", "random, finetuned", title="Dice without looking"
    )
    for task in sorted({cell.key.task for cell in found.values()}):
        of_task = [cell for cell in found.values() if cell.key.task == task]
        blind = next((cell.facts["blind"] for cell in of_task if "blind" in cell.facts), None)
        scores = [
            score
            for cell in of_task
            if cell.key.method == "random" and cell.status is Status.DONE
            for stage, _, metric, score in cell.rows
            if (stage, metric) == ("finetuned", "dice")
        ]
        if blind is not None:
            floor = f"{np.mean(scores):.3f}" if scores else "-"
            shown.add_row(task, f"{blind['everything']:.3f}", f"{blind['mean mask']:.3f}", floor)
    return shown


def write_sheet(store: Store, wanted: list[Wanted], found: dict[str, CellResult]) -> list[Path]:
    """The contact sheet: one test image a task, each method's fine-tuned prediction on it."""
    from benchmark.pictures import load_masks, load_test  # noqa: PLC0415
    from benchmark.report.figures import png  # noqa: PLC0415
    from benchmark.report.sheets import SheetRow, prediction_sheet  # noqa: PLC0415

    rows = []
    done = [cell for cell in wanted if cell.name in found and "finetuned" in cell.stages]
    done = [cell for cell in done if found[cell.name].status is Status.DONE]
    seed = min((cell.seed for cell in done), default=0)
    for task in dict.fromkeys(cell.task for cell in done):
        cells = [cell for cell in done if cell.task == task and cell.seed == seed]
        key = found[cells[0].name].key
        ids, images, truths = load_test(store.tests / f"{task}-{key.manifest[:16]}")
        shown = int(np.argsort([truth.sum() for truth in truths])[len(truths) // 2])
        masks: dict[str, Any] = {
            cell.method: load_masks(store.cells / cell.name / "masks_finetuned.png")[shown]
            for cell in cells
        }
        rows.append(SheetRow(task, ids[shown], images[shown], truths[shown], masks))
    if not rows:
        return []
    kinds = sorted({cell.source for cell in done})
    title = f"Fine-tuned predictions, seed {seed}: {' and '.join(kinds)} images"
    path = store.root / "predictions.png"
    path.write_bytes(png(prediction_sheet(rows, title=title)))
    return [path]
