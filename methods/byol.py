"""BYOL: predict a slowly moving copy's projection of another view.

Grill et al., "Bootstrap Your Own Latent", NeurIPS 2020, https://arxiv.org/abs/2006.07733: loss of
Eq. 2, symmetrised; the target moves by Eq. 1 with a momentum that rises to 1 along a cosine
(section 3.2). Heads and the momentum update are lightly's, the loss lightly's or solo-learn's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from lightly.loss import NegativeCosineSimilarity
from lightly.models.modules.heads import BYOLPredictionHead, BYOLProjectionHead
from lightly.models.utils import update_momentum
from lightly.utils.scheduler import cosine_schedule
from torch import Tensor, nn

from methods.augmentation import BYOL_A, BYOL_B, Augmentation
from methods.backends import Backend, known_backend, solo
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.momentum import momentum_copy
from methods.networks import Encoder, pooled
from methods.schedules import cosine
from methods.tunable import tunable
from methods.views import TwoViews, two_views


class BYOL(Method[TwoViews]):
    """An online network predicts the projections of its moving average."""

    name = "byol"
    paper = "https://arxiv.org/abs/2006.07733"
    phases = (Phase("pretraining", decay=cosine),)

    @dataclass(frozen=True, slots=True)
    class Config:
        """Section 3.2 and appendix B (table 6), with these departures.

        Adam at 1e-3 in place of LARS and batch 32 in place of 4096, as for all methods; heads of
        1024 in place of 4096 hidden units, for an encoder of 128 in place of 2048 channels;
        top-bottom mirror images besides, and no solarisation (``methods.augmentation``).
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(1.5e-6, 0.0, 1e-3)
        batch_size: int = 32
        momentum: float = tunable(0.99, 0.9, 0.999)  # appendix: 0.99 for 300 epochs, 0.996 for 1000
        dim_hidden: int = 1024
        dim_out: int = 256
        view_a: Augmentation = BYOL_A
        view_b: Augmentation = BYOL_B
        backend: Backend = "lightly"

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.projector: nn.Module = BYOLProjectionHead(
            encoder.channels[-1], config.dim_hidden, config.dim_out
        )
        self.predictor: nn.Module = BYOLPredictionHead(
            config.dim_out, config.dim_hidden, config.dim_out
        )
        self.target_encoder = momentum_copy(encoder)
        self.target_projector = momentum_copy(self.projector)
        self.distance = squared_distance(config.backend)

    def views(self, batch: Batch, draws: Draws) -> TwoViews:
        """Two augmentations that differ in how often they blur."""
        return two_views(batch, draws, self.config.view_a, self.config.view_b)

    def loss(self, views: TwoViews, progress: Progress) -> Scalar:
        """Both views predict the other's target."""
        del progress
        a, b = views.a.images, views.b.images
        one = self.distance(self.predicted(a), self.target(b))
        two = self.distance(self.predicted(b), self.target(a))
        return one + two

    def predicted(self, images: Tensor) -> Float[Tensor, "batch dim"]:
        """The online network's prediction."""
        out: Tensor = self.predictor(self.projector(pooled(self.encoder(images))))
        return out

    @torch.no_grad()
    def target(self, images: Tensor) -> Float[Tensor, "batch dim"]:
        """The moving average's projection, through its own weights and statistics."""
        out: Tensor = self.target_projector(pooled(self.target_encoder(images)))
        return out

    def after_step(self, progress: Progress) -> None:
        """Eq. 1: move the target towards the online network."""
        momentum = cosine_schedule(progress.step, progress.steps, self.config.momentum, 1.0)
        update_momentum(self.encoder, self.target_encoder, momentum)
        update_momentum(self.projector, self.target_projector, momentum)

    def vectors(self, images: Tensor) -> Float[Tensor, "images dim"]:
        """Projections."""
        out: Tensor = self.projector(pooled(self.encoder(images)))
        return out


def squared_distance(backend: Backend) -> Callable[[Tensor, Tensor], Tensor]:
    """Eq. 2: 2 - 2 cos(prediction, target), both (batch, dim), averaged over the batch."""
    if known_backend(backend) == "solo":
        return solo("losses.byol:byol_loss_func")  # type: ignore[no-any-return]
    criterion = NegativeCosineSimilarity()
    return lambda prediction, target: 2.0 + 2.0 * criterion(prediction, target)
