"""SwAV: predict the cluster of one crop of an image from its other crops.

Caron et al., "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments",
NeurIPS 2020, https://arxiv.org/abs/2006.09882: swapped prediction over several crops (Eq. 2 and 6),
codes by Sinkhorn-Knopp (Eq. 3 to 5), a queue for small batches (section 3.1). Projector and
prototypes are lightly's, codes and loss lightly's or solo-learn's.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from lightly.models.modules.heads import SwaVProjectionHead, SwaVPrototypes
from torch import Tensor, nn
from torch.nn import functional as F

from methods.augmentation import SWAV, Augmentation
from methods.backends import Backend
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.multi_crop import PUBLISHED, MultiCrop, SmallCrops, features, multi_crop
from methods.networks import Encoder, pooled
from methods.schedules import cosine
from methods.swav.criterion import swapped_prediction
from methods.tunable import tunable


class SwAV(Method[MultiCrop]):
    """Contrast images by the clusters they fall into, found anew in every batch."""

    name = "swav"
    paper = "https://arxiv.org/abs/2006.09882"
    phases = (Phase("pretraining", decay=cosine),)  # appendix A.1, without warm-up

    @dataclass(frozen=True, slots=True)
    class Config:
        """Appendix A, the small-batch run (A.6, 200 epochs), with these departures.

        Adam at 1e-3 in place of LARS and batch 32 in place of 256, as for all methods; the queue
        keeps its 15 batches. 256 in place of 3000 prototypes: section 3.1 wants about as many as
        the queue holds features, here 480, and pools hold hundreds to thousands of images.
        Against collapse, as the official README advises: softer colours, a lower epsilon and a
        later queue; from 15 of 200 epochs on, as published, it undid what short runs on fundus
        photographs had learnt. At SimCLR's strength crops of one retina are hardly more alike than
        crops of two, and the loss ends at that of a uniform prediction. Top-bottom mirror images
        besides.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(1e-6, 0.0, 1e-3)
        batch_size: int = 32
        prototypes: int = tunable(256, 32, 1024, log=True)
        temperature: float = tunable(0.1, 0.05, 0.5, log=True)
        epsilon: float = tunable(0.03, 0.015, 0.1, log=True)  # official README; paper: 0.05
        iterations: int = 3
        dim_hidden: int = 2048
        dim_out: int = 128
        queue: int = 15  # batches; 3840 features of 256 images
        queue_start: float = tunable(0.5, 0.0, 1.0)  # share of the run; A.6: 15 of 200 epochs
        frozen: float = 1 / 100  # share of the run: the first of at least 100 epochs
        view: Augmentation = replace(SWAV, jitter=(0.2, 0.2, 0.2, 0.05), grey=0.0)
        small: SmallCrops = PUBLISHED
        backend: Backend = "lightly"

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.head: nn.Module = SwaVProjectionHead(
            encoder.channels[-1], config.dim_hidden, config.dim_out
        )
        self.prototypes = SwaVPrototypes(config.dim_out, config.prototypes)
        self.prototypes.heads[0].register_parameter("bias", None)  # the paper's have none
        self.prototypes.normalize()
        self.criterion = swapped_prediction(
            config.backend, config.temperature, config.iterations, config.epsilon
        )
        self.queue: Tensor
        length = config.queue * config.batch_size
        self.register_buffer("queue", torch.zeros(2, length, config.dim_out))
        self.latest: Tensor | None = None

    def views(self, batch: Batch, draws: Draws) -> MultiCrop:
        """Two large and several small crops, all of one kind."""
        return multi_crop(batch, draws, self.config.view, self.config.small)

    def loss(self, views: MultiCrop, progress: Progress) -> Scalar:
        """Eq. 6: every crop predicts the codes of the large ones."""
        z = F.normalize(self.head(features(self.encoder, views.every)), dim=1)
        z = z.unflatten(0, (len(views.every), -1))
        if self.training:
            self.latest = z[:2].detach()
        weight = self.prototypes.heads[0].weight
        fixed = weight.detach()
        scores = F.linear(z, fixed if progress.fraction < self.config.frozen else weight)
        return self.criterion(scores[:2], scores[2:], self.queued(progress) @ fixed.T)

    def vectors(self, images: Tensor) -> Float[Tensor, "images dim"]:
        """Projections."""
        out: Tensor = self.head(pooled(self.encoder(images)))
        return out

    def queued(self, progress: Progress) -> Float[Tensor, "2 queue dim"]:
        """Earlier batches' embeddings of both large crops; none before the queue is full."""
        full = progress.fraction >= self.config.queue_start and bool(self.queue[:, -1:].any())
        return self.queue if full else self.queue[:, :0]

    def after_step(self, progress: Progress) -> None:
        """Put the prototypes back on the sphere and, once it has begun, fill the queue."""
        self.prototypes.normalize()
        if progress.fraction >= self.config.queue_start and self.latest is not None:
            newest_first = torch.cat([self.latest, self.queue], dim=1)
            self.queue.copy_(newest_first[:, : self.queue.shape[1]])
        self.latest = None
