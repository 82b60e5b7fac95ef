"""Momentum encoders: slowly moving copies that see their images in shuffled groups.

He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020,
https://arxiv.org/abs/1911.05722: the moving average (Eq. 2) and "shuffling BN" (section 3.3).
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Int
from lightly.models.utils import deactivate_requires_grad
from torch import Tensor, nn

from methods.augmentation import Augmentation
from methods.base import Batch, Draws
from methods.views import View, two_views

M = TypeVar("M", bound=nn.Module)

#: Groups that keys are normalised in: the fewest that hide which image a key comes from.
GROUPS = 2


@dataclass(frozen=True, slots=True)
class QueryKey:
    """Two views of each image, and the order in which the keys are put into groups."""

    query: View
    key: View
    order: Int[Tensor, " batch"]


def query_and_key(batch: Batch, draws: Draws, query: Augmentation, key: Augmentation) -> QueryKey:
    """Two independent augmentations and a random order of the batch."""
    views = two_views(batch, draws, query, key)
    return QueryKey(views.a, views.b, draws.uniform("shuffle").argsort())


def momentum_copy(module: M) -> M:
    """A copy with weights and statistics of its own, which no optimiser moves."""
    copy = deepcopy(module)
    deactivate_requires_grad(copy)
    return copy


@torch.no_grad()
def in_groups(
    network: Callable[[Tensor], tuple[Tensor, ...]],
    images: Tensor,
    order: Int[Tensor, " batch"],
) -> tuple[Tensor, ...]:
    """Run a momentum network over shuffled groups, each normalised by its own statistics.

    On several devices each key meets other images than its query does, so that batch statistics
    do not give the pair away. On one device a shuffle alone would leave the statistics as they
    are; groups restore the effect.

    Args:
        network: Images to tensors of one row an image.
        images: The key views.
        order: The shuffle; row ``order[i]`` comes i-th.

    Returns:
        The network's tensors in the order of ``images``.
    """
    parts = [network(images[rows]) for rows in order.tensor_split(GROUPS)]
    back = order.argsort()
    return tuple(torch.cat(tensors)[back] for tensors in zip(*parts, strict=True))
