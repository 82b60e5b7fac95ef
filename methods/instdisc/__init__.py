"""Instance discrimination: recognise an image among all others, which a memory bank holds.

Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", CVPR 2018,
https://arxiv.org/abs/1805.01978: a softmax over images (Eq. 2) learnt by noise-contrastive
estimation (Eqs. 4 to 8) against a memory bank (section 3.2), with its proximal term (Eqs. 9, 10).
"""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.augmentation import INSTDISC, Augmentation
from methods.base import Batch, Draws, Images, Method, Phase, Progress, Scalar
from methods.instdisc.bank import MemoryBank, estimated_z, nce
from methods.networks import Encoder, pooled
from methods.schedules import cosine
from methods.tunable import tunable
from methods.views import one_view


@dataclass(frozen=True, slots=True)
class Recalled:
    """One view of each image, and the rows of the memory bank that it meets.

    Attributes:
        images: Normalised views.
        index: Each image's own row; held-out images have none, and indices past the bank's end.
        noise: The negatives' rows, drawn uniformly from the whole bank.
        plain: The held-out images without augmentation, in order; no images in training.
    """

    images: Float[Tensor, "batch channels side side"]
    index: Int[Tensor, " batch"]
    noise: Int[Tensor, "batch negatives"]
    plain: Float[Tensor, "held_out channels side side"]


class InstanceDiscrimination(Method[Recalled]):
    """Tell each image from noise drawn from a bank that remembers every image's vector.

    The validation loss asks the same of held-out images. They have no row in the bank, so the
    vector of the image without augmentation takes its place; the bank and Z stay as they are.
    """

    name = "instdisc"
    paper = "https://arxiv.org/abs/1805.01978"
    phases = (Phase("pretraining", decay=cosine),)

    @dataclass(frozen=True, slots=True)
    class Config:
        """Section 3 and the published code (zhirongw/lemniscate.pytorch), with these departures.

        Adam at 1e-3 in place of SGD, a cosine in place of steps and batch 32 in place of 256, as
        for all methods; top-bottom mirror images besides. Z comes from every batch: kept from the
        first, when the bank is random, it asks for vectors spread all over the sphere, and in a few
        hundred steps on a few hundred images the loss then rose a hundredfold. The 4096 negatives
        are not fewer on small pools: drawn with replacement, they come the closer to the softmax.

        As in the published code, the bank's momentum does what the proximal term was for (the
        authors in its issue 11); momentum 0 and a weight above 0 are the paper's text.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(1e-4, 0.0, 1e-3)  # published code
        batch_size: int = 32
        temperature: float = tunable(0.07, 0.03, 0.5, log=True)  # tau, published code
        negatives: int = 4096  # m, published code
        z_from: Literal["every batch", "first batch"] = "every batch"  # published: first batch
        momentum: float = tunable(0.5, 0.0, 0.99)  # of the bank's rows, published code
        weight_proximal: float = tunable(0.0, 0.0, 50.0)  # lambda of Eq. 10
        dim_out: int = 128  # published code
        view: Augmentation = INSTDISC

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.head = nn.Linear(encoder.channels[-1], config.dim_out)
        self.bank = MemoryBank(0, config.dim_out)
        self.pending: tuple[Tensor, Tensor, Tensor] | None = None

    @classmethod
    def smallest_pool(cls, config: Config) -> int:
        """An image and another to tell it from."""
        del config
        return 2

    def prepare(self, images: Images) -> None:
        """A random unit vector for each training image."""
        device = self.bank.z.device
        self.bank = MemoryBank(len(images), self.config.dim_out).to(device)

    def views(self, batch: Batch, draws: Draws) -> Recalled:
        """One augmentation of each image, and its negatives."""
        pool = len(self.bank)
        view = one_view(batch, draws, self.config.view, "view").images
        noise = draws.integers("noise", pool, (self.config.negatives,))
        held_out = batch.index >= pool
        plain = view[:0]
        if bool(held_out.any()):
            plain = one_view(batch, draws, Augmentation(), "plain").images[held_out]
        return Recalled(view, batch.index, noise, plain)

    def loss(self, views: Recalled, progress: Progress) -> Scalar:
        """Eq. 10, averaged over the batch."""
        del progress
        c, bank = self.config, self.bank
        v, before = self.vectors(views.images), self.remembered(views)
        positive = (v * before).sum(dim=1) / c.temperature
        noise = (v @ bank.rows.T / c.temperature).gather(1, views.noise)
        estimate = estimated_z(noise, len(bank))
        z = bank.known_z(estimate) if c.z_from == "first batch" else estimate
        if self.training:
            self.pending = (views.index, v.detach(), estimate)
        proximal = (v - before).square().sum(dim=1).mean()
        return nce(positive, noise, z, len(bank)) + c.weight_proximal * proximal

    def vectors(self, images: Tensor) -> Float[Tensor, "batch dim"]:
        """v: each image's unit vector."""
        return F.normalize(self.head(pooled(self.encoder(images))), dim=1)

    @torch.no_grad()
    def remembered(self, views: Recalled) -> Float[Tensor, "batch dim"]:
        """Each image's row of the bank; for held-out images the vector of their plain view."""
        held_out = views.index >= len(self.bank)
        rows = self.bank.rows[views.index.masked_fill(held_out, 0)]
        if len(views.plain):
            rows[held_out] = self.vectors(views.plain)
        return rows

    def after_step(self, progress: Progress) -> None:
        """Remember the batch's vectors, and the first batch's Z."""
        del progress
        if self.pending is not None:
            index, vectors, estimate = self.pending
            self.bank.settle(estimate)
            self.bank.move(index, vectors, self.config.momentum)
            self.pending = None
