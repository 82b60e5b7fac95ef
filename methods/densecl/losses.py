"""Which place belongs to which, and the contrast of one with the other."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from methods.base import Scalar


def matched(
    dense_keys: Float[Tensor, "batch key_places dim"],
    places: Float[Tensor, "batch places channels"],
    key_places: Float[Tensor, "batch key_places channels"],
) -> Float[Tensor, "batch places dim"]:
    """Section 3.4: each query place's key, where backbone features have the largest cosine."""
    similarity = F.normalize(places, dim=2) @ F.normalize(key_places, dim=2).transpose(1, 2)
    best = similarity.argmax(dim=2, keepdim=True)
    return dense_keys.gather(1, best.expand(-1, -1, dense_keys.shape[2]))


def info_nce(
    queries: Float[Tensor, "queries dim"],
    positives: Float[Tensor, "queries dim"],
    negatives: Float[Tensor, "dim keys"],
    temperature: float,
) -> Scalar:
    """Eq. 2 of unit vectors, averaged over queries; every query has the same negatives."""
    positive = (queries * positives).sum(dim=1, keepdim=True)
    logits = F.log_softmax(torch.cat([positive, queries @ negatives], dim=1) / temperature, dim=1)
    return -logits[:, 0].mean()
