"""Momentum encoders: slowly moving copies that see their images in shuffled groups.

He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020,
https://arxiv.org/abs/1911.05722: the moving average (Eq. 2), "shuffling BN" (section 3.3) and the
queue of keys (section 3.2), which is lightly's bank.
"""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Int
from lightly.models.modules.memory_bank import MemoryBankModule
from lightly.models.utils import deactivate_requires_grad
from torch import Tensor, nn
from torch.nn import functional as F

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


def queue_rows(longest: int, share: float, pool: int, batch: int) -> int:
    """How many keys to queue: at most a share of the pool, so that few belong to the queries.

    Whole batches if there is room for one, because lightly's bank drops whatever does not fit
    before it starts anew; in less room it keeps the first keys of the last batch.

    Args:
        longest: The published number of keys.
        share: Largest share of the pool, in (0, 1]. Where every epoch has an order of its own, an
            image meets its own last key in ``share**2 / 2`` of the steps.
        pool: Number of training images.
        batch: Keys a step.
    """
    rows = min(longest, int(share * pool))
    return rows - rows % batch if rows >= batch else rows


class Queued(nn.Module):
    """A contrastive loss against a queue of past keys, for losses that come without one.

    As lightly's ``NTXentLoss`` does, it contrasts with the queue as it was before and then takes
    the keys in, but only where the queries ask for gradients. The queue is a buffer that
    ``state_dict`` leaves out and ``named_buffers`` lists.
    """

    def __init__(
        self, size: tuple[int, int], loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    ) -> None:
        super().__init__()
        self.memory_bank = MemoryBankModule(size)
        self.criterion = loss

    def forward(self, queries: Tensor, positives: Tensor, keys: Tensor | None = None) -> Tensor:
        """The loss of unit vectors: queries, their positives and the queue's keys.

        Args:
            queries: One a row.
            positives: Row i is the positive of query i.
            keys: What enters the queue; the positives if omitted.
        """
        entering = F.normalize(positives if keys is None else keys, dim=1)
        _, negatives = self.memory_bank(entering, update=queries.requires_grad)
        return self.criterion(F.normalize(queries, dim=1), F.normalize(positives, dim=1), negatives)
