"""Placements: where in its source image each pixel of a view lies.

A placement is a 3x3 matrix a batch row that takes homogeneous output coordinates to input
coordinates, both in [-1, 1] with (-1, -1) the outer corner of the first pixel (PyTorch's
``align_corners=False``). Images are square, so rotations need no aspect correction. Later steps
multiply from the right: ``first @ second``.
"""

import math

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from methods.draws import Draws

Placement = Float[Tensor, "batch 3 3"]

#: Tries before a crop falls back to the whole image, as in torchvision's RandomResizedCrop.
CROP_TRIES = 10


def matrices(rows: list[list[Tensor]]) -> Placement:
    """Stack 2x3 entries, each of shape (batch,), into homogeneous matrices."""
    top = torch.stack([torch.stack(row, dim=-1) for row in rows], dim=-2)
    bottom = top.new_tensor([0.0, 0.0, 1.0]).expand(len(top), 1, 3)
    return torch.cat([top, bottom], dim=-2)


def flips(horizontal: Bool[Tensor, " batch"], vertical: Bool[Tensor, " batch"]) -> Placement:
    """Mirror left-right and top-bottom where told."""
    x, y = 1.0 - 2.0 * horizontal.float(), 1.0 - 2.0 * vertical.float()
    zero = torch.zeros_like(x)
    return matrices([[x, zero, zero], [zero, y, zero]])


def rotations(degrees: Float[Tensor, " batch"]) -> Placement:
    """Rotate about the centre."""
    angle = degrees * (math.pi / 180.0)
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    return matrices([[cos, -sin, zero], [sin, cos, zero]])


def crops(draws: Draws, area: tuple[float, float], aspect: tuple[float, float]) -> Placement:
    """Random resized crops: a share of the area, an aspect ratio, a position.

    Drawn as torchvision's RandomResizedCrop does, with real instead of whole pixels: the
    first of ten tries that fits, else the whole image.

    Args:
        draws: Source of randomness.
        area: Range of the crop's share of the image's area, in (0, 1].
        aspect: Range of width over height, log-uniform.
    """
    share = draws.uniform("crop area", *area, shape=(CROP_TRIES,))
    low, high = math.log(aspect[0]), math.log(aspect[1])
    ratio = draws.uniform("crop aspect", low, high, shape=(CROP_TRIES,)).exp()
    width, height = (share * ratio).sqrt(), (share / ratio).sqrt()
    fits = (width <= 1.0) & (height <= 1.0)
    first = fits.float().argmax(dim=1, keepdim=True)
    found = fits.any(dim=1)
    width = torch.where(found, width.gather(1, first)[:, 0], 1.0)
    height = torch.where(found, height.gather(1, first)[:, 0], 1.0)
    place = draws.uniform("crop position", -1.0, 1.0, shape=(2,))
    x, y = place[:, 0] * (1.0 - width), place[:, 1] * (1.0 - height)
    zero = torch.zeros_like(width)
    return matrices([[width, zero, x], [zero, height, y]])


def half_and_quarter_turns(
    flipped: Bool[Tensor, " batch"], turns: Int[Tensor, " batch"]
) -> Placement:
    """The placement of ``turned``."""
    sign = 1.0 - 2.0 * flipped.float()
    angle = turns.float() * (math.pi / 2.0)
    cos, sin = angle.cos().round() * sign, angle.sin().round() * sign
    zero = torch.zeros_like(cos)
    return matrices([[cos, -sin, zero], [sin, cos, zero]])


def turned(
    maps: Float[Tensor, "batch channels side side"],
    flipped: Bool[Tensor, " batch"],
    turns: Int[Tensor, " batch"],
) -> Float[Tensor, "batch channels side side"]:
    """Flip both axes where told, then turn by quarter turns as ``torch.rot90`` does; exact."""
    out = torch.where(flipped[:, None, None, None], maps.flip(-2, -1), maps)
    for quarters in (1, 2, 3):
        rows = (turns == quarters)[:, None, None, None]
        out = torch.where(rows, out.rot90(quarters, (-2, -1)), out)
    return out


def turned_back(
    maps: Float[Tensor, "batch channels side side"],
    flipped: Bool[Tensor, " batch"],
    turns: Int[Tensor, " batch"],
) -> Float[Tensor, "batch channels side side"]:
    """Undo ``turned``; exact. Half turns commute with quarter turns, so the order is free."""
    return turned(maps, flipped, (4 - turns) % 4)


def sample(
    images: Float[Tensor, "batch channels height width"],
    placement: Placement,
    side: int,
    mode: str,
    outside: str = "zeros",
) -> Float[Tensor, "batch channels side side"]:
    """Look the placed pixels up.

    Args:
        images: What to sample.
        placement: Where each output pixel lies in ``images``.
        side: Output height and width in pixels.
        mode: "bilinear" or "nearest".
        outside: What lies outside the image: "zeros", or its "border" repeated. A crop that
            reaches the edge asks for places up to half an output pixel from it, beyond the centre
            of the last pixel, and must not mix black in.
    """
    return F.grid_sample(
        images, grid(placement, side), mode=mode, padding_mode=outside, align_corners=False
    )


def grid(placement: Placement, side: int) -> Float[Tensor, "batch {side} {side} 2"]:
    """Source coordinates (x, y) of every output pixel.

    As ``F.affine_grid`` up to rounding, whose product of thin matrices takes six times as long on
    the CPU.
    """
    centres = (torch.arange(side, device=placement.device) * 2.0 + 1.0) / side - 1.0
    along, across, origin = (placement[:, :2, column, None, None] for column in range(3))
    return (along * centres + across * centres[:, None] + origin).movedim(1, -1).contiguous()
