"""SimCLR: pull two views of an image together, push all other images apart.

Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations", ICML 2020,
https://arxiv.org/abs/2002.05709: NT-Xent (Eq. 1), augmentations of appendix A. The projection head
is lightly's, the loss lightly's or solo-learn's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from jaxtyping import Float
from lightly.loss import NTXentLoss
from lightly.models.modules.heads import SimCLRProjectionHead
from torch import Tensor, nn

from methods.augmentation import SIMCLR, Augmentation
from methods.backends import Backend, known_backend, solo
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.networks import Encoder, pooled
from methods.schedules import WarmCosine
from methods.tunable import tunable
from methods.views import TwoViews, two_views


class SimCLR(Method[TwoViews]):
    """Contrast each image's two views against the rest of the batch."""

    name = "simclr"
    paper = "https://arxiv.org/abs/2002.05709"
    # Section 2.2: 10 of 100 epochs of linear warm-up, then a cosine without restarts.
    phases = (Phase("pretraining", decay=WarmCosine(0.1)),)

    @dataclass(frozen=True, slots=True)
    class Config:
        """Section 2 and appendix A, with these departures.

        Adam in place of LARS, the optimiser family that all methods share, at 3e-4: at 1e-3 the
        loss on retinal photographs rises for the first hundred steps. Batch 32 in place of 4096,
        so that a small budget still has steps; top-bottom mirror images besides left-right ones,
        because a retina has no upright.
        """

        learning_rate: float = tunable(3e-4, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(1e-6, 0.0, 1e-3)  # section 2.2
        batch_size: int = 32
        temperature: float = tunable(0.1, 0.05, 1.0, log=True)  # table 5, best at 100 epochs
        dim_hidden: int = 2048
        dim_out: int = 128  # section 2.1
        view: Augmentation = SIMCLR  # both views alike
        backend: Backend = "lightly"

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.head: nn.Module = SimCLRProjectionHead(
            encoder.channels[-1], config.dim_hidden, config.dim_out
        )
        self.criterion = nt_xent(config.backend, config.temperature)

    def views(self, batch: Batch, draws: Draws) -> TwoViews:
        """Two independent augmentations of one kind."""
        return two_views(batch, draws, self.config.view, self.config.view)

    def loss(self, views: TwoViews, progress: Progress) -> Scalar:
        """NT-Xent over both directions."""
        del progress
        a, b = (self.head(pooled(self.encoder(view.images))) for view in (views.a, views.b))
        loss: Scalar = self.criterion(a, b)
        return loss

    def vectors(self, images: Tensor) -> Float[Tensor, "images dim"]:
        """Projections."""
        out: Tensor = self.head(pooled(self.encoder(images)))
        return out


def nt_xent(backend: Backend, temperature: float) -> Callable[[Tensor, Tensor], Tensor]:
    """Eq. 1 of two views' projections, both (batch, dim), averaged over 2 * batch anchors."""
    if known_backend(backend) == "solo":
        return partial(solo("losses.simclr:simclr_loss_func"), temperature=temperature)
    loss = NTXentLoss(temperature=temperature)
    loss.memory_bank.bank_ptr.zero_()  # left uninitialised where there is no bank
    return loss  # type: ignore[no-any-return]
