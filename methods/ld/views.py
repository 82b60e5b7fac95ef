"""LD's views: one place seen twice, the second time flipped and turned, and pairs mixed."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from methods.augmentation import Augmentation
from methods.base import Batch, Draws
from methods.geometry import (
    Placement,
    crops,
    flips,
    half_and_quarter_turns,
    rotations,
    sample,
    turned,
)
from methods.views import View, coloured, upright, view_side


@dataclass(frozen=True, slots=True)
class ViewStrengths:
    """What LD's views go through.

    Attributes:
        view: Mirror images and crop, shared by both views; colours, each view's own.
        rotation: Largest rotation shared by both views, degrees.
        tilt: Largest rotation of each view's own, degrees.
        mix: Range of I1's share in a mixed image.
    """

    view: Augmentation
    rotation: float
    tilt: float
    mix: tuple[float, float]


@dataclass(frozen=True, slots=True)
class LDViews:
    """One step's views of b pairs of images (I1, I2).

    Attributes:
        first: Of I1, then of I2.
        second: Of the same places, with a half turn and quarter turns on top.
        mixed: I3, normalised.
        weight: Share of I1 in I3.
    """

    first: View
    second: View
    mixed: Float[Tensor, "pairs channels side side"]
    weight: Float[Tensor, " pairs"]


def ld_views(batch: Batch, draws: Draws, strengths: ViewStrengths) -> LDViews:
    """Augment a batch whose first half are I1 and whose second half are I2.

    Rotations look the nearest pixel up and fill with zeros, before normalisation, as in the
    reference; crops are bilinear.
    """
    place, images = shared_place(batch.images, draws, strengths)
    first_place, first = own_look(images, draws.named("first"), strengths)
    second_place, second = own_look(images, draws.named("second"), strengths)
    flipped, turns = draws.chance("flip both", 0.5), draws.integers("quarter turns", 4)
    pairs = len(images) // 2
    weight = draws.part(slice(pairs)).uniform("mix", *strengths.mix)
    w = weight[:, None, None, None]
    return LDViews(
        upright(place @ first_place, batch.normalised(first)),
        View(
            batch.normalised(turned(second, flipped, turns)),
            place @ second_place @ half_and_quarter_turns(flipped, turns),
            flipped,
            turns,
        ),
        batch.normalised(w * first[:pairs] + (1.0 - w) * first[pairs:]),
        weight,
    )


def shared_place(
    images: Tensor, draws: Draws, strengths: ViewStrengths
) -> tuple[Placement, Tensor]:
    """What both views share: mirror images, a rotation and a crop."""
    view = strengths.view
    mirrors = flips(
        draws.chance("flip", view.flip), draws.chance("flip vertical", view.flip_vertical)
    )
    turn = mirrors @ rotations(draws.uniform("rotation", -strengths.rotation, strengths.rotation))
    crop = crops(draws, view.area, view.aspect)
    side = images.shape[-1]
    rotated = sample(images, turn, side, "nearest")
    return turn @ crop, sample(rotated, crop, view_side(side), "bilinear", "border")


def own_look(images: Tensor, draws: Draws, strengths: ViewStrengths) -> tuple[Placement, Tensor]:
    """What each view has of its own: a slight rotation and its colours, in [0, 1]."""
    tilt = rotations(draws.uniform("tilt", -strengths.tilt, strengths.tilt))
    tilted = sample(images, tilt, images.shape[-1], "nearest")
    return tilt, coloured(tilted, draws, strengths.view)
