"""A task's best, median and worst test image, with every method's prediction."""

import math
from collections.abc import Sequence

from matplotlib.figure import Figure

from benchmark.report.figures.canvas import DPI, footing, heading, look, room, saying, settle
from benchmark.report.figures.sheets import SheetRow, outline_handles, sheet_cell

COLUMNS = 8
READING = "White numbers: Dice of this prediction."


def examples_figure(rows: Sequence[SheetRow], *, title: str) -> Figure:
    """A block an image: image, image with truth, then each method's outline and Dice.

    Args:
        rows: Images to show, with the note that says why.
        title: Says what the images are, phantoms above all.
    """
    if not rows:
        return saying(title, "No predictions are kept.")
    methods = list(dict.fromkeys(name for row in rows for name in row.predictions))
    count = 2 + len(methods)
    columns = min(COLUMNS, count)
    height = math.ceil(count / columns)
    width = max(5.0, 0.3 + 1.35 * columns)
    with look():
        size = (width, len(rows) * (1.6 * height + 0.3) + room(width, title, [READING]))
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, title)
        for part, row in zip(
            figure.subfigures(len(rows), 1, squeeze=False).ravel(), rows, strict=True
        ):
            head = f"{row.note} ({row.image_id})" if row.note else row.image_id
            part.suptitle(head, fontsize=9, x=0.01, ha="left")
            axes = part.subplots(height, columns, squeeze=False).ravel()
            for axis in axes:
                axis.set(xticks=[], yticks=[])
                axis.grid(visible=False)
            axes[0].imshow(row.image, interpolation="nearest")
            sheet_cell(axes[1], row, None)
            for axis, name in zip(axes[2:], methods, strict=False):
                sheet_cell(axis, row, name)
            for axis, name in zip(axes, ["image", "with truth", *methods], strict=False):
                size_of = 7 if len(name) <= 18 else 5.5
                axis.set_title(name, fontsize=size_of, fontweight="normal")
            for axis in axes[count:]:
                axis.set_visible(False)
        figure.legend(handles=outline_handles(), loc="outside lower right", ncols=2, frameon=False)
        footing(figure, READING)
        settle(figure)
    return figure
