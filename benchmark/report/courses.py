"""How a folder's pre-trainings went, as a table and a figure."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from rich.console import Console

from benchmark.asked import asked
from benchmark.durable import put_file
from benchmark.listing import table
from benchmark.report.figures import Drawing
from benchmark.report.figures.canvas import png
from benchmark.report.figures.curves import Course, courses_table, curves_figure
from benchmark.report.gathered import known_order
from benchmark.store import Store


def courses_of(store: Store, names: Iterable[str]) -> list[Course]:
    """The pre-trainings of these encoders, each once."""
    return [Course(record) for record in store.courses(dict.fromkeys(names))]


def courses_drawing(store: Store, courses: list[Course], title: str) -> Drawing | None:
    """Every loss curve in one figure; None where nothing was trained.

    Args:
        store: The results folder.
        courses: Its pre-trainings.
        title: Of the plan.
    """
    drawn = [course for course in courses if len(course.losses)]
    if not drawn:
        return None
    pools = " and ".join(sorted({course.pool for course in drawn}))
    kinds = " and ".join(sorted({cell.source for cell in asked(store.root).cells}))
    side = drawn[0].record["key"]["size"]
    figure = curves_figure(
        drawn,
        order=known_order(course.method for course in drawn),
        title=f"{title}: pre-training on {pools}, {kinds} images, {side} px",
    )
    caption = (
        "Training loss (lines) and validation loss (dots) of every pre-training. Each method has a "
        "loss of its own: panels cannot be compared, and a lower loss need not serve a task."
    )
    return Drawing("pretraining", "Loss curves", caption, figure)


def write_courses(store: Store, names: Iterable[str], title: str) -> list[Path]:
    """Write how pre-trainings went, as a table and a figure.

    Args:
        store: The results folder.
        names: Encoders' folders, in the order to list them.
        title: Of the plan.

    Returns:
        The paths written; none where nothing was trained.
    """
    courses = courses_of(store, names)
    drawing = courses_drawing(store, courses, title)
    if drawing is None:
        return []
    frame = courses_table(courses)
    written, picture = store.root / "pretraining.csv", store.root / "pretraining.png"
    put_file(written, frame.to_csv(index=False, float_format="%.6g"))
    put_file(picture, png(drawing.figure))
    return [written, picture]


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
