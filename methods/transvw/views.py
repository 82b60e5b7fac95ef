"""TransVW's views: whole images for the autoencoder, distorted crops for the rest."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from methods.augmentation import Augmentation
from methods.base import Batch, Draws
from methods.geometry import Placement, matrices, sample
from methods.views import CROP_STEP, coloured, placed, view_side

#: Side in pixels of the least crop: two cells of the coarsest features.
SMALLEST_CROP = 2 * CROP_STEP
#: Crops as they are.
PLAIN = Augmentation()


@dataclass(frozen=True, slots=True)
class Nearby:
    """How a word's crop varies.

    Attributes:
        exact: Share of crops at the word's place and in full size.
        sizes: Range of the others' sides, in sides of a crop of full size.
        shift: Largest shift of their corner, each way, in the same unit.
    """

    exact: float
    sizes: tuple[float, float]
    shift: float


#: ``self_discovery/pattern_generator_3D.py``: one of three resolutions is exact, the sides of the
#: others are 50 to 80 of 64 px, their corners moved by up to 10 px.
NEARBY = Nearby(exact=1 / 3, sizes=(50 / 64, 80 / 64), shift=10 / 64)


@dataclass(frozen=True, slots=True)
class Restorable:
    """What a network sees, normalised, and what it shall restore, in [0, 1]."""

    seen: Float[Tensor, "batch channels side side"]
    aim: Float[Tensor, "batch channels side side"]


@dataclass(frozen=True, slots=True)
class WordViews:
    """Plain whole images, distorted crops, and the crops' words (-1: none)."""

    whole: Restorable
    crop: Restorable
    word: Int[Tensor, " batch"]


def whole(batch: Batch) -> Restorable:
    """Plain images at the size of a view, each its own aim."""
    side = view_side(batch.images.shape[-1])
    images = F.interpolate(batch.images, size=(side, side), mode="bilinear", align_corners=False)
    return Restorable(batch.normalised(images), images)


def crop_side(side: int, share: float) -> int:
    """Of crops in pixels: what the images have there, in steps of 16 px; 48 for 3/8 of 128.

    As in the published code, which crops 64 px for networks of 64 px: a crop that was enlarged
    would show no vessel as wide as those of the images.

    Args:
        side: Of the images in pixels.
        share: Of it that a crop of full size has.
    """
    return max(SMALLEST_CROP, CROP_STEP * round(side * share / CROP_STEP))


def crops(
    batch: Batch,
    draws: Draws,
    centres: Float[Tensor, "batch 2"],
    share: float,
    nearby: Nearby,
    augmentation: Augmentation,
) -> Float[Tensor, "batch channels crop crop"]:
    """Augmented crops at or near places, in [0, 1].

    Args:
        batch: Images in [0, 1].
        draws: Source of randomness.
        centres: Of crops of full size, (x, y) in [-1, 1].
        share: Of the image's side that a crop of full size has.
        nearby: How far crops vary.
        augmentation: What happens within the crop.
    """
    exact = draws.chance("exact", nearby.exact)
    sizes = torch.where(exact, 1.0, draws.uniform("size", *nearby.sizes))
    shifts = draws.uniform("shift", -nearby.shift, nearby.shift, (2,)) * ~exact[:, None]
    placement = crops_at(centres, share, sizes, shifts) @ placed(draws, augmentation)
    side = crop_side(batch.images.shape[-1], share)
    return coloured(
        sample(batch.images, placement, side, "bilinear", "border"), draws, augmentation
    )


def crops_at(
    centres: Float[Tensor, "batch 2"],
    share: float,
    sizes: Float[Tensor, " batch"],
    shifts: Float[Tensor, "batch 2"],
) -> Placement:
    """Square crops near places, moved back into the image where they reach over its edge.

    Args:
        centres: Of the crops of full size, (x, y) in [-1, 1].
        share: Of the image's side that a crop of full size has.
        sizes: Factors of that size; a crop grows and shrinks from its first corner.
        shifts: Of that corner, (x, y) in sides of a crop of full size.
    """
    half = share * sizes[:, None]
    moved = centres - share + 2.0 * share * shifts + half
    x, y = torch.minimum(torch.maximum(moved, half - 1.0), 1.0 - half).unbind(dim=1)
    scale, zero = half[:, 0], torch.zeros_like(x)
    return matrices([[scale, zero, x], [zero, scale, y]])
