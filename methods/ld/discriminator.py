"""What tells a cluster's map from masks of another modality, and what both networks are taught.

Application 1 of Chen et al., "Unsupervised Local Discrimination for Medical Images", TPAMI 2023,
https://arxiv.org/abs/2108.09440; adversarial losses of Goodfellow et al., NeurIPS 2014,
https://arxiv.org/abs/1406.2661, the generator's in its non-saturating form.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from methods.base import Scalar
from methods.networks import ConvNet

#: Channels of the blocks that end in max-pooling, and of the layers that follow.
WIDTHS, DEEPEST = (16, 32, 32, 32, 32), 32
#: Fewest pixels a side that leave the valid convolutions something to look at: 5 after five
#: max-poolings, 1 after two of them.
LEAST_SIDE = 160

Maps = Float[Tensor, "maps 1 side side"]


class Discriminator(ConvNet):
    """Maps of shares to how much each looks like a mask, in logits.

    Five times a 3x3 convolution, LeakyReLU and max-pooling, two valid 3x3 convolutions, global
    average pooling, two 1x1 convolutions: 52,129 parameters, in PyTorch's own initialisation. The
    sigmoid is left to the losses. No batch normalisation: an answer depends on its map alone.

    Args:
        slope: Of the LeakyReLU below zero.
    """

    def __init__(self, slope: float) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for incoming, outgoing in zip((1, *WIDTHS), WIDTHS, strict=False):
            layers += [nn.Conv2d(incoming, outgoing, 3, padding=1), nn.LeakyReLU(slope)]
            layers += [nn.MaxPool2d(2)]
        for incoming in (WIDTHS[-1], DEEPEST):
            layers += [nn.Conv2d(incoming, DEEPEST, 3), nn.LeakyReLU(slope)]
        layers += [nn.AdaptiveAvgPool2d(1), nn.Conv2d(DEEPEST, DEEPEST, 1), nn.LeakyReLU(slope)]
        self.layers = nn.Sequential(*layers, nn.Conv2d(DEEPEST, 1, 1))

    def forward(self, maps: Maps) -> Float[Tensor, " maps"]:
        """Logits of being a mask, float32; smaller maps are enlarged first (``large_enough``)."""
        with self.autocast(maps.device):
            logits: Tensor = self.layers(large_enough(maps))
        return logits.float().flatten()


def large_enough(maps: Maps) -> Float[Tensor, "maps 1 larger larger"]:
    """Maps of ``LEAST_SIDE`` a side or more: smaller ones interpolated bilinearly.

    Our choice: the paper's views have 448 px, and nothing is said of smaller ones.
    """
    side = maps.shape[-1]
    if side >= LEAST_SIDE:
        return maps
    return F.interpolate(maps, size=(LEAST_SIDE,) * 2, mode="bilinear", align_corners=False)


class Adversarial(NamedTuple):
    """Both networks' losses of one step.

    Attributes:
        generator: Its gradient reaches what drew the maps, and no parameter of the discriminator.
        discriminator: Its gradient reaches the discriminator alone.
    """

    generator: Scalar
    discriminator: Scalar


def adversarial(
    discriminator: Discriminator, fake: Maps, real: Float[Tensor, "masks 1 side side"]
) -> Adversarial:
    """Both losses for one forward pass of the generator, in nats, each a mean over maps.

    The discriminator answers for the same maps as in the generator's loss, and its parameters do
    not change in between; one backward pass of the sum therefore gives both networks the gradients
    that updating them one after the other would.

    Args:
        discriminator: Judges.
        fake: Shares of the generator's cluster in [0, 1].
        real: Masks of the prior, 0 or 1.
    """
    fixed = {name: value.detach() for name, value in discriminator.named_parameters()}
    fooled = functional_call(discriminator, fixed, (fake,))
    of_fake = discriminator(fake.detach())
    of_real = discriminator(real)
    return Adversarial(called_real(fooled), called_real(of_real) + called_fake(of_fake))


def called_real(logits: Float[Tensor, " maps"]) -> Scalar:
    """Cross entropy of the answer "a mask"."""
    return F.binary_cross_entropy_with_logits(logits, torch.ones_like(logits))


def called_fake(logits: Float[Tensor, " maps"]) -> Scalar:
    """Cross entropy of the answer "no mask"."""
    return F.binary_cross_entropy_with_logits(logits, torch.zeros_like(logits))
