"""The encoder that every method trains and the decoders built on its feature maps.

VGG16 with batch normalisation (Simonyan and Zisserman, ICLR 2015,
https://arxiv.org/abs/1409.1556) in three widths, and the U-shaped decoders of local discrimination (https://arxiv.org/abs/2108.09440).
Convolutions may run in bfloat16; everything that leaves a decoder or ``pooled`` is float32, so
that losses are always computed in float32.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from methods.precision import Precision

Width = Literal["tiny", "small", "full"]

#: Channels of the five blocks; "full" is the published VGG16, the others divide it by 4 and 2.
WIDTHS: dict[Width, tuple[int, ...]] = {
    "tiny": (16, 32, 64, 128, 128),
    "small": (32, 64, 128, 256, 256),
    "full": (64, 128, 256, 512, 512),
}
#: Convolutions per block of VGG16.
DEPTHS = (2, 2, 3, 3, 3)


class ConvNet(nn.Module):
    """A network whose convolutions run at a chosen precision."""

    precision: Precision = "float32"

    def autocast(self, device: torch.device) -> torch.autocast:
        """The context in which this network's convolutions run."""
        return torch.autocast(
            device.type, dtype=torch.bfloat16, enabled=self.precision == "bfloat16"
        )


def set_precision(module: nn.Module, precision: Precision) -> None:
    """Let every network inside ``module`` run its convolutions at ``precision``.

    Raises:
        ValueError: If the precision is neither float32 nor bfloat16.
    """
    if precision not in ("float32", "bfloat16"):
        raise ValueError(f"precision must be float32 or bfloat16, not {precision!r}")
    for part in module.modules():
        if isinstance(part, ConvNet):
            part.precision = precision
    module.to(memory_format=torch.channels_last)


def conv_block(dim_in: int, dim_out: int) -> nn.Sequential:
    """3x3 convolution, batch normalisation, ReLU."""
    return nn.Sequential(
        nn.Conv2d(dim_in, dim_out, 3, padding=1),
        nn.BatchNorm2d(dim_out),
        nn.ReLU(inplace=True),
    )


def kaiming_fan_out(module: nn.Module) -> None:
    """Kaiming-normal weights by fan-out and zero biases for every convolution (He et al., 2015)."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
            if part.bias is not None:
                nn.init.zeros_(part.bias)


class Encoder(ConvNet):
    """VGG16 with batch normalisation: five feature maps, taken before each max-pooling.

    Args:
        width: "tiny" (922,896 parameters with three input channels), "small" or "full".
        channels_in: 1 for chest X-rays, 3 for fundus photographs.
    """

    channels: tuple[int, ...]
    strides: tuple[int, ...] = (1, 2, 4, 8, 16)

    def __init__(self, width: Width, channels_in: int) -> None:
        super().__init__()
        if width not in WIDTHS:
            raise ValueError(f"width must be one of {', '.join(WIDTHS)}, not {width!r}")
        if channels_in not in (1, 3):
            raise ValueError(f"images have 1 or 3 channels, not {channels_in}")
        self.width: Width = width
        self.channels_in = channels_in
        self.channels = WIDTHS[width]
        dims = (channels_in, *self.channels)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                conv_block(dims[level], dims[level + 1]),
                *(conv_block(dims[level + 1], dims[level + 1]) for _ in range(depth - 1)),
            )
            for level, depth in enumerate(DEPTHS)
        )
        kaiming_fan_out(self)

    def forward(self, images: Float[Tensor, "batch channels height width"]) -> list[Tensor]:
        """Feature maps at strides 1, 2, 4, 8 and 16, fine to coarse.

        Args:
            images: Normalised images, at least 16 px a side.

        Returns:
            Five tensors of shape (batch, ``channels[level]``, height / stride, width / stride), in
            the precision of the convolutions.

        Raises:
            ValueError: If the images have another number of channels or are too small.
        """
        if images.shape[1] != self.channels_in:
            raise ValueError(
                f"the encoder takes {self.channels_in} channels, not {images.shape[1]}"
            )
        if min(images.shape[-2:]) < self.strides[-1]:
            raise ValueError(
                f"images must be at least 16 px a side, not {tuple(images.shape[-2:])}"
            )
        maps: list[Tensor] = []
        with self.autocast(images.device):
            out = images.contiguous(memory_format=torch.channels_last)
            for block in self.blocks:
                out = block(F.max_pool2d(out, 2) if maps else out)
                maps.append(out)
        return maps


def pooled(maps: Sequence[Tensor]) -> Float[Tensor, "batch dim"]:
    """Global average of the coarsest feature map, in float32."""
    return maps[-1].float().mean(dim=(-2, -1))


class Trunk(nn.Module):
    """From the encoder's five maps to full resolution, with skips (topology of the LD paper).

    Each level doubles the size by nearest neighbour, concatenates the skip and applies two
    convolutions. The result holds the last level's channels next to the finest feature map.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        finest, *_ = channels
        self.dim_out = 2 * finest
        self.levels = nn.ModuleList()
        for level in range(len(channels) - 2, 0, -1):
            skip, narrower = channels[level], channels[level - 1]
            incoming = channels[-1] if level == len(channels) - 2 else skip
            self.levels.append(
                nn.Sequential(conv_block(incoming + skip, skip), conv_block(skip, narrower))
            )

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        """Merge ``maps`` (fine to coarse) into one of shape (batch, ``dim_out``, height, width)."""
        *skips, out = maps
        for level, skip in zip(self.levels, skips[:0:-1], strict=True):
            out = level(joined(out, skip))
        return joined(out, skips[0])


