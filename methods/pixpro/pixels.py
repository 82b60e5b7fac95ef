"""Pixels of a feature map: which lie together, how they propagate, how well they agree."""

from itertools import pairwise

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn import functional as F

from methods.base import Scalar
from methods.geometry import Placement, grid


def pixel_mlp(*dims: int) -> nn.Sequential:
    """Linear layers on each pixel, batch normalisation and ReLU between two of them."""
    layers: list[nn.Module] = []
    for dim_in, dim_out in pairwise(dims):
        layers += [nn.BatchNorm2d(dim_in), nn.ReLU(inplace=True)] if layers else []
        layers.append(nn.Conv2d(dim_in, dim_out, 1))
    return nn.Sequential(*layers)


def near_pixels(
    a: Placement, b: Placement, side: int, threshold: float
) -> Bool[Tensor, "batch pixels pixels"]:
    """Eq. 1: which pixels of two views of ``side`` x ``side`` pixels lie close in their source.

    Distances are those of centres in the source image, mirror images undone, divided by the larger
    of both views' diagonals of a pixel.
    """
    # A pixel's edges are a placement's columns, for 2 / side of the output's range.
    diagonals = [placement[:, :2, :2].norm(dim=(1, 2)) * 2.0 / side for placement in (a, b)]
    gaps = grid(a, side).flatten(1, 2)[:, :, None] - grid(b, side).flatten(1, 2)[:, None]
    near: Tensor = gaps.norm(dim=-1) < threshold * torch.maximum(*diagonals)[:, None, None]
    return near


def propagated(
    pixels: Float[Tensor, "batch dim side side"],
    values: Float[Tensor, "batch dim side side"],
    sharpness: float,
) -> Float[Tensor, "batch dim side side"]:
    """Eqs. 3 and 4: each pixel's sum of all values, weighted by max(cosine, 0)^sharpness.

    Values have length one, as in the published code.
    """
    unit = F.normalize(pixels, dim=1).flatten(2)
    weights = (unit.transpose(1, 2) @ unit).clamp_min(0.0) ** sharpness
    return (F.normalize(values, dim=1).flatten(2) @ weights).view_as(values)


def consistency(
    predictions: Float[Tensor, "batch dim side side"],
    targets: Float[Tensor, "batch dim side side"],
    near: Bool[Tensor, "batch pixels pixels"],
) -> Scalar:
    """One direction of Eq. 5: minus the mean cosine of each image's near pixels.

    An image whose views have none counts as 0 in the mean over the batch, as in the published code
    (which doubles the loss).
    """
    a, b = (F.normalize(maps, dim=1).flatten(2) for maps in (predictions, targets))
    cosines = (a.transpose(1, 2) @ b) * near
    return -(cosines.sum(dim=(1, 2)) / near.sum(dim=(1, 2)).clamp_min(1)).mean()
