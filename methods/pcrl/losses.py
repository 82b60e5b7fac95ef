"""PCRL's parts as functions of tensors."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.base import Scalar


def blended(
    mine: Float[Tensor, "batch *rest"],
    other: Float[Tensor, "batch *rest"],
    share: Float[Tensor, " batch"],
) -> Float[Tensor, "batch *rest"]:
    """``share`` of one tensor and the rest of the other, row by row."""
    weight = share.reshape(-1, *(1,) * (mine.dim() - 1))
    return weight * mine + (1.0 - weight) * other


def mixed(
    things: Float[Tensor, "batch *rest"],
    partner: Int[Tensor, " batch"],
    share: Float[Tensor, " batch"],
) -> Float[Tensor, "batch *rest"]:
    """Mixup: each row with its partner's."""
    return blended(things, things[partner], share)


def attended(maps: Sequence[Tensor], weights: Float[Tensor, "batch channels"]) -> list[Tensor]:
    """Maps, fine to coarse, with the coarsest one's channels weighted."""
    *finer, coarsest = maps
    return [*finer, coarsest * weights[:, :, None, None]]


def hybrid(
    maps: Sequence[Tensor], momentum_maps: Sequence[Tensor], share: Float[Tensor, " batch"]
) -> list[Tensor]:
    """Cross-model mixup: maps of both encoders, blended at every level."""
    return [blended(a, b, share) for a, b in zip(maps, momentum_maps, strict=True)]


def squared_error(
    restored: Float[Tensor, "batch channels side side"],
    aim: Float[Tensor, "batch channels side side"],
) -> Scalar:
    """Mean squared error over images, channels and pixels."""
    return torch.mean((restored - aim) ** 2)
