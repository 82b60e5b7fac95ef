"""In-painting: restore what was cut out of an image.

Pathak et al., "Context Encoders: Feature Learning by Inpainting", CVPR 2016,
https://arxiv.org/abs/1604.07379: reconstruction loss on the missing part (Eq. 1). The adversarial
term (Eq. 3) is left out, as the paper itself does where it learns features (section 5.2). The
holes are drawn by MONAI's RandCoarseDropout.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Float
from monai.transforms import RandCoarseDropout
from torch import Tensor

from methods.augmentation import FLIPPED, Augmentation
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.networks import Encoder, PixelDecoder
from methods.schedules import cosine
from methods.tunable import tunable
from methods.views import one_view


@dataclass(frozen=True, slots=True)
class Holed:
    """Normalised images, and where they were cut out (1 = missing)."""

    whole: Float[Tensor, "batch channels side side"]
    missing: Float[Tensor, "batch 1 side side"]


class Inpainting(Method[Holed]):
    """Restore random blocks from their surroundings."""

    name = "inpainting"
    paper = "https://arxiv.org/abs/1604.07379"
    phases = (Phase("pretraining", decay=cosine),)
    smallest_batch = 1

    @dataclass(frozen=True, slots=True)
    class Config:
        """Section 4.2's random blocks: several squares that cover up to a quarter of the image.

        The paper names no number of blocks: 8 squares of a sixth of the side cover at most 22 %.
        Holes are filled with the pool's mean, zero after normalisation (section 5).
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(0.0, 0.0, 1e-3)
        batch_size: int = 16
        holes: int = tunable(8, 1, 16)
        hole_side: float = tunable(1 / 6, 0.05, 0.5)  # share of the side
        view: Augmentation = replace(FLIPPED, area=(0.5, 1.0))  # a mild crop

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.decoder = PixelDecoder(encoder.channels, {"image": encoder.channels_in})

    def views(self, batch: Batch, draws: Draws) -> Holed:
        """A mild crop, and holes of its own in each image."""
        c = self.config
        whole = one_view(batch, draws, c.view, "whole").images
        side = whole.shape[-1]
        dropout = RandCoarseDropout(
            holes=c.holes,
            spatial_size=max(1, round(c.hole_side * side)),
            fill_value=1.0,
            prob=1.0,
        )
        seeds = draws.bits("holes", 1)[:, 0] >> 32
        # The transform writes into its input, so each image gets a blank of its own.
        missing = [
            np.asarray(dropout.set_random_state(int(seed))(torch.zeros(1, side, side)))
            for seed in seeds
        ]
        return Holed(whole, torch.from_numpy(np.stack(missing)).to(whole))

    def loss(self, views: Holed, progress: Progress) -> Scalar:
        """Eq. 1: squared error on the missing part."""
        del progress
        seen = views.whole * (1.0 - views.missing)
        restored = self.decoder(self.encoder(seen), ("image",))["image"]
        return missing_error(restored, views.whole, views.missing)


def missing_error(
    restored: Float[Tensor, "batch channels side side"],
    whole: Float[Tensor, "batch channels side side"],
    missing: Float[Tensor, "batch 1 side side"],
) -> Scalar:
    """Mean squared error over missing pixels and channels, Eq. 1 divided by their number."""
    squared = missing * (restored - whole) ** 2
    return squared.sum() / (missing.sum() * whole.shape[1]).clamp_min(1.0)
