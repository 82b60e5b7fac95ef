"""Invariant and spreading features: views of an image agree, all other images lie apart.

Ye et al., "Unsupervised Embedding Learning via Invariant and Spreading Instance Feature", CVPR
2019, https://arxiv.org/abs/1904.03436: the softmax over the batch's own vectors (section 3.1) in
place of a memory bank, two views of each image (section 3.3). LD uses the criterion on patches.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from methods.augmentation import INSTDISC, Augmentation
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.batch_criterion import batch_criterion
from methods.networks import Encoder, pooled
from methods.schedules import cosine
from methods.tunable import tunable
from methods.views import TwoViews, two_views


class InvariantSpreading(Method[TwoViews]):
    """The batch criterion on one unit vector an image."""

    name = "invaspread"
    paper = "https://arxiv.org/abs/1904.03436"
    phases = (Phase("pretraining", decay=cosine),)

    @dataclass(frozen=True, slots=True)
    class Config:
        """Section 4.1 and the published code (mangye16/Unsupervised_Embedding_Learning).

        Departures: Adam at 1e-3 in place of SGD, a cosine in place of steps and batch 32 in place
        of 128, as for all methods; top-bottom mirror images besides. As in the published code, both
        views are augmented.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(5e-4, 0.0, 1e-3)  # section 4.1
        batch_size: int = 32
        temperature: float = tunable(0.1, 0.03, 0.5, log=True)  # section 4.1
        dim_out: int = 128  # section 4.1
        view: Augmentation = INSTDISC  # both views alike

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.head = nn.Linear(encoder.channels[-1], config.dim_out)

    def views(self, batch: Batch, draws: Draws) -> TwoViews:
        """Two independent augmentations of one kind."""
        return two_views(batch, draws, self.config.view, self.config.view)

    def loss(self, views: TwoViews, progress: Progress) -> Scalar:
        """J of section 3.1 over all vectors of the batch, divided by their number."""
        del progress
        images = torch.cat([views.a.images, views.b.images])  # one pass, as in the published code
        return batch_criterion(self.vectors(images), self.config.temperature)

    def vectors(self, images: Tensor) -> Float[Tensor, "images dim"]:
        """Unit vectors."""
        return F.normalize(self.head(pooled(self.encoder(images))), dim=1)
