"""The four losses of local discrimination, as functions of tensors.

Chen et al., "Unsupervised Local Discrimination for Medical Images", TPAMI 2023,
https://arxiv.org/abs/2108.09440. The batch criterion is that of Ye et al., CVPR 2019
(``methods.batch_criterion``).
"""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from methods.base import Scalar
from methods.batch_criterion import batch_criterion
from methods.geometry import turned_back
from methods.ld.maps import EPS_NORM, Maps, bits, divided, unit
from methods.windows import bell, cell_centres, weighted


class Losses(NamedTuple):
    """The parts of LD's loss; the last two are zero in stage 1."""

    patch: Scalar
    mixup: Scalar
    region: Scalar
    entropy: Scalar


def l2(vectors: Tensor, dim: int) -> Tensor:
    """Unit vectors along ``dim``; a zero vector stays zero."""
    norm: Tensor = torch.linalg.vector_norm(vectors, dim=dim, keepdim=True)
    return vectors / (norm + EPS_NORM)


def pixel_vectors(embedding: Maps) -> Maps:
    """v: the unit vector of each pixel."""
    return unit(embedding)


def patch_vectors(v: Maps, grid: int) -> Float[Tensor, "images dim grid grid"]:
    """z: the unit vector of each of ``grid`` x ``grid`` patches of pixels' unit vectors."""
    return l2(F.adaptive_avg_pool2d(v, grid), 1)


def center_vectors(v: Maps, grid: int, window: float) -> Float[Tensor, "images dim grid grid"]:
    """Z with a bell-shaped weight, W_c, around each patch's centre in place of the uniform mean.

    It reaches over the patch's border. The Gaussian is our choice (``methods.windows``).

    Args:
        v: Pixels' unit vectors.
        grid: Patches a side.
        window: The Gaussian's standard deviation as a fraction of the view's side, positive.
    """
    centres = cell_centres(grid).to(v)
    down, across = (bell(centres, side, window) for side in v.shape[-2:])
    return l2(weighted(v, down, across), 1)


def rows(cells: Float[Tensor, "images dim grid grid"]) -> Float[Tensor, "cells dim"]:
    """One row a patch, image by image."""
    return cells.flatten(2).transpose(1, 2).flatten(0, 1)


def patch_loss(
    z: Float[Tensor, "images dim grid grid"],
    flipped: Bool[Tensor, " pairs"],
    turns: Int[Tensor, " pairs"],
    temperature: float,
) -> Scalar:
    """L_patch: every cell finds the same place in the other view of its image.

    Args:
        z: Patch vectors of the first views, then of the second views.
        flipped: Whether a second view was flipped on both axes.
        turns: Quarter turns of a second view.
        temperature: Divisor of the cosine similarities.
    """
    first, second = z.chunk(2)
    return batch_criterion(
        torch.cat([rows(first), rows(turned_back(second, flipped, turns))]), temperature
    )


def mixup_loss(
    z_mixed: Float[Tensor, "pairs dim grid grid"],
    z_first: Float[Tensor, "two_pairs dim grid grid"],
    weight: Float[Tensor, " pairs"],
    temperature: float,
) -> Scalar:
    """L_mix: a mixed image's cells lie on the hypersphere between those it was mixed from.

    Args:
        z_mixed: Patch vectors of the mixed images.
        z_first: Patch vectors of the first views of I1, then of I2.
        weight: Share of I1 in each mixed image.
        temperature: Divisor of the cosine similarities.
    """
    w = weight[:, None, None, None]
    one, two = z_first.detach().chunk(2)
    target = l2(w * one + (1.0 - w) * two, 1)
    return batch_criterion(torch.cat([rows(z_mixed), rows(target)]), temperature)


def shares(logits: Maps) -> Maps:
    """r: each pixel's shares of the clusters, from the clustering branch's logits."""
    return divided(logits)


def region_vectors(
    v: Maps, r: Float[Tensor, "images clusters height width"]
) -> Float[Tensor, "images clusters dim"]:
    """R[n,k]: the unit vector of cluster k's region in image n, as one matrix product."""
    pixels = v.flatten(2)
    mean = torch.einsum("nkp,ndp->nkd", r.flatten(2), pixels) / pixels.shape[-1]
    return l2(mean, 2)


def region_loss(regions: Float[Tensor, "images clusters dim"], temperature: float) -> Scalar:
    """L_region: every region finds its own cluster's mean over the batch, T, among all clusters."""
    centres = l2(regions.mean(dim=0), 1)
    logits = regions @ centres.T / temperature
    target = torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)
    return F.cross_entropy(logits.flatten(0, 1), target.flatten())


def entropy_loss(r: Maps) -> Scalar:
    """L_entropy: mean binary entropy of the shares, in bits; low when assignments are decided."""
    return bits(r).mean()
