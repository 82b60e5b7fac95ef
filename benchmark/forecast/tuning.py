"""What an image takes downstream: a step of each stage, and a look."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor, nn

from benchmark.forecast.probe import Setting, Spent, per_image
from benchmark.forecast.steps import measured, operations
from methods.networks import Encoder, SegmentationDecoder, set_precision
from tasks.finetuning import STAGES
from tasks.metrics import soft_dice_loss

#: Images of a step that is timed.
BATCH = 4


@dataclass(frozen=True, slots=True)
class Tuning:
    """What an image takes downstream.

    Attributes:
        stages: When it trains, by the stage's name.
        look: When encoder and decoder look at it.
        encode: When the encoder alone does.
    """

    stages: dict[str, Spent]
    look: Spent
    encode: Spent


def tuning(channels: int, setting: Setting) -> Tuning:
    """What an image takes, with a drawn encoder and decoder."""
    frozen = at_size(setting, channels, partial(Networks.loss, trainable=False))
    everything = at_size(setting, channels, partial(Networks.loss, trainable=True))
    return Tuning(
        {name: everything if trainable else frozen for name, (trainable, _) in STAGES.items()},
        look=at_size(setting, channels, Networks.look),
        encode=at_size(setting, channels, Networks.encode),
    )


class Networks(nn.Module):
    """An encoder with a decoder, as one module."""

    def __init__(self, setting: Setting, channels: int) -> None:
        super().__init__()
        self.encoder = Encoder(setting.width, channels)
        self.decoder = SegmentationDecoder(self.encoder.channels)
        self.to(setting.device)
        set_precision(self, setting.precision)

    def loss(self, images: Tensor, *, trainable: bool) -> Tensor:
        """Of a made-up truth."""
        with torch.set_grad_enabled(trainable):
            maps = self.encoder(images)
        return soft_dice_loss(self.decoder(maps), torch.ones_like(images[:, :1]))

    @torch.no_grad()
    def look(self, images: Tensor) -> Tensor:
        """Foreground probabilities."""
        out: Tensor = self.decoder(self.encoder(images))
        return out

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """The coarsest feature map."""
        maps: list[Tensor] = self.encoder(images)
        return maps[-1]


def at_size(setting: Setting, channels: int, step: Callable[[Networks, Tensor], Tensor]) -> Spent:
    """Time a step on small images and count its operations at the plan's size."""
    with torch.random.fork_rng(devices=[]):
        networks = Networks(setting, channels)

    def run(side: int) -> Tensor:
        return step(networks, torch.ones(BATCH, channels, side, side, device=setting.device))

    took = measured(lambda: partial(run, setting.side), setting.device)
    small = per_image(*took, BATCH)
    full = per_image(*operations(networks, lambda: run(setting.size)), 0.0, BATCH)
    return replace(full, seconds=small.seconds * full.both / small.both)
