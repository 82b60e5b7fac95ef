"""PCRL: contrast images, and restore them in as many ways as can be described or mixed.

Zhou et al., "Preservational Learning Improves Self-supervised Medical Image Models by
Reconstructing Diverse Contexts", ICCV 2021, https://arxiv.org/abs/2109.04379: contrastive learning
with a momentum encoder, transformation-conditioned attention and cross-model mixup. Written after
the authors' published code for X-rays, https://github.com/Luchixiang/PCRL (``pytorch/pcrl.py``,
``models/pcrl_model.py``, ``data.py``), which its README calls an improved version of the paper's:
the attention multiplies channels where the paper takes an outer product. Loss, queue and projector
are lightly's.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from jaxtyping import Float
from lightly.loss import NTXentLoss
from lightly.models.modules.heads import MoCoProjectionHead
from lightly.models.utils import update_momentum
from torch import Tensor, nn

from methods.augmentation import MOCO_V2, Augmentation
from methods.base import Batch, Draws, Images, Method, Phase, Progress, Scalar
from methods.momentum import in_groups, momentum_copy
from methods.networks import Encoder, PixelDecoder, pooled
from methods.pcrl.losses import attended, blended, hybrid, mixed, squared_error
from methods.pcrl.views import DESCRIPTION, Distortions, PCRLViews, pcrl_views
from methods.schedules import cosine
from methods.tunable import tunable

#: Keys an image adds to the queue: its own, its mixture's, and the mixture of keys.
KEYS = 3


class PCRL(Method[PCRLViews]):
    """Contrast images and their mixtures; restore turned, mixed and hybrid ones."""

    name = "pcrl"
    paper = "https://arxiv.org/abs/2109.04379"
    phases = (Phase("pretraining", decay=cosine),)  # utils.adjust_learning_rate
    smallest_batch = 4  # two keys a group, so that each group has statistics

    @dataclass(frozen=True, slots=True)
    class Config:
        """Constants of the published 2D code, with these departures.

        Adam at 1e-3 in place of SGD, as for all methods; batch 16 in place of 64. InfoNCE as in
        MoCo v2 in place of NCE; its queue holds at most three quarters of the pool, at three keys
        an image those of a quarter, where 16384 keys would hold small pools many times over. All
        three contrasts meet the queue as it was before the step: in the code the second and third
        already meet the step's own keys as negatives. Momentum 0.99, because 0.999 averages over
        1,000 steps and would leave the keys near their initialisation in runs not much longer.
        Each image draws its own shares of mixtures, not the batch. No rotation by up to 10 degrees;
        hue 0.1 (MoCo v2's) in place of 0.4, which grey X-rays do not feel. Clean aims keep the
        view's mirror image, which nothing tells the decoder of.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(1e-4, 0.0, 1e-3)  # main.py
        batch_size: int = 16
        momentum: float = tunable(0.99, 0.9, 0.9999)  # pcrl.py: 0.999
        temperature: float = tunable(0.2, 0.05, 1.0, log=True)  # main.py
        queue: int = 16384  # pcrl.py, at most
        queue_share: float = tunable(0.75, 0.15, 1.5)  # ours: of the pool, at most
        dim_hidden: int = 128
        dim_out: int = 128  # pcrl_model.py
        dim_attention: int = 256  # pcrl_model.py
        holes: int = 3  # data.py, as are their side (32 of 224 px) and the view
        hole_side: float = tunable(1 / 7, 0.05, 0.5)  # share of the side
        mirror: float = 0.5  # reverse_pcrl_pretask.py, each way
        view: Augmentation = replace(MOCO_V2, jitter_probability=1.0)  # both views alike

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        channels = encoder.channels[-1]
        self.projector: nn.Module = MoCoProjectionHead(channels, config.dim_hidden, config.dim_out)
        self.attention = nn.Sequential(
            nn.Linear(DESCRIPTION, config.dim_attention),
            nn.ReLU(),
            nn.Linear(config.dim_attention, channels),
            nn.Sigmoid(),
        )
        self.decoder = PixelDecoder(encoder.channels, {"image": encoder.channels_in})
        self.momentum_encoder = momentum_copy(encoder)
        self.momentum_projector = momentum_copy(self.projector)
        # One step's keys until the pool's size is known.
        self.criterion = NTXentLoss(config.temperature, (KEYS * config.batch_size, config.dim_out))

    def prepare(self, images: Images) -> None:
        """A queue as long as the pool allows, in whole steps, filled with random directions."""
        c = self.config
        step = KEYS * c.batch_size
        rows = max(min(c.queue, int(c.queue_share * len(images))) // step, 1) * step
        device = next(self.parameters()).device
        self.criterion = NTXentLoss(c.temperature, (rows, c.dim_out)).to(device)

    def views(self, batch: Batch, draws: Draws) -> PCRLViews:
        """Two contexts of one kind, and what is mixed with what."""
        c = self.config
        return pcrl_views(batch, draws, c.view, Distortions(c.holes, c.hole_side, c.mirror))

    def loss(self, views: PCRLViews, progress: Progress) -> Scalar:
        """The mean of three contrasts plus the mean of four restorations."""
        del progress
        a, b = views.query, views.key
        mix = partial(mixed, partner=views.partner, share=views.share)
        key, *key_maps = in_groups(self.keys, b.images, views.order)
        mixed_key, *mixed_key_maps = in_groups(self.keys, mix(b.images), views.order)
        maps, mixed_maps = self.encoder(a.images), self.encoder(mix(a.images))
        query, mixed_query = (self.projector(pooled(each)) for each in (maps, mixed_maps))
        contrast = self.contrast(
            torch.cat([query, mixed_query, mixed_query]), torch.cat([key, mixed_key, mix(key)])
        )
        told = attended(maps, self.attention(a.description))
        key_told = attended(key_maps, self.attention(b.description))
        turned = self.restoration(told, key_told, views.share_maps, (a.turned, b.turned))
        clean = self.restoration(
            mixed_maps, mixed_key_maps, views.share_mixed_maps, (mix(a.clean), mix(b.clean))
        )
        return contrast + (turned + clean) / 2.0

    def vectors(self, images: Tensor) -> Float[Tensor, "images dim"]:
        """Projections."""
        out: Tensor = self.projector(pooled(self.encoder(images)))
        return out

    def keys(self, images: Tensor) -> tuple[Tensor, ...]:
        """The momentum network's keys and feature maps, through its own weights and statistics."""
        maps = self.momentum_encoder(images)
        return self.momentum_projector(pooled(maps)), *maps

    def contrast(self, queries: Tensor, keys: Tensor) -> Scalar:
        """InfoNCE against the queue, which takes the keys up in training and rests otherwise."""
        loss: Scalar = self.criterion(queries if self.training else queries.detach(), keys)
        return loss

    def restoration(
        self,
        maps: Sequence[Tensor],
        momentum_maps: Sequence[Tensor],
        share: Tensor,
        aims: tuple[Tensor, Tensor],
    ) -> Scalar:
        """Mean error of the ordinary encoder's image and the hybrid one, whose aim is blended."""
        own, both = (
            self.decoder(each, ("image",))["image"]
            for each in (maps, hybrid(maps, momentum_maps, share))
        )
        errors = squared_error(own, aims[0]) + squared_error(both, blended(*aims, share))
        return errors / 2.0

    def after_step(self, progress: Progress) -> None:
        """Move the momentum network towards the ordinary one."""
        del progress
        update_momentum(self.encoder, self.momentum_encoder, self.config.momentum)
        update_momentum(self.projector, self.momentum_projector, self.config.momentum)
