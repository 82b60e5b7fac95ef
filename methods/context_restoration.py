"""Context restoration: put patches of an image back that were swapped.

Chen et al., "Self-supervised learning for medical image analysis using image context restoration",
Medical Image Analysis 2019, https://doi.org/10.1016/j.media.2019.101539: T times, two patches that
do not overlap change places; a network with skips restores the image, squared error. Written here:
MONAI's RandCoarseShuffle shuffles the pixels inside a region, which is another thing.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from methods.augmentation import FLIPPED, Augmentation
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.networks import Encoder, PixelDecoder
from methods.schedules import cosine
from methods.tunable import tunable
from methods.views import one_view

#: Tries before a swap whose patches overlap is given up; with the default size one in 1e11 is.
TRIES = 10


@dataclass(frozen=True, slots=True)
class Disordered:
    """Normalised images, and the same with patches swapped."""

    whole: Float[Tensor, "batch channels side side"]
    swapped: Float[Tensor, "batch channels side side"]


class ContextRestoration(Method[Disordered]):
    """Restore the order of an image's patches."""

    name = "context_restoration"
    paper = "https://doi.org/10.1016/j.media.2019.101539"
    phases = (Phase("pretraining", decay=cosine),)

    @dataclass(frozen=True, slots=True)
    class Config:
        """The paper's task; T and the size of patches are ours, not checked against its text.

        10 swaps are the fewest that PyMIC, a public implementation, makes (10 to 20, of patches of
        16 px); squares of an eighth of the side then move up to 31 % of the image. Its patches are
        copied from the original, so that some content is lost and some doubled; here, as in the
        paper, they change places. Adam at 1e-3; the crop is that of ``methods.inpainting``.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(0.0, 0.0, 1e-3)
        batch_size: int = 16
        swaps: int = tunable(10, 1, 40)
        patch_side: float = tunable(1 / 8, 0.05, 0.25)  # share of the side
        view: Augmentation = replace(FLIPPED, area=(0.5, 1.0))

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.decoder = PixelDecoder(encoder.channels, {"image": encoder.channels_in})

    def views(self, batch: Batch, draws: Draws) -> Disordered:
        """A mild crop, and swaps of its own in each image."""
        c = self.config
        whole = one_view(batch, draws, c.view, "whole").images
        side = whole.shape[-1]
        size = max(1, round(c.patch_side * side))
        corners = draws.integers("patches", side - size + 1, (c.swaps, TRIES, 2, 2))
        return Disordered(whole, swapped(whole, apart(corners, size), size))

    def loss(self, views: Disordered, progress: Progress) -> Scalar:
        """Squared error on the whole image, averaged over pixels and channels."""
        del progress
        restored = self.decoder(self.encoder(views.swapped), ("image",))["image"]
        return F.mse_loss(restored, views.whole)


def apart(
    corners: Int[Tensor, "batch swaps tries 2 2"], size: int
) -> Int[Tensor, "batch swaps 2 2"]:
    """The first try of each swap whose two patches do not overlap.

    A swap without such a try gets one patch twice, and changes nothing.
    """
    disjoint = ((corners[:, :, :, 0] - corners[:, :, :, 1]).abs() >= size).any(dim=-1)
    first = disjoint.long().argmax(dim=2)[..., None, None, None].expand(-1, -1, 1, 2, 2)
    pairs = corners.gather(2, first)[:, :, 0]
    found = disjoint.any(dim=2)[..., None, None]
    return torch.where(found, pairs, pairs[:, :, :1])


def swapped(
    images: Float[Tensor, "batch channels height width"],
    corners: Int[Tensor, "batch swaps 2 2"],
    size: int,
) -> Float[Tensor, "batch channels height width"]:
    """Let pairs of square patches change places, one pair after the other.

    Args:
        images: What to disorder; left as it is.
        corners: Row and column of the top left pixel of the two patches of each pair, which must
            not overlap unless they are one.
        size: Side of the patches in pixels.
    """
    count, channels, height, width = images.shape
    out = images.reshape(count, channels, height * width)
    within = torch.arange(size, device=images.device)
    inside = (within[:, None] * width + within).flatten()
    pixels = (corners[..., 0] * width + corners[..., 1])[..., None] + inside
    for pair in pixels.unbind(dim=1):
        here, there = (pair[:, side, None].expand(-1, channels, -1) for side in (0, 1))
        ours, theirs = out.gather(2, here), out.gather(2, there)
        out = out.scatter(2, here, theirs).scatter(2, there, ours)
    return out.reshape(images.shape)
