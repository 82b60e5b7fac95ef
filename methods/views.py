"""Views: augmented images that know where they came from.

Every step draws its numbers from ``Draws``, so a view is a pure function of (seed, step, image).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from methods.augmentation import Augmentation
from methods.base import Batch, Draws
from methods.colour import blur_, grey_, jitter_
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


def upright(placement: Placement, images: Tensor) -> View:
    """A view without a final flip or quarter turn."""
    none = torch.zeros(len(images), dtype=torch.long, device=images.device)
    return View(images, placement, none.bool(), none)


def one_view(
    batch: Batch, draws: Draws, augmentation: Augmentation, name: str, side: int | None = None
) -> View:
    """One augmentation of each image.

    Args:
        batch: Images in [0, 1].
        draws: Source of randomness.
        augmentation: What the view goes through.
        name: Separates the view's draws from the others of the step.
        side: Of the view in pixels; ``view_side`` of the images if omitted.
    """
    (view,) = several_views(batch, draws, {name: augmentation}, side)
    return view


def several_views(
    batch: Batch, draws: Draws, recipes: Mapping[str, Augmentation], side: int | None = None
) -> tuple[View, ...]:
    """Independent augmentations of each image, as ``one_view`` makes them one by one.

    If all differ in nothing but their blur, they are placed and coloured in one pass: of small
    images, two views take a third less time, eight half. Colours change in place, so views have no
    gradient with respect to the images.

    Args:
        batch: Images in [0, 1].
        draws: Source of randomness.
        recipes: What each view goes through, by the name that separates its draws.
        side: Of the views in pixels; ``view_side`` of the images if omitted.
    """
    if not recipes:
        return ()
    first, *others = recipes.values()
    if any(
        replace(each, blur=first.blur, blur_probability=first.blur_probability) != first
        for each in others
    ):
        return tuple(one_view(batch, draws, each, name, side) for name, each in recipes.items())
    side = side or view_side(batch.images.shape[-1])
    together = draws.each(tuple(recipes))
    placements = placed(together, first).split(len(draws))
    images = torch.cat(
        [sample(batch.images, each, side, "bilinear", "border") for each in placements]
    )
    parts = tint_(images, together, first).split(len(draws))
    return tuple(
        upright(placement, batch.normalised(soften_(part, draws.named(name), recipes[name])))
        for name, placement, part in zip(recipes, placements, parts, strict=True)
    )


def placed(draws: Draws, augmentation: Augmentation) -> Placement:
    """An augmentation's crop and mirror images."""
    mirrors = flips(
        draws.chance("flip", augmentation.flip),
        draws.chance("flip vertical", augmentation.flip_vertical),
    )
    return crops(draws, augmentation.area, augmentation.aspect) @ mirrors


def coloured(
    images: Float[Tensor, "batch channels side side"], draws: Draws, augmentation: Augmentation
) -> Float[Tensor, "batch channels side side"]:
    """An augmentation's colours and blur on images in [0, 1]."""
    return soften_(tint_(images.clone(), draws, augmentation), draws, augmentation)


def tint_(
    images: Float[Tensor, "batch channels side side"], draws: Draws, augmentation: Augmentation
) -> Float[Tensor, "batch channels side side"]:
    """An augmentation's colours on images in [0, 1], in place."""
    images = jitter_(images, draws, augmentation.jitter, augmentation.jitter_probability)
    return grey_(images, draws, augmentation.grey)


def soften_(
    images: Float[Tensor, "batch channels side side"], draws: Draws, augmentation: Augmentation
) -> Float[Tensor, "batch channels side side"]:
    """An augmentation's blur on images in [0, 1], in place."""
    if augmentation.blur_probability == 0.0:
        return images
    low, high = (share * images.shape[-1] for share in augmentation.blur)
    return blur_(images, draws, (low, high), augmentation.blur_probability)


def two_views(batch: Batch, draws: Draws, first: Augmentation, second: Augmentation) -> TwoViews:
    """Two independent augmentations of each image."""
    return TwoViews(*several_views(batch, draws, {"a": first, "b": second}))
