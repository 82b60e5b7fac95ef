"""PCRL's views: what the encoders see, and what the decoder is asked to make of it."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from methods.augmentation import Augmentation
from methods.base import Batch, Draws
from methods.geometry import sample, turned
from methods.views import one_view

#: Entries of a description: two mirror switches and one of four quarter turns.
DESCRIPTION = 6


@dataclass(frozen=True, slots=True)
class Distortions:
    """What makes a view more than an augmentation (``PCRL.Config``)."""

    holes: int
    hole_side: float
    mirror: float


@dataclass(frozen=True, slots=True)
class Context:
    """One view of each image, and the two images that can be restored from it.

    Attributes:
        images: What an encoder sees: normalised, coloured and holed.
        turned: ``images``, mirrored and turned: the aim where the decoder is told how.
        description: What was done: mirrored top-bottom, mirrored left-right, and which of 0 to 3
            quarter turns, as zeros and ones.
        clean: The view before colours and holes: the aim of mixed images.
    """

    images: Float[Tensor, "batch channels side side"]
    turned: Float[Tensor, "batch channels side side"]
    description: Float[Tensor, "batch 6"]
    clean: Float[Tensor, "batch channels side side"]


@dataclass(frozen=True, slots=True)
class PCRLViews:
    """Two views of each image, and how images, maps and keys are put together.

    Attributes:
        query: For the ordinary encoder.
        key: For the momentum encoder.
        order: In which keys are put into groups.
        partner: Row of the image that each image is mixed with.
        share: Share of the image itself in that mixture, in [0.5, 1].
        share_maps: Share of the ordinary encoder in the hybrid maps of images, in [0.5, 1].
        share_mixed_maps: The same for mixed images.
    """

    query: Context
    key: Context
    order: Int[Tensor, " batch"]
    partner: Int[Tensor, " batch"]
    share: Float[Tensor, " batch"]
    share_maps: Float[Tensor, " batch"]
    share_mixed_maps: Float[Tensor, " batch"]


def pcrl_views(
    batch: Batch, draws: Draws, augmentation: Augmentation, distortions: Distortions
) -> PCRLViews:
    """Two independent contexts of one kind, and the draws of all mixtures."""
    return PCRLViews(
        context(batch, draws, augmentation, distortions, "query"),
        context(batch, draws, augmentation, distortions, "key"),
        draws.uniform("shuffle").argsort(),
        draws.uniform("partner").argsort(),
        *(larger_share(draws, name) for name in ("images", "maps", "mixed maps")),
    )


def context(
    batch: Batch, draws: Draws, augmentation: Augmentation, distortions: Distortions, name: str
) -> Context:
    """One augmentation of each image with holes, its turned copy, and the plain crop."""
    view = one_view(batch, draws, augmentation, name)
    side = view.images.shape[-1]
    draws = draws.named(name)
    seen = view.images * ~holes(draws, distortions.holes, distortions.hole_side, side)
    upside = draws.chance("mirror vertical", distortions.mirror)
    aside = draws.chance("mirror", distortions.mirror)
    turns = draws.integers("turns", 4)
    aim = torch.where(upside[:, None, None, None], seen.flip(-2), seen)
    aim = torch.where(aside[:, None, None, None], aim.flip(-1), aim)
    clean = sample(batch.images, view.placement, side, "bilinear", "border")
    return Context(
        images=seen,
        turned=turned(aim, torch.zeros_like(aside), turns),
        description=torch.cat([torch.stack([upside, aside], 1), F.one_hot(turns, 4)], 1).float(),
        clean=batch.normalised(clean),
    )


def holes(draws: Draws, count: int, share: float, side: int) -> Bool[Tensor, "batch 1 side side"]:
    """True inside squares around random pixels; what reaches over the edge is cut off."""
    reach = max(1, round(share * side / 2))
    centres = draws.integers("holes", side, (count, 2))[..., None]
    pixels = torch.arange(side, device=centres.device)
    inside = (pixels >= centres - reach) & (pixels < centres + reach)
    return (inside[:, :, 0, :, None] & inside[:, :, 1, None, :]).any(dim=1, keepdim=True)


def larger_share(draws: Draws, name: str) -> Float[Tensor, " batch"]:
    """The larger part of a uniform split: max(s, 1 - s) of s from Beta(1, 1)."""
    share = draws.uniform(f"share of {name}")
    return torch.maximum(share, 1.0 - share)
