"""Views: augmented images that know where they came from.

Every step draws its numbers from ``Draws``, so a view is a pure function of (seed, step, image).
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from methods.base import Batch, Draws
from methods.colour import blurred, greyed, jittered
from methods.geometry import Placement, crops, flips, grid, sample

#: The published crop: 448 of 512 px, on a grid of 16 px so that five levels divide it.
CROP_SHARE = 7 / 128
CROP_STEP = 16
LARGEST_VIEW = 448


def view_side(side: int) -> int:
    """Side of a view in pixels, for images of ``side`` px: 448 for 512, 112 for 128, 48 for 64.

    Larger images give 448 too, as the paper's X-rays of 1024 px do.

    Raises:
        ValueError: If the images are too small for one step of 16 px.
    """
    cropped = min(CROP_STEP * int(side * CROP_SHARE), LARGEST_VIEW)
    if cropped < CROP_STEP:
        raise ValueError(f"images must be at least 19 px a side to be cropped, not {side}")
    return cropped


@dataclass(frozen=True, slots=True)
class View:
    """One augmentation of each image of a batch.

    Attributes:
        images: Normalised images.
        placement: Where each pixel lies in its source image (``methods.geometry``).
        flipped: Whether both axes were flipped as the last step but one.
        turns: Quarter turns of the last step, as ``torch.rot90`` counts them.
    """

    images: Float[Tensor, "batch channels side side"]
    placement: Placement
    flipped: Bool[Tensor, " batch"]
    turns: Int[Tensor, " batch"]

    @property
    def coordinates(self) -> Float[Tensor, "batch side side 2"]:
        """Source coordinates (x, y) of every pixel, in [-1, 1] inside the source image."""
        return grid(self.placement, self.images.shape[-1])


@dataclass(frozen=True, slots=True)
class TwoViews:
    """Two independent augmentations of the same images, row by row."""

    a: View
    b: View


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What a view goes through, in this order, with strengths.

    Attributes:
        area: Random resized crop: range of the share of the area.
        aspect: Random resized crop: range of width over height.
        flip: Probability of a left-right mirror image.
        flip_vertical: Probability of a top-bottom mirror image.
        jitter: Strengths of brightness, contrast, saturation (around 1) and hue (turns).
        jitter_probability: Share of images whose colours are jittered.
        grey: Share of images turned grey.
        blur: Range of the Gaussian's standard deviation, as a share of the side.
        blur_probability: Share of images blurred.
    """

    area: tuple[float, float] = (1.0, 1.0)
    aspect: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.0
    flip_vertical: float = 0.0
    jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    jitter_probability: float = 0.0
    grey: float = 0.0
    blur: tuple[float, float] = (0.0, 0.0)
    blur_probability: float = 0.0


def upright(placement: Placement, images: Tensor) -> View:
    """A view without a final flip or quarter turn."""
    none = torch.zeros(len(images), dtype=torch.long, device=images.device)
    return View(images, placement, none.bool(), none)


def one_view(batch: Batch, draws: Draws, augmentation: Augmentation, name: str) -> View:
    """One augmentation of each image; ``name`` separates it from the others of the step."""
    draws = draws.named(name)
    mirrors = flips(
        draws.chance("flip", augmentation.flip),
        draws.chance("flip vertical", augmentation.flip_vertical),
    )
    placement = crops(draws, augmentation.area, augmentation.aspect) @ mirrors
    side = view_side(batch.images.shape[-1])
    images = sample(batch.images, placement, side, "bilinear", "border")
    images = jittered(images, draws, augmentation.jitter, augmentation.jitter_probability)
    images = greyed(images, draws, augmentation.grey)
    if augmentation.blur_probability > 0.0:
        low, high = augmentation.blur
        images = blurred(images, draws, (low * side, high * side), augmentation.blur_probability)
    return upright(placement, batch.normalised(images))


def two_views(batch: Batch, draws: Draws, first: Augmentation, second: Augmentation) -> TwoViews:
    """Two independent augmentations of each image."""
    return TwoViews(one_view(batch, draws, first, "a"), one_view(batch, draws, second, "b"))
