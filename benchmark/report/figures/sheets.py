"""Pictures of predictions beside the truth."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, UInt8
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from skimage.measure import find_contours

#: Okabe and Ito's sky blue, rimmed in black to show on any image.
_TRUTH = "#56B4E9"
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


def dice(a: Bool[np.ndarray, "height width"], b: Bool[np.ndarray, "height width"]) -> float:
    """Twice the overlap over the sum of areas, in [0, 1]; two empty masks agree: 1."""
    total = int(a.sum()) + int(b.sum())
    return 2 * int((a & b).sum()) / total if total else 1.0


def outlined(axis: Axes, row: SheetRow) -> None:
    """Draw the image with the border of the truth, closed at the image's edge too."""
    axis.imshow(row.image, interpolation="nearest")
    borders = find_contours(np.pad(row.truth, 1).astype(float), 0.5)
    if not borders:
        return
    # One line with gaps: of vessels there are hundreds of pieces.
    gap = np.full((1, 2), np.nan)
    y, x = np.concatenate([piece for border in borders for piece in (border - 1, gap)]).T
    axis.plot(x, y, color=_TRUTH, linewidth=1.2, path_effects=[_RIM])


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
