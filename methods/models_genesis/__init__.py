"""Models Genesis: restore an image from distortions of its grey levels, texture and extent.

Zhou et al., "Models Genesis: Generic Autodidactic Models for 3D Medical Image Analysis", MICCAI
2019, https://arxiv.org/abs/1908.06912, and Medical Image Analysis 2021: local shuffling, non-linear
intensities, and in- or out-painting, each drawn for each image; squared error on the whole image.
Order and numbers are those of the published code (github.com/MrGiovanni/ModelsGenesis, pytorch/).
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from methods.augmentation import Augmentation
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.models_genesis.distortions import bezier, covered, rectangles, shuffled
from methods.networks import Encoder, PixelDecoder
from methods.schedules import cosine
from methods.tunable import tunable
from methods.views import one_view


@dataclass(frozen=True, slots=True)
class Distorted:
    """Normalised images, and the same distorted."""

    whole: Float[Tensor, "batch channels side side"]
    distorted: Float[Tensor, "batch channels side side"]


class ModelsGenesis(Method[Distorted]):
    """Restore distorted images."""

    name = "models_genesis"
    paper = "https://arxiv.org/abs/1908.06912"
    phases = (Phase("pretraining", decay=cosine),)

    @dataclass(frozen=True, slots=True)
    class Config:
        """The published code's numbers for volumes of 64 x 64 x 32, with these departures.

        Two dimensions; sides and margins as shares of the side. Adam at 1e-3 in place of SGD; the
        error of normalised values and no sigmoid, which divides the published error by the pool's
        variance. All channels share an image's curve and its shuffled places, and each has noise of
        its own. Blocks are shuffled here and not by MONAI's RandCoarseShuffle, which shuffles each
        channel apart and blocks that it shuffled before, so that pixels stray beyond a block; the
        published blocks all read the original. The code's volumes are random crops too.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(0.0, 0.0, 1e-3)
        batch_size: int = 16
        shuffle: float = tunable(0.5, 0.0, 1.0)  # local_rate
        bend: float = tunable(0.9, 0.0, 1.0)  # nonlinear_rate
        paint: float = tunable(0.9, 0.0, 1.0)  # paint_rate
        outpaint: float = tunable(0.8, 0.0, 1.0)  # outpaint_rate, else in-painting
        blocks: int = 650  # cover a place 1.9 times, as 10,000 blocks do in the volume
        block_side: float = 1 / 10  # largest, at least 2 px
        curve_points: int = 4096  # in place of 100,000: 16 a grey level
        rectangles: int = 5  # at most
        another: float = 0.95  # probability of a rectangle after those before
        filled_side: tuple[float, float] = (1 / 6, 1 / 3)  # in-painting
        lost_side: tuple[float, float] = (3 / 7, 4 / 7)  # out-painting; the rest of the side stays
        margin: float = 3 / 64  # 3 px, between rectangles and the border
        # flip_rate 0.4: so many images draw axes, and each of two is then mirrored half the time.
        view: Augmentation = Augmentation(area=(0.5, 1.0), flip=0.2, flip_vertical=0.2)

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.decoder = PixelDecoder(encoder.channels, {"image": encoder.channels_in})

    def views(self, batch: Batch, draws: Draws) -> Distorted:
        """A crop of each image, distorted while its values are still in [0, 1]."""
        channels = batch.images.shape[1]
        plain = replace(batch, mean=(0.0,) * channels, std=(1.0,) * channels)
        whole = one_view(plain, draws, self.config.view, "whole").images
        distorted = whole
        for distortion in (self.shuffled, self.bent, self.painted):
            distorted = distortion(distorted, draws)
        return Distorted(batch.normalised(whole), batch.normalised(distorted))

    def shuffled(self, images: Tensor, draws: Draws) -> Tensor:
        """Shuffle the pixels inside small blocks."""
        c = self.config
        rows = draws.chance("shuffle", c.shuffle)
        return shuffled(images, draws, rows, c.blocks, max(2, int(c.block_side * images.shape[-1])))

    def bent(self, images: Tensor, draws: Draws) -> Tensor:
        """Send grey levels along a monotone curve, rising or falling with equal probability."""
        c = self.config
        controls = draws.uniform("curve", shape=(2, 2))
        curved = bezier(images, controls, draws.chance("falling", 0.5), c.curve_points)
        return torch.where(draws.chance("bend", c.bend)[:, None, None, None], curved, images)

    def painted(self, images: Tensor, draws: Draws) -> Tensor:
        """Noise inside rectangles, or everywhere else."""
        c, side = self.config, images.shape[-1]
        rim = round(c.margin * side)
        low, high = (int(share * side) for share in c.filled_side)
        inner = rectangles(draws.named("in"), side, (low, high), c.rectangles, rim)
        high, low = (side - int(share * side) for share in c.lost_side)
        outer = rectangles(draws.named("out"), side, (low, high), c.rectangles, rim)
        another = draws.uniform("another", shape=(c.rectangles,)) < c.another
        used = another.long().cumprod(dim=1).bool()
        # Out-painting's first rectangle is certain.
        kept = used.roll(1, dims=1).index_fill(1, torch.zeros(1, device=used.device).long(), True)
        outwards = draws.chance("outwards", c.outpaint)[:, None, None, None]
        noisy = torch.where(outwards, ~covered(*outer, kept, side), covered(*inner, used, side))
        noisy &= draws.chance("paint", c.paint)[:, None, None, None]
        return torch.where(noisy, draws.uniform("noise", shape=images.shape[1:]), images)

    def loss(self, views: Distorted, progress: Progress) -> Scalar:
        """Squared error on the whole image, averaged over pixels and channels."""
        del progress
        restored = self.decoder(self.encoder(views.distorted), ("image",))["image"]
        return F.mse_loss(restored, views.whole)
