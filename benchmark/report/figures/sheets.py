"""Pictures of predictions beside the truth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from skimage.measure import find_contours

from benchmark.report.figures.canvas import DPI, heading, look, settle

#: Okabe and Ito's sky blue and yellow, rimmed in black to show on any image.
_TRUTH, _PREDICTION = "#56B4E9", "#F0E442"
_RIM = withStroke(linewidth=2.4, foreground="black")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One test image with its truth and each method's prediction; all of one size.

    Attributes:
        task: Its name.
        image_id: Of the test image.
        image: What the methods saw.
        truth: The true mask.
        predictions: A mask a method.
        note: Why this image is shown; empty if there is nothing to say.
    """

    task: str
    image_id: str
    image: UInt8[np.ndarray, "height width 3"]
    truth: Bool[np.ndarray, "height width"]
    predictions: Mapping[str, Bool[np.ndarray, "height width"]]
    note: str = ""

    def __post_init__(self) -> None:
        """Refuse masks that do not lie on the image."""
        for name, mask in {"truth": self.truth, **self.predictions}.items():
            if mask.shape != self.image.shape[:2]:
                raise ValueError(
                    f"{name} of {self.image_id} is {mask.shape}, its image {self.image.shape[:2]}"
                )


def prediction_sheet(rows: Sequence[SheetRow], *, title: str) -> Figure:
    """One row per image: the truth's outline, then each method's outline with it and its Dice.

    Args:
        rows: Images to show; columns are the methods in order of first appearance.
        title: Says what the images are, phantoms above all.
    """
    methods = list(dict.fromkeys(name for row in rows for name in row.predictions))
    size = (0.6 + 1.8 * (1 + len(methods)), 1.0 + 1.8 * max(len(rows), 1))
    with look():
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, title)
        axes = figure.subplots(max(len(rows), 1), 1 + len(methods), squeeze=False)
        for axis in axes.ravel():
            axis.set(xticks=[], yticks=[])
        for line, row in zip(axes, rows, strict=False):
            line[0].set_ylabel(f"{row.task}\n{row.image_id}")
            for axis, name in zip(line, [None, *methods], strict=True):
                sheet_cell(axis, row, name)
        for axis, head in zip(axes[0], ["image and truth", *methods], strict=True):
            axis.set_title(head)
        handles = [
            Line2D([], [], color=colour, path_effects=[_RIM], label=label)
            for label, colour in (("truth", _TRUTH), ("prediction", _PREDICTION))
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
        settle(figure)
    return figure


def dice(a: Bool[np.ndarray, "height width"], b: Bool[np.ndarray, "height width"]) -> float:
    """Twice the overlap over the sum of areas, in [0, 1]; two empty masks agree: 1."""
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


def sheet_cell(axis: Axes, row: SheetRow, method: str | None) -> None:
    """Draw the image and the truth; of a method its outline with the Dice, too."""
    axis.imshow(row.image, interpolation="nearest")
    _outline(axis, row.truth, _TRUTH)
    if method is None:
        return
    if method in row.predictions:
        _outline(axis, row.predictions[method], _PREDICTION)
    score_corner(axis, row, method)


def score_corner(axis: Axes, row: SheetRow, method: str) -> None:
    """Write the Dice of a method's prediction into a corner."""
    text = "none"
    if method in row.predictions:
        text = f"{dice(row.predictions[method], row.truth):.3f}"
    box: dict[str, Any] = {"facecolor": "black", "alpha": 0.6, "pad": 1.5, "edgecolor": "none"}
    axis.annotate(
        text,
        (0.97, 0.03),
        xycoords="axes fraction",
        ha="right",
        va="bottom",
        color="white",
        fontsize=8,
        bbox=box,
    )


def _outline(axis: Axes, mask: Bool[np.ndarray, "height width"], colour: str) -> None:
    """The mask's border, closed at the image's edge too; nothing for an empty mask."""
    for line in find_contours(np.pad(mask, 1).astype(float), 0.5):
        y, x = (line - 1).T
        axis.plot(x, y, color=colour, linewidth=1.2, path_effects=[_RIM])
