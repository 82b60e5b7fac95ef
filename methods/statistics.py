"""Batch-norm statistics of the encoder that is transferred."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from methods.images import Images
from methods.networks import Encoder

#: Images that the statistics are taken over, and images a forward pass at most. Enough for two
#: decimals of a channel's mean at 128 px; the same for every method.
CALIBRATION_IMAGES = 512
CALIBRATION_BATCH = 16


class Moments:
    """Mean and variance of each channel of everything a batch norm was given."""

    def __init__(self) -> None:
        self.count = 0
        self.mean: Tensor = torch.zeros(())
        self.squares: Tensor = torch.zeros(())

    def add(self, maps: Float[Tensor, "batch channels height width"]) -> None:
        """Merge a batch into the moments (Chan, Golub and LeVeque, 1979, eq. 2.1)."""
        number = maps.numel() // maps.shape[1]
        variance, mean = torch.var_mean(maps.float(), dim=(0, 2, 3), correction=0)
        total = self.count + number
        gap = mean - self.mean
        self.squares = (
            self.squares + variance * number + gap.square() * (self.count * number / total)
        )
        self.mean = self.mean + gap * (number / total)
        self.count = total


@torch.no_grad()
def recalibrate(encoder: Encoder, images: Images, device: torch.device) -> int:
    """Set the encoder's batch-norm statistics to those of the pool's plain images.

    "Precise BN" (Wu and Johnson, 2021, https://arxiv.org/abs/2105.07576, section 3): each norm's
    mean and unbiased variance over all images together, with what comes in front of it normalised
    batch by batch. The training images are taken unaugmented, evenly spaced through the pool, and
    every batch reaches through the whole of it.

    Returns:
        How many images were passed.
    """
    norms = [part for part in encoder.modules() if isinstance(part, nn.BatchNorm2d)]
    tracked = [Moments() for _ in norms]
    hooks = [
        norm.register_forward_pre_hook(lambda _, maps, moments=moments: moments.add(maps[0]))
        for norm, moments in zip(norms, tracked, strict=True)
    ]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # training mode must not touch what is set below
    encoder.train()
    chosen = calibration_images(len(images))
    count = math.ceil(len(chosen) / CALIBRATION_BATCH)
    for first in range(count):
        batch = images.batch(chosen[first::count], device)
        encoder(batch.normalised(batch.images))
    for hook in hooks:
        hook.remove()
    for norm, moments, momentum in zip(norms, tracked, kept, strict=True):
        norm.reset_running_stats()
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(moments.mean)
        norm.running_var.copy_(moments.squares / (moments.count - 1))
        norm.momentum = momentum
    encoder.eval()
    return len(chosen)


def calibration_images(pool: int) -> Tensor:
    """At most 512 indices, evenly spaced through a pool of training images."""
    return torch.arange(min(pool, CALIBRATION_IMAGES)) * pool // min(pool, CALIBRATION_IMAGES)