def joined(coarse: Tensor, skip: Tensor) -> Tensor:
    """Nearest-neighbour up-sampling of ``coarse`` to the size of ``skip``, then both together."""
    return torch.cat([F.interpolate(coarse, size=skip.shape[-2:], mode="nearest"), skip], dim=1)


class PixelDecoder(ConvNet):
    """The shared pre-training decoder: the trunk and named full-resolution branches.

    Each branch is convolution, batch normalisation, ReLU and a convolution to its outputs; a
    branch's hidden width equals its number of outputs, at least the finest map's width, which gives
    the 510,384 parameters of LD's decoder (32 embedding and 16 cluster channels, "tiny"). PyTorch's
    own initialisation, as in the reference.
    """

    def __init__(self, channels: Sequence[int], branches: dict[str, int]) -> None:
        super().__init__()
        self.trunk = Trunk(channels)
        self.branches = nn.ModuleDict(
            {
                name: nn.Sequential(
                    conv_block(self.trunk.dim_out, max(dim_out, channels[0])),
                    nn.Conv2d(max(dim_out, channels[0]), dim_out, 3, padding=1),
                )
                for name, dim_out in branches.items()
            }
        )

    def forward(self, maps: Sequence[Tensor], wanted: Sequence[str]) -> dict[str, Tensor]:
        """The wanted branches' outputs, float32, each (batch, outputs, height, width).

        Branches that are not wanted do not run, so their statistics stay untouched.
        """
        with self.autocast(maps[0].device):
            out = self.trunk(maps)
            return {name: self.branches[name](out).float() for name in wanted}


class SegmentationDecoder(ConvNet):
    """The downstream decoder: the trunk, two convolutions and one channel of logits.

    492,001 parameters on the "tiny" encoder; Kaiming fan-out.
    """

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        self.trunk = Trunk(channels)
        self.head = nn.Sequential(
            conv_block(self.trunk.dim_out, channels[0]),
            conv_block(channels[0], channels[0]),
            nn.Conv2d(channels[0], 1, 3, padding=1),
        )
        kaiming_fan_out(self)

    def forward(self, maps: Sequence[Tensor]) -> Float[Tensor, "batch 1 height width"]:
        """Foreground probabilities in [0, 1], float32."""
        with self.autocast(maps[0].device):
            logits = self.head(self.trunk(maps))
        return torch.sigmoid(logits.float())
