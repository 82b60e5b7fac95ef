"""Batch-norm statistics of the encoder that is transferred."""

import torch
from torch import nn

from methods.images import Images
from methods.networks import Encoder

#: Images that the statistics are averaged over, and images a forward pass. Enough for two
#: decimals of a channel's mean at 128 px; the same for every method.
CALIBRATION_IMAGES = 512
CALIBRATION_BATCH = 16


@torch.no_grad()
def recalibrate(encoder: Encoder, images: Images, device: torch.device) -> int:
    """Set the encoder's batch-norm statistics to those of the pool's plain images.

    A cumulative average over the first training images, unaugmented, as in "precise BN" (Wu and
    Johnson, 2021, https://arxiv.org/abs/2105.07576, section 3).

    Returns:
        How many images were passed.
    """
    norms = [part for part in encoder.modules() if isinstance(part, nn.BatchNorm2d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # PyTorch's spelling of a cumulative average
    encoder.train()
    chosen = torch.arange(min(len(images), CALIBRATION_IMAGES))
    for index in chosen.split(CALIBRATION_BATCH):
        batch = images.batch(index, device)
        encoder(batch.normalised(batch.images))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    encoder.eval()
    return len(chosen)
