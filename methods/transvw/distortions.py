"""TransVW's distortions: one of Models Genesis' four for each image."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from methods.base import Draws
from methods.models_genesis.distortions import bezier, covered, rectangles, shuffled


@dataclass(frozen=True, slots=True)
class Distortions:
    """Numbers of the four.

    Attributes:
        blocks: Shuffled blocks.
        block_side: Largest side of a block, share of the image's.
        curve_points: Of the curve that bends grey levels.
        filled_side: Range of the in-painted rectangle's sides, shares of the image's.
        lost_side: Range of what out-painting takes from the sides of the rectangle that it keeps.
        margin: Least distance of either from the border, share of the side.
    """

    blocks: int
    block_side: float
    curve_points: int
    filled_side: tuple[float, float]
    lost_side: tuple[float, float]
    margin: float


#: ``utils/purturbation.py`` of Semantic Genesis, whose crops have 64 px a side; blocks that cover
#: the image and points of the curve as in ``methods.models_genesis``.
GENESIS = Distortions(
    blocks=650,
    block_side=1 / 10,
    curve_points=4096,
    filled_side=(1 / 6, 1 / 3),
    lost_side=(3 / 7, 4 / 7),
    margin=3 / 64,
)


def distorted(
    images: Float[Tensor, "batch channels side side"], draws: Draws, numbers: Distortions
) -> Float[Tensor, "batch channels side side"]:
    """Shuffle pixels locally, bend grey levels, or put noise inside or outside a rectangle.

    Args:
        images: Values in [0, 1].
        draws: Source of randomness; which of the four is drawn with equal probability.
        numbers: How strongly.
    """
    which, side = draws.integers("distortion", 4), images.shape[-1]
    largest = max(2, int(numbers.block_side * side))
    one = torch.ones(len(images), 1, dtype=torch.bool, device=images.device)
    rim = round(numbers.margin * side)
    filled, lost = (
        (int(low * side), int(high * side))
        for low, high in (numbers.filled_side, numbers.lost_side)
    )
    inside, kept = (
        covered(*rectangles(draws.named(name), side, sides, 1, rim), one, side)
        for name, sides in (("in", filled), ("out", (side - lost[1], side - lost[0])))
    )
    controls, falling = draws.uniform("curve", shape=(2, 2)), draws.chance("falling", 0.5)
    noise = draws.uniform("noise", shape=images.shape[1:])
    four = (
        shuffled(images, draws, which == 0, numbers.blocks, largest),
        bezier(images, controls, falling, numbers.curve_points),
        torch.where(inside, noise, images),
        torch.where(kept, images, noise),
    )
    rows = torch.arange(len(images), device=images.device)
    return torch.stack(four)[which, rows]
