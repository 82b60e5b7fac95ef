"""Masks of another modality, drawn and augmented for a step.

Application 1 of Chen et al., "Unsupervised Local Discrimination for Medical Images", TPAMI 2023,
https://arxiv.org/abs/2108.09440.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from methods.base import Draws
from methods.geometry import Placement, flips, matrices, rotations, sample


@dataclass(frozen=True, slots=True)
class MaskStrengths:
    """What a mask goes through.

    Attributes:
        flip: Probability of each of the two mirror images.
        rotation: Range of the rotation in degrees.
        crop: Most that is cut off at each side, as a share of the mask's side.
        threshold: Level in [0, 1] above which a pixel is foreground afterwards.
    """

    flip: float
    rotation: tuple[float, float]
    crop: float
    threshold: float


def drawn_masks(
    prior: UInt8[Tensor, "masks 1 side side"], draws: Draws, strengths: MaskStrengths, side: int
) -> Float[Tensor, "batch 1 {side} {side}"]:
    """A mask for each image of the batch, drawn with replacement and augmented; 0 or 1.

    Args:
        prior: Grey levels 0 to 255.
        draws: Source of randomness.
        strengths: Of the augmentation.
        side: Of the result in pixels.
    """
    chosen = prior[draws.integers("mask", len(prior))].float() / 255.0
    mirrors = flips(
        draws.chance("mask flip", strengths.flip),
        draws.chance("mask flip vertical", strengths.flip),
    )
    turn = rotations(draws.uniform("mask rotation", *strengths.rotation))
    placement = mirrors @ turn @ side_crops(draws, strengths.crop)
    return (sample(chosen, placement, side, "bilinear") > strengths.threshold).float()


def side_crops(draws: Draws, most: float) -> Placement:
    """Crops that lose up to a share at each of the four sides, each drawn on its own.

    Args:
        draws: Source of randomness.
        most: Of the side, in [0, 0.5).
    """
    left, right, top, bottom = draws.uniform("mask crop", 0.0, most, shape=(4,)).unbind(dim=1)
    zero = torch.zeros_like(left)
    return matrices(
        [
            [1.0 - left - right, zero, left - right],
            [zero, 1.0 - top - bottom, top - bottom],
        ]
    )
