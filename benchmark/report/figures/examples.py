"""A task's best, median and worst test image, with every method's prediction."""

import math
import textwrap
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from benchmark.report.figures.canvas import DPI, FOOTING_WIDTH, heading, look, room, saying, settle
from benchmark.report.figures.sheets import SheetRow, outlined, score_corner

COLUMNS = 8
#: Okabe and Ito's yellow, blue and reddish purple. Areas, because the outlines of a ragged
#: prediction would cover a small picture.
COLOURS = {"found": "#F0E442", "missed": "#0072B2", "false alarm": "#CC79A7"}
OPACITY = 0.62
READING = "Area marked by a method; white numbers: its Dice"


def examples_figure(rows: Sequence[SheetRow], *, title: str) -> Figure:
    """A block an image: image, image with the truth outlined, then each method with its Dice.

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
    tall = 0.25 + len(rows) * (1.6 * height + 0.3)
    with look():
        size = (width, tall + room(width, title, [READING]))
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, title)
        parts = figure.subfigures(len(rows), 1, squeeze=False).ravel()
        for part, row in zip(parts, rows, strict=True):
            head = f"{row.note} ({row.image_id})" if row.note else row.image_id
            lines = textwrap.fill(head, int(FOOTING_WIDTH * width))
            part.suptitle(lines, fontsize=9, x=0.01, ha="left")
            axes = part.subplots(height, columns, squeeze=False).ravel().tolist()
            _block(axes, row, methods)
        patches = [
            Patch(color=colour, alpha=OPACITY, label=label) for label, colour in COLOURS.items()
        ]
        figure.legend(
            handles=patches, title=READING, loc="outside lower center", ncols=3, frameon=False
        )
        settle(figure)
    return figure


def overlay(
    prediction: Bool[np.ndarray, "height width"], truth: Bool[np.ndarray, "height width"]
) -> Float[np.ndarray, "height width 4"]:
    """Red, green, blue and opacity of what was found, missed and wrongly marked."""
    parts = (prediction & truth, ~prediction & truth, prediction & ~truth)
    colours = np.zeros((*truth.shape, 4))
    for part, colour in zip(parts, COLOURS.values(), strict=True):
        colours[part] = to_rgba(colour, OPACITY)
    return colours


def _block(axes: Sequence[Axes], row: SheetRow, methods: Sequence[str]) -> None:
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.grid(visible=False)
    for axis, name in zip(axes, ["image", "with truth", *methods], strict=False):
        size = 7 if len(name) <= 18 else 5.5
        axis.set_title(name, fontsize=size, fontweight="normal")
    axes[0].imshow(row.image, interpolation="nearest")
    outlined(axes[1], row)
    grey = np.repeat(row.image.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    for axis, name in zip(axes[2:], methods, strict=False):
        axis.imshow(grey, interpolation="nearest")  # or a red retina would tint the colours
        if name in row.predictions:
            axis.imshow(overlay(row.predictions[name], row.truth), interpolation="nearest")
        score_corner(axis, row, name)
    for axis in axes[2 + len(methods) :]:
        axis.set_visible(False)
