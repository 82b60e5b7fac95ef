"""PixPro: make each pixel agree with what its look-alikes say in another view of the same place.

Xie et al., "Propagate Yourself: Exploring Pixel-Level Consistency for Unsupervised Visual
Representation Learning", CVPR 2021, https://arxiv.org/abs/2011.10043: positives by distance (Eq.
1), pixel propagation (Eqs. 3 and 4), consistency without negatives (Eq. 5). All of it is our own
but the momentum update, which is lightly's.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from lightly.models.utils import update_momentum
from lightly.utils.scheduler import cosine_schedule
from torch import Tensor

from methods.augmentation import BYOL_A, BYOL_B, Augmentation
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.momentum import momentum_copy
from methods.networks import Encoder
from methods.pixpro.pixels import consistency, near_pixels, pixel_mlp, propagated
from methods.schedules import cosine
from methods.tunable import tunable
from methods.views import TwoViews, two_views


class PixPro(Method[TwoViews]):
    """Propagated pixels of one view predict a moving average's pixels of the other."""

    name = "pixpro"
    paper = "https://arxiv.org/abs/2011.10043"
    phases = (Phase("pretraining", decay=cosine),)  # section 4.1

    @dataclass(frozen=True, slots=True)
    class Config:
        """Sections 3.2 and 4.1 and the published code, with these departures.

        Adam at 1e-3 in place of LARS and batch 32 in place of 1024, as for all methods; heads of
        1024 in place of 4096 hidden units, for an encoder of 128 in place of 2048 channels;
        top-bottom mirror images besides, and no solarisation (``methods.augmentation``). Without
        the instance branch, which the published script weights with 0. The pixels are those of
        the coarsest map: 7x7 in views of 112 px as in the paper, 14x14 in 224 px, 3x3 in 48 px,
        and in 16 px a single one, in which nothing propagates. A finer level would leave the
        deepest block untrained.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(1e-5, 0.0, 1e-3)  # section 4.1
        batch_size: int = 32
        momentum: float = tunable(0.99, 0.9, 0.999)  # section 4.1, rises to 1
        threshold: float = tunable(0.7, 0.35, 1.4)  # of Eq. 1, in diagonals of a pixel
        sharpness: float = tunable(2.0, 1.0, 4.0)  # gamma of Eq. 4
        transform_layers: int = 1  # l of g in Eq. 3
        dim_hidden: int = 1024
        dim_out: int = 256
        view_a: Augmentation = BYOL_A
        view_b: Augmentation = BYOL_B

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.projector = pixel_mlp(encoder.channels[-1], config.dim_hidden, config.dim_out)
        self.transform = pixel_mlp(*[config.dim_out] * (config.transform_layers + 1))
        self.target_encoder = momentum_copy(encoder)
        self.target_projector = momentum_copy(self.projector)

    def views(self, batch: Batch, draws: Draws) -> TwoViews:
        """Two augmentations that differ in how often they blur."""
        return two_views(batch, draws, self.config.view_a, self.config.view_b)

    def loss(self, views: TwoViews, progress: Progress) -> Scalar:
        """Eq. 5: both views' propagated pixels predict the other's target."""
        del progress
        a, b = views.a, views.b
        target_a, target_b = self.target(a.images), self.target(b.images)
        near = near_pixels(a.placement, b.placement, target_a.shape[-1], self.config.threshold)
        one = consistency(self.predicted(a.images), target_b, near)
        two = consistency(self.predicted(b.images), target_a, near.transpose(1, 2))
        return one + two

    def vectors(self, images: Tensor) -> Float[Tensor, "pixels dim"]:
        """Projections of every pixel."""
        out: Tensor = self.projector(self.encoder(images)[-1].float())
        return out.flatten(2).transpose(1, 2).flatten(0, 1)

    def predicted(self, images: Tensor) -> Float[Tensor, "batch dim side side"]:
        """The online network's pixels, propagated."""
        pixels = self.projector(self.encoder(images)[-1].float())
        return propagated(pixels, self.transform(pixels), self.config.sharpness)

    @torch.no_grad()
    def target(self, images: Tensor) -> Float[Tensor, "batch dim side side"]:
        """The moving average's pixels, through its own weights and statistics."""
        out: Tensor = self.target_projector(self.target_encoder(images)[-1].float())
        return out

    def after_step(self, progress: Progress) -> None:
        """Move the target towards the online network, ever more slowly."""
        momentum = cosine_schedule(progress.step, progress.steps, self.config.momentum, 1.0)
        update_momentum(self.encoder, self.target_encoder, momentum)
        update_momentum(self.projector, self.target_projector, momentum)
