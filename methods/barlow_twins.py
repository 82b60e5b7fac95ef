"""Barlow Twins: two views' outputs correlate unit by unit, and no unit repeats another.

Zbontar et al., "Barlow Twins: Self-Supervised Learning via Redundancy Reduction", ICML 2021,
https://arxiv.org/abs/2103.03230: the cross-correlation matrix of both views (Eq. 2) is drawn to the
identity (Eq. 1). The projector is lightly's, the loss lightly's or solo-learn's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float
from lightly.loss import BarlowTwinsLoss
from lightly.models.modules.heads import BarlowTwinsProjectionHead
from torch import Tensor, nn

from methods.augmentation import BYOL_A, BYOL_B, Augmentation
from methods.backends import Backend, known_backend, solo
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.networks import Encoder, pooled
from methods.schedules import cosine
from methods.tunable import tunable
from methods.views import TwoViews, two_views


class BarlowTwins(Method[TwoViews]):
    """Make the cross-correlation of two views' projections the identity."""

    name = "barlow_twins"
    paper = "https://arxiv.org/abs/2103.03230"
    phases = (Phase("pretraining", decay=cosine),)
    smallest_batch = 4  # of two images every correlation is -1 or 1 whatever they show

    @dataclass(frozen=True, slots=True)
    class Config:
        """Section 2.2 (BYOL's augmentations), with these departures.

        Adam at 1e-3 in place of LARS, as for all methods. Batch 64 in place of 2048 and a projector
        of 1024 in place of 8192 units, for an encoder of 128 in place of 2048 channels. A batch of
        N gives a matrix of rank N - 1 at most, so that the identity is out of reach: the paper's
        too, whose units are 4 times its batch, and 32 times where it shows that batches of 256 do
        as well (section 4); here they are 16 times. Top-bottom mirror images besides, and no
        solarisation (``methods.augmentation``).
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(1.5e-6, 0.0, 1e-3)  # section 2.2
        batch_size: int = 64
        weight_redundancy: float = tunable(5e-3, 5e-4, 5e-2, log=True)  # lambda, section 2.2
        dim_hidden: int = 1024
        dim_out: int = 1024
        view_a: Augmentation = BYOL_A
        view_b: Augmentation = BYOL_B
        backend: Backend = "lightly"

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.projector: nn.Module = BarlowTwinsProjectionHead(
            encoder.channels[-1], config.dim_hidden, config.dim_out
        )
        self.criterion = cross_correlation(config.backend, config.weight_redundancy)

    def views(self, batch: Batch, draws: Draws) -> TwoViews:
        """Two augmentations that differ in how often they blur."""
        return two_views(batch, draws, self.config.view_a, self.config.view_b)

    def loss(self, views: TwoViews, progress: Progress) -> Scalar:
        """Eq. 1, a sum over all pairs of units."""
        del progress
        a, b = (self.projector(pooled(self.encoder(view.images))) for view in (views.a, views.b))
        loss: Scalar = self.criterion(a, b)
        return loss

    def vectors(self, images: Tensor) -> Float[Tensor, "images dim"]:
        """Projections."""
        out: Tensor = self.projector(pooled(self.encoder(images)))
        return out


def cross_correlation(
    backend: Backend, weight_redundancy: float
) -> Callable[[Tensor, Tensor], Tensor]:
    """Eq. 1 of two views' projections, both (batch, dim)."""
    if known_backend(backend) == "solo":
        # solo-learn scales the whole loss, by 0.025 if it is not told otherwise.
        loss = solo("losses.barlow:barlow_loss_func")
        return partial(loss, lamb=weight_redundancy, scale_loss=1.0)
    return BarlowTwinsLoss(lambda_param=weight_redundancy)  # type: ignore[no-any-return]
