"""DeepCluster-v2: predict which cluster of the whole pool an image's crops fall into.

Caron et al., "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments",
NeurIPS 2020, https://arxiv.org/abs/2006.09882, appendix D, and main_deepclusterv2.py of its code:
cross entropy with centroids as classifier (Eq. 8 and 9), spherical k-means once an epoch on the
features of the epoch before (Eq. 11). The projector is lightly's, loss and k-means solo-learn's.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from lightly.models.modules.heads import SwaVProjectionHead
from torch import Tensor, nn
from torch.nn import functional as F

from methods.augmentation import SWAV, Augmentation
from methods.backends import solo
from methods.base import Batch, Draws, Images, Method, Phase, Progress, Scalar
from methods.deepcluster_v2.memory import Memory
from methods.multi_crop import PUBLISHED, MultiCrop, SmallCrops, features, multi_crop
from methods.networks import Encoder, pooled
from methods.schedules import cosine
from methods.tunable import tunable
from methods.views import View, two_views


class DeepClusterV2(Method[MultiCrop]):
    """Cluster the pool between epochs and learn which cluster an image belongs to."""

    name = "deepcluster_v2"
    paper = "https://arxiv.org/abs/2006.09882"
    phases = (Phase("pretraining", decay=cosine),)  # appendix A.1, without warm-up

    @dataclass(frozen=True, slots=True)
    class Config:
        """Appendix D with SwAV's hyperparameters (appendix A), with these departures.

        Adam at 1e-3 in place of LARS and batch 32 in place of 4096, as for all methods; 3 sets of
        64 in place of 3000 prototypes, for pools of hundreds to thousands in place of 1.3 million
        images. Softer colours, for SwAV's reason (``methods.swav``), and top-bottom mirror images
        besides.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(1e-6, 0.0, 1e-3)
        batch_size: int = 32
        sets: int = 3
        prototypes: int = tunable(64, 8, 512, log=True)  # of each set
        temperature: float = tunable(0.1, 0.05, 0.5, log=True)
        iterations: int = 10  # of k-means; official code
        dim_hidden: int = 2048
        dim_out: int = 128
        view: Augmentation = replace(SWAV, jitter=(0.2, 0.2, 0.2, 0.05), grey=0.0)
        small: SmallCrops = PUBLISHED

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.head: nn.Module = SwaVProjectionHead(
            encoder.channels[-1], config.dim_hidden, config.dim_out
        )
        self.memory = Memory(config.sets, config.prototypes, config.dim_out)
        self.cross_entropy = solo("losses.deepclusterv2:deepclusterv2_loss_func")
        self.latest: tuple[Tensor, Tensor] | None = None

    @classmethod
    def smallest_pool(cls, config: Config) -> int:
        """Every centroid starts as the embedding of an image of its own."""
        return config.prototypes

    def prepare(self, images: Images) -> None:
        """Size the memory."""
        self.memory.resize(len(images))

    @torch.no_grad()
    def before_phase(self, phase: str, images: Images) -> int:
        """Fill the memory by a pass over the pool (official ``init_memory``)."""
        del phase
        self.train()
        seed = int(torch.randint(2**31, ()))
        count, recipe = len(images), self.config.view
        device = self.memory.embeddings.device
        for index in torch.arange(count).tensor_split(math.ceil(count / self.config.batch_size)):
            draws = Draws(seed, 0, index, device=device)
            batch = images.batch(index, device)
            large = two_views(batch, draws, recipe, recipe)
            self.memory.write(batch.index, self.embedded((large.a, large.b)))
        return count

    def before_epoch(self, images: Images) -> int:
        """Cluster the features of the epoch before (official ``cluster_memory``)."""
        del images
        self.memory.cluster(self.config.iterations)
        return 0

    def views(self, batch: Batch, draws: Draws) -> MultiCrop:
        """Two large and several small crops, all of one kind."""
        return multi_crop(batch, draws, self.config.view, self.config.small)

    def loss(self, views: MultiCrop, progress: Progress) -> Scalar:
        """Eq. 8, averaged over sets of prototypes, crops and images."""
        del progress
        z = self.embedded(views.every)
        scores = self.memory.scores(z)
        clusters = self.memory.clusters_of(views.index, scores)
        if self.training:
            self.latest = views.index, z[:2].detach()
        loss: Scalar = self.cross_entropy(scores, clusters, self.config.temperature)
        return loss

    def vectors(self, images: Tensor) -> Float[Tensor, "images dim"]:
        """Projections."""
        out: Tensor = self.head(pooled(self.encoder(images)))
        return out

    def embedded(self, crops: Sequence[View]) -> Float[Tensor, "crops batch dim"]:
        """Unit vectors of every crop."""
        z = F.normalize(self.head(features(self.encoder, crops)), dim=1)
        out: Tensor = z.unflatten(0, (len(crops), -1))
        return out

    def after_step(self, progress: Progress) -> None:
        """Remember the step's embeddings of both large crops."""
        del progress
        if self.latest is not None:
            self.memory.write(*self.latest)
        self.latest = None
