"""MoCo v2: tell an image's key from a queue of older keys of a slowly moving encoder.

Chen et al., "Improved Baselines with Momentum Contrastive Learning", 2020,
https://arxiv.org/abs/2003.04297, section 3: MLP head, blur and cosine decay on top of MoCo (He et
al., CVPR 2020, https://arxiv.org/abs/1911.05722): InfoNCE (Eq. 1), moving average (Eq. 2),
shuffling BN (section 3.3). Head and queue are lightly's, the loss lightly's or solo-learn's.
"""

import math
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float
from lightly.loss import NTXentLoss
from lightly.models.modules.heads import MoCoProjectionHead
from lightly.models.utils import update_momentum
from torch import Tensor, nn

from methods.augmentation import MOCO_V2, Augmentation
from methods.backends import Backend, known_backend, solo
from methods.base import Batch, Draws, Images, Method, Phase, Progress, Scalar
from methods.momentum import QueryKey, Queued, in_groups, momentum_copy, query_and_key, queue_rows
from methods.networks import Encoder, pooled
from methods.schedules import cosine
from methods.tunable import tunable


class MoCoV2(Method[QueryKey]):
    """Contrast each query with its key and a queue of keys from the steps before."""

    name = "moco_v2"
    paper = "https://arxiv.org/abs/2003.04297"
    phases = (Phase("pretraining", decay=cosine),)  # section 3, "cos"
    smallest_batch = 4  # two images in each group of keys, for batch statistics

    @dataclass(frozen=True, slots=True)
    class Config:
        """Section 3 and the published code, with these departures.

        Adam in place of SGD and batch 32 in place of 256, as for all methods; top-bottom mirror
        images besides. The published momentum averages over the last 1,000 of a million
        steps and would leave the keys near their initialisation in runs of some hundred to some
        ten thousand; 0.99 averages over 100 (57.8 in place of 59.0 % in MoCo's own ablation,
        section 4.1). The published queue would hold small pools several times over, and each
        image many times among its own negatives; a quarter of the pool still meets it in 3 % of
        the steps (``queue_rows``).

        At 1e-3 the loss stayed near that of chance for hundreds of steps on small pools, as
        SimCLR's did; 3e-4 and less did better. The queue begins with random directions, so that
        the first losses are lower than those that follow.
        """

        learning_rate: float = tunable(3e-4, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(1e-4, 0.0, 1e-3)  # MoCo, section 4.1
        batch_size: int = 32
        temperature: float = tunable(0.2, 0.05, 1.0, log=True)  # section 3, best with the MLP head
        momentum: float = tunable(0.99, 0.9, 0.9999)  # MoCo, section 4.1: 0.999
        queue: int = 65536  # MoCo, section 4.1, at most
        queue_share: float = tunable(0.25, 0.05, 0.5)  # ours: of the pool, at most
        dim_hidden: int = 2048  # section 3
        dim_out: int = 128  # MoCo, section 3.3
        view: Augmentation = MOCO_V2  # queries and keys alike
        backend: Backend = "lightly"

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.projector: nn.Module = MoCoProjectionHead(
            encoder.channels[-1], config.dim_hidden, config.dim_out
        )
        self.momentum_encoder = momentum_copy(encoder)
        self.momentum_projector = momentum_copy(self.projector)
        # One batch of keys until the pool's size is known.
        self.criterion = info_nce(
            config.backend, config.temperature, (config.batch_size, config.dim_out)
        )

    @classmethod
    def smallest_pool(cls, config: Config) -> int:
        """Enough for a queue of one key."""
        return math.ceil(1.0 / config.queue_share)

    def prepare(self, images: Images) -> None:
        """A queue as long as the pool allows, filled with random directions as published."""
        c = self.config
        rows = queue_rows(c.queue, c.queue_share, len(images), c.batch_size)
        device = next(self.parameters()).device
        self.criterion = info_nce(c.backend, c.temperature, (rows, c.dim_out)).to(device)

    def views(self, batch: Batch, draws: Draws) -> QueryKey:
        """Two independent augmentations of one kind."""
        return query_and_key(batch, draws, self.config.view, self.config.view)

    def loss(self, views: QueryKey, progress: Progress) -> Scalar:
        """Eq. 1; the keys enter the queue afterwards."""
        del progress
        query = self.projector(pooled(self.encoder(views.query.images)))
        (key,) = in_groups(self.keys, views.key.images, views.order)
        # The bank takes keys in wherever queries ask for gradients; evaluation must not feed it.
        loss: Scalar = self.criterion(query if self.training else query.detach(), key)
        return loss

    def vectors(self, images: Tensor) -> Float[Tensor, "images dim"]:
        """Projections."""
        out: Tensor = self.projector(pooled(self.encoder(images)))
        return out

    def keys(self, images: Tensor) -> tuple[Tensor, ...]:
        """The momentum networks' projections, through their own weights and statistics."""
        return (self.momentum_projector(pooled(self.momentum_encoder(images))),)

    def after_step(self, progress: Progress) -> None:
        """Eq. 2: move the momentum networks; the momentum is constant."""
        del progress
        update_momentum(self.encoder, self.momentum_encoder, self.config.momentum)
        update_momentum(self.projector, self.momentum_projector, self.config.momentum)


def info_nce(backend: Backend, temperature: float, size: tuple[int, int]) -> nn.Module:
    """Eq. 1 of queries and keys, both (batch, dim), against a queue of ``size`` (keys, dim)."""
    if known_backend(backend) == "solo":
        return Queued(size, partial(solo("losses.moco:moco_loss_func"), temperature=temperature))
    return NTXentLoss(temperature, memory_bank_size=size)  # type: ignore[no-any-return]
