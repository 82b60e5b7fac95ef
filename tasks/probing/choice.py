"""From a grid's probabilities to a mask, and which of them validation images prefer."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch.nn import functional as F

#: Thresholds that are compared, evenly spaced in logits and the one nearest to 0.5 first: the
#: sample has as much foreground as background, an image rarely has, so that the best lies far off.
LOGITS = sorted(np.linspace(-6.0, 6.0, 49).tolist(), key=abs)
THRESHOLDS: Float[np.ndarray, " thresholds"] = 1.0 / (1.0 + np.exp(-np.asarray(LOGITS)))


@dataclass(frozen=True, slots=True)
class Choice:
    """What validation images prefer.

    Attributes:
        variant: Place among the classifier's variants.
        threshold: Foreground is where the probability exceeds it.
        dice: Their mean Dice then.
    """

    variant: int
    threshold: float
    dice: float


def enlarged(
    probabilities: Float[np.ndarray, "variants cells"], size: int
) -> Float[np.ndarray, "variants {size} {size}"]:
    """A square grid's probabilities for every pixel of its image, interpolated bilinearly."""
    side = round(probabilities.shape[1] ** 0.5)
    grid = torch.from_numpy(probabilities.reshape(1, -1, side, side))
    out: np.ndarray = F.interpolate(
        grid, size=(size, size), mode="bilinear", align_corners=False
    ).numpy()[0]
    return out


def dice_at(
    probabilities: Float[np.ndarray, "variants height width"],
    truth: Bool[np.ndarray, "height width"],
    thresholds: Float[np.ndarray, " thresholds"],
) -> Float[np.ndarray, "variants thresholds"]:
    """Dice of one image at every threshold, as ``tasks.metrics.dice`` has it.

    Two empty masks agree: Dice 1.
    """
    order = np.argsort(thresholds)
    bins, inside = len(thresholds) + 1, truth.ravel()
    out = np.empty((len(probabilities), len(thresholds)))
    for variant, plane in enumerate(probabilities):
        # How many thresholds each pixel exceeds.
        passed = np.searchsorted(thresholds[order], plane.ravel(), side="left")
        seen, hit = (
            np.bincount(some, minlength=bins)[::-1].cumsum()[::-1][1:]
            for some in (passed, passed[inside])
        )
        both = seen + inside.sum()
        out[variant, order] = np.where(both == 0, 1.0, 2.0 * hit / np.maximum(both, 1))
    return out


def chosen(scores: Iterable[Float[np.ndarray, "variants thresholds"]]) -> Choice:
    """The variant and threshold of the highest mean Dice.

    Of equals, the threshold nearest to 0.5 is chosen, then the first variant.

    Args:
        scores: Of each validation image, what ``dice_at`` gives for ``THRESHOLDS``; at least one.
    """
    mean = np.mean(list(scores), axis=0)
    threshold, variant = np.unravel_index(int(np.argmax(mean.T)), mean.T.shape)
    best = float(mean[variant, threshold])
    return Choice(int(variant), float(THRESHOLDS[threshold]), best)
