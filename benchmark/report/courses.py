"""How a folder's pre-trainings went, as a table and a figure."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from rich.console import Console

from benchmark.asked import asked
from benchmark.listing import table
from benchmark.report.gathered import known_order
from benchmark.store import Store


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
