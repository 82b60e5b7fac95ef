"""Maps of similarity with a support image's landmark, with what was found and what is true."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from benchmark.report.figures.canvas import DPI, FOOTING_WIDTH, heading, look, room, saying, settle
from tasks.preparation import SIDE

COLUMNS = 8
#: Okabe and Ito's sky blue and vermilion, rimmed in black to show on any image.
TRUTH, FOUND = "#56B4E9", "#D55E00"
_RIM = [withStroke(linewidth=2.6, foreground="black")]
READING = (
    "Maps: similarity of each place with the support's landmark, of each image from its lowest "
    "(dark) to its highest (bright); px: the error at 512"
)

#: Of any size: maps are small.
Colours = UInt8[np.ndarray, "_ _ 3"]
Place = Float64[np.ndarray, "2"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a row makes of one test image.

    Attributes:
        point: Where it finds the landmark, (x, y) as fractions.
        error: How far that is from the truth, as a fraction of the width.
        similarity: Its map; None if it has none.
    """

    point: Place
    error: float
    similarity: Colours | None


@dataclass(frozen=True, slots=True)
class LandmarkSheet:
    """One test image with its truth and every row's answer.

    Attributes:
        image_id: Of the test image.
        note: Why it is shown.
        image: The test image.
        truth: Its landmark, (x, y) as fractions.
        support: The support image; None where it is not kept.
        support_point: The support's landmark.
        answers: By the row's label.
    """

    image_id: str
    note: str
    image: Colours
    truth: Place
    support: Colours | None
    support_point: Place
    answers: Mapping[str, Answer]


def landmarks_figure(sheets: Sequence[LandmarkSheet], *, title: str) -> Figure:
    """A block a test image: support, image with the truth, then every row's map and answer.

    Args:
        sheets: What to show.
        title: Says what the images are, phantoms above all.
    """
    if not sheets:
        return saying(title, "No answers are kept.")
    count = 2 + max(len(sheet.answers) for sheet in sheets)
    columns = min(COLUMNS, count)
    height = math.ceil(count / columns)
    width = max(5.0, 0.3 + 1.35 * columns)
    tall = 0.35 + len(sheets) * (1.6 * height + 0.3)
    with look():
        figure = Figure(
            figsize=(width, tall + room(width, title, [READING])), dpi=DPI, layout="constrained"
        )
        heading(figure, title)
        parts = figure.subfigures(len(sheets), 1, squeeze=False).ravel()
        for part, sheet in zip(parts, sheets, strict=True):
            head = f"{sheet.note} ({sheet.image_id})"
            lines = textwrap.fill(head, int(FOOTING_WIDTH * width))
            part.suptitle(lines, fontsize=9, x=0.01, ha="left")
            _block(part.subplots(height, columns, squeeze=False).ravel().tolist(), sheet)
        handles = [
            Line2D([], [], linestyle="none", marker=marker, color=colour, label=label)
            for marker, colour, label in (("+", TRUTH, "truth"), ("x", FOUND, "found"))
        ]
        lines = textwrap.fill(READING, int(FOOTING_WIDTH * width))
        figure.legend(
            handles=handles, title=lines, loc="outside lower center", ncols=2, frameon=False
        )
        settle(figure)
    return figure


def _block(axes: Sequence[Axes], sheet: LandmarkSheet) -> None:
    heads = ["support", "test image", *sheet.answers]
    for axis, head in zip(axes, heads, strict=False):
        axis.set_title(head, fontsize=7 if len(head) <= 18 else 5.5, fontweight="normal")
    _picture(axes[0], sheet.support)
    _mark(axes[0], sheet.support_point, "+", TRUTH)
    _picture(axes[1], sheet.image)
    _mark(axes[1], sheet.truth, "+", TRUTH)
    for axis, answer in zip(axes[2:], sheet.answers.values(), strict=False):
        if answer.similarity is None:
            _picture(axis, sheet.image)
        else:
            _picture(axis, None)
            grey = answer.similarity[:, :, 0]
            axis.imshow(grey, cmap="viridis", vmin=0, vmax=255, extent=(0, 1, 1, 0))
        _mark(axis, sheet.truth, "+", TRUTH)
        _mark(axis, answer.point, "x", FOUND)
        axis.set_xlabel(f"{answer.error * SIDE:.0f} px", fontsize=7)
    for axis in axes[len(heads) :]:
        axis.set_visible(False)


def _picture(axis: Axes, picture: Colours | None) -> None:
    """A square picture whose places are fractions."""
    axis.set(xticks=[], yticks=[], xlim=(0, 1), ylim=(1, 0))
    axis.set_box_aspect(1)
    axis.grid(visible=False)
    if picture is not None:
        axis.imshow(picture, extent=(0, 1, 1, 0), interpolation="nearest")


def _mark(axis: Axes, point: Place, marker: str, colour: str) -> None:
    x, y = point.tolist()
    axis.plot(
        [x], [y], marker=marker, color=colour, markersize=8, markeredgewidth=1.6, path_effects=_RIM
    )
