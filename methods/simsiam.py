"""SimSiam: predict the other view's projection, which stands still.

Chen and He, "Exploring Simple Siamese Representation Learning", CVPR 2021,
https://arxiv.org/abs/2011.10566: symmetric negative cosine with stop-gradient (Eqs. 1 and 4), a
predictor whose learning rate does not decay (section 4.2). Heads are lightly's, the loss lightly's
or solo-learn's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from jaxtyping import Float
from lightly.loss import NegativeCosineSimilarity
from lightly.models.modules.heads import SimSiamPredictionHead, SimSiamProjectionHead
from torch import Tensor, nn

from methods.augmentation import MOCO_V2, Augmentation
from methods.backends import Backend, known_backend, solo
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.networks import Encoder, pooled
from methods.schedules import constant, cosine
from methods.tunable import tunable
from methods.views import TwoViews, two_views


class SimSiam(Method[TwoViews]):
    """Each view's prediction meets the other view's projection, through which no gradient flows."""

    name = "simsiam"
    paper = "https://arxiv.org/abs/2011.10566"
    phases = (Phase("pretraining", decay=cosine),)
    smallest_batch = 4  # batch norm makes two rows -1 and 1 whatever they are

    @dataclass(frozen=True, slots=True)
    class Config:
        """Section 3's baseline settings, with these departures.

        Adam at 1e-3 in place of SGD and batch 32 in place of 512, as for all methods; heads of a
        quarter of the paper's widths (2048, 2048 and 512), for an encoder of 128 in place of 2048
        channels: the predictor's bottleneck stays a quarter of its input; top-bottom mirror images
        besides.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(1e-4, 0.0, 1e-3)
        batch_size: int = 32
        dim_hidden: int = 512
        dim_out: int = 512
        dim_predictor: int = 128
        view: Augmentation = MOCO_V2  # both views alike; section 3 and published code
        backend: Backend = "lightly"

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.projector: nn.Module = SimSiamProjectionHead(
            encoder.channels[-1], config.dim_hidden, config.dim_out
        )
        self.predictor: nn.Module = SimSiamPredictionHead(
            config.dim_out, config.dim_predictor, config.dim_out
        )
        self.distance = negative_cosine(config.backend)

    def views(self, batch: Batch, draws: Draws) -> TwoViews:
        """Two independent augmentations of one kind."""
        return two_views(batch, draws, self.config.view, self.config.view)

    def loss(self, views: TwoViews, progress: Progress) -> Scalar:
        """Eq. 4: the mean of both directions."""
        del progress
        a, b = (self.projector(pooled(self.encoder(view.images))) for view in (views.a, views.b))
        one = self.distance(self.predictor(a), b.detach())
        two = self.distance(self.predictor(b), a.detach())
        return 0.5 * (one + two)

    def vectors(self, images: Tensor) -> Float[Tensor, "images dim"]:
        """Projections."""
        out: Tensor = self.projector(pooled(self.encoder(images)))
        return out

    def param_groups(self, phase: str) -> list[dict[str, Any]]:
        """The predictor's rate stays: it follows the representation to the end (section 4.2)."""
        del phase
        moving = [*self.encoder.parameters(), *self.projector.parameters()]
        return [
            {"params": moving},
            {"params": [*self.predictor.parameters()], "decay": constant},
        ]


def negative_cosine(backend: Backend) -> Callable[[Tensor, Tensor], Tensor]:
    """Eq. 1: -cos(prediction, projection), both (batch, dim), averaged over the batch."""
    if known_backend(backend) == "solo":
        return solo("losses.simsiam:simsiam_loss_func")  # type: ignore[no-any-return]
    return NegativeCosineSimilarity()  # type: ignore[no-any-return]
