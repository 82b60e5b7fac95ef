"""DenseCL: contrast images, and each place with the most similar place of another view.

Wang et al., "Dense Contrastive Learning for Self-Supervised Visual Pre-Training", CVPR 2021,
https://arxiv.org/abs/2011.09157, on top of MoCo v2: dense loss (Eq. 2), both losses weighted (Eq.
3), correspondence by backbone features (section 3.4). Heads, queues and the global loss are
lightly's. The dense loss is not: lightly's would queue the key of every place, where the published
code queues each image's mean.
"""

import math
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float
from lightly.loss import NTXentLoss
from lightly.models.modules.heads import DenseCLProjectionHead
from lightly.models.utils import update_momentum
from torch import Tensor, nn
from torch.nn import functional as F

from methods.augmentation import MOCO_V2, Augmentation
from methods.base import Batch, Draws, Images, Method, Phase, Progress, Scalar
from methods.densecl.losses import info_nce, matched
from methods.momentum import QueryKey, Queued, in_groups, momentum_copy, query_and_key, queue_rows
from methods.networks import Encoder, pooled
from methods.schedules import cosine
from methods.tunable import tunable


class DenseCL(Method[QueryKey]):
    """MoCo v2 on whole images and on a grid of places, each with a queue of its own."""

    name = "densecl"
    paper = "https://arxiv.org/abs/2011.09157"
    phases = (Phase("pretraining", decay=cosine),)  # section 4.1
    smallest_batch = 4  # two images in each group of keys, for batch statistics

    @dataclass(frozen=True, slots=True)
    class Config:
        """Sections 3.4 and 4.1 and the published code, with MoCo v2's departures (``moco_v2``).

        Those are Adam at 3e-4, batch 32, momentum 0.99 in place of 0.999, queues of at most a
        quarter of the pool, top-bottom mirror images. The grid is the coarsest map's: 7x7 in views
        of 112 px as in the paper, pooled to 7x7 in larger ones, 3x3 in those of 48 px and a single
        place in those of 16 px. The published code can keep the dense weight at 0 for the first
        iterations; none of its published configurations does, so it is off here.

        On 3x3 places the dense loss fell at once while the global one stayed at chance and
        images grew alike (300 steps): a place is easily told from queued means. 7x7 kept them
        apart, so views below 112 px are not what this method is for.
        """

        learning_rate: float = tunable(3e-4, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(1e-4, 0.0, 1e-3)  # section 4.1
        batch_size: int = 32
        temperature: float = tunable(0.2, 0.05, 1.0, log=True)  # published configurations
        momentum: float = tunable(0.99, 0.9, 0.9999)
        queue: int = 65536  # section 4.1, at most
        queue_share: float = tunable(0.25, 0.05, 0.5)  # ours: of the pool, at most
        dense_weight: float = tunable(0.5, 0.0, 1.0)  # lambda of Eq. 3
        warm_up: float = tunable(0.0, 0.0, 0.5)  # share of the steps with a dense weight of 0
        grid: int = 7  # S of section 3.4, at most
        dim_hidden: int = 2048
        dim_out: int = 128
        view: Augmentation = MOCO_V2  # queries and keys alike

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        dims = (encoder.channels[-1], config.dim_hidden, config.dim_out)
        self.projector: nn.Module = DenseCLProjectionHead(*dims)
        self.dense_projector: nn.Module = DenseCLProjectionHead(*dims)
        self.momentum_encoder = momentum_copy(encoder)
        self.momentum_projector = momentum_copy(self.projector)
        self.momentum_dense_projector = momentum_copy(self.dense_projector)
        self.make_queues(config.batch_size)  # until the pool's size is known

    @classmethod
    def smallest_pool(cls, config: Config) -> int:
        """Enough for queues of one key."""
        return math.ceil(1.0 / config.queue_share)

    def prepare(self, images: Images) -> None:
        """Queues as long as the pool allows."""
        c = self.config
        self.make_queues(queue_rows(c.queue, c.queue_share, len(images), c.batch_size))
        self.to(next(self.parameters()).device)

    def make_queues(self, rows: int) -> None:
        """Both losses with queues of random directions, as published."""
        c = self.config
        size = (rows, c.dim_out)
        self.image_loss: nn.Module = NTXentLoss(c.temperature, memory_bank_size=size)
        self.dense_loss = Queued(size, partial(info_nce, temperature=c.temperature))

    def views(self, batch: Batch, draws: Draws) -> QueryKey:
        """Two independent augmentations of one kind."""
        return query_and_key(batch, draws, self.config.view, self.config.view)

    def loss(self, views: QueryKey, progress: Progress) -> Scalar:
        """Eq. 3; keys enter the queues afterwards, of the dense ones each image's mean."""
        c = self.config
        maps = self.encoder(views.query.images)
        places = self.places(maps)
        query, dense = self.projector(pooled(maps)), self.dense_projector(places)
        key, dense_keys, key_places = in_groups(self.keys, views.key.images, views.order)
        positives = matched(dense_keys, places.detach(), key_places)
        if not self.training:  # queues take keys in wherever queries ask for gradients
            query, dense = query.detach(), dense.detach()
        whole = self.image_loss(query, key)
        local = self.dense_loss(dense.flatten(0, 1), positives.flatten(0, 1), dense_keys.mean(1))
        weight = 0.0 if progress.fraction < c.warm_up else c.dense_weight
        loss: Scalar = (1.0 - weight) * whole + weight * local
        return loss

    def places(self, maps: list[Tensor]) -> Float[Tensor, "batch places channels"]:
        """The coarsest map on a grid of at most S x S, in float32."""
        side = min(self.config.grid, maps[-1].shape[-1])
        return F.adaptive_avg_pool2d(maps[-1].float(), side).flatten(2).transpose(1, 2)

    def vectors(self, images: Tensor) -> Float[Tensor, "images dim"]:
        """Projections."""
        out: Tensor = self.projector(pooled(self.encoder(images)))
        return out

    def keys(self, images: Tensor) -> tuple[Tensor, ...]:
        """The momentum networks' projections of images and places, and the places themselves."""
        maps = self.momentum_encoder(images)
        places = self.places(maps)
        whole = self.momentum_projector(pooled(maps))
        return whole, self.momentum_dense_projector(places), places

    def after_step(self, progress: Progress) -> None:
        """Move the momentum networks; the momentum is constant."""
        del progress
        momentum = self.config.momentum
        update_momentum(self.encoder, self.momentum_encoder, momentum)
        update_momentum(self.projector, self.momentum_projector, momentum)
        update_momentum(self.dense_projector, self.momentum_dense_projector, momentum)
