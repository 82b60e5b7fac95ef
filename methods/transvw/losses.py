"""TransVW's losses, and the maps of an autoencoder."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from methods.base import Scalar


def without_skips(maps: Sequence[Tensor]) -> list[Tensor]:
    """Maps of which only the coarsest says anything, as in the published autoencoder (vnet3d.py).

    Skips would hand the image through and leave the deep features nothing to tell.
    """
    *finer, coarsest = maps
    return [*(torch.zeros_like(each) for each in finer), coarsest]


def restoration_error(
    logits: Float[Tensor, "batch channels side side"],
    aim: Float[Tensor, "batch channels side side"],
) -> Scalar:
    """Mean squared error of grey levels in [0, 1], of which the decoder gives logits."""
    return torch.mean((logits.sigmoid() - aim) ** 2)


def word_error(logits: Float[Tensor, "batch words"], word: Int[Tensor, " batch"]) -> Scalar:
    """Cross entropy in nats, averaged over the images that show a word; -1 marks the others."""
    known = (word >= 0).sum().clamp_min(1)
    return F.cross_entropy(logits, word, ignore_index=-1, reduction="sum") / known
