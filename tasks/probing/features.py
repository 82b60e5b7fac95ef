"""Dense features of a frozen encoder: a vector for every cell of a grid over the image."""

from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor
from torch.nn import functional as F

from methods.errors import DivergedError
from methods.networks import Encoder, set_precision
from tasks.labelled import Labelled, TrainingData
from tasks.segmenter import normalised, tensors

#: Most cells of a grid a side: at 512 px, cells of 4 px keep the finest vessels apart, while a
#: vector for every pixel would take sixteen times as long and 0.4 to 1.5 GB an image.
SIDE = 128
#: Images that pass the encoder together.
BATCH = 8


def grid_side(size: int) -> int:
    """Cells a side for images of ``size`` px."""
    return min(size, SIDE)


def hypercolumns(
    maps: Sequence[Tensor], side: int
) -> Float32[Tensor, "batch channels {side} {side}"]:
    """All levels of an encoder's pyramid on one grid, one after the other.

    Hariharan et al., "Hypercolumns for Object Segmentation and Fine-grained Localization", CVPR
    2015, https://arxiv.org/abs/1411.5752. Finer maps are averaged over each cell, coarser ones
    interpolated bilinearly.

    Args:
        maps: Fine to coarse, each (batch, channels of the level, height, width), square.
        side: Cells of the grid a side.
    """
    return torch.cat([on_grid(level.float(), side) for level in maps], dim=1)


def on_grid(
    level: Float32[Tensor, "batch channels height width"], side: int
) -> Float32[Tensor, "batch channels {side} {side}"]:
    """One map on the grid."""
    if level.shape[-1] >= side:
        return F.adaptive_avg_pool2d(level, side)
    return F.interpolate(level, size=(side, side), mode="bilinear", align_corners=False)


def level_weights(channels: Sequence[int]) -> Float64[np.ndarray, " channels"]:
    """What a hypercolumn's channels are multiplied with so that every level counts alike.

    Of standardised channels, whose squares add up to distances: two thirds of them are of the two
    coarsest levels, which tell neither a vessel nor a small lesion from what is beside it.

    Args:
        channels: Of the levels.
    """
    return np.concatenate([np.full(width, width**-0.5) for width in channels])


@dataclass(frozen=True, slots=True)
class Frozen:
    """An encoder that is not trained any more, and how a task's images enter it.

    Attributes:
        encoder: In evaluation mode.
        data: Of the task; for the images' normalisation and size.
    """

    encoder: Encoder
    data: TrainingData

    @classmethod
    def of(cls, encoder: Encoder, data: TrainingData) -> "Frozen":
        """A copy of an encoder, which itself is left as it was."""
        copied = deepcopy(encoder).eval()
        set_precision(copied, data.settings.precision)
        return cls(copied, data)

    @property
    def side(self) -> int:
        """Cells of the grid a side."""
        return grid_side(self.data.settings.size)

    @property
    def weights(self) -> Float64[np.ndarray, " channels"]:
        """Of the channels where distances are taken."""
        return level_weights(self.encoder.channels)

    @property
    def device(self) -> torch.device:
        """Where the encoder is."""
        return next(self.encoder.parameters()).device

    def inputs(self, part: Labelled, rows: list[int]) -> Float[Tensor, "batch channels side side"]:
        """Some of a part's images as the encoder takes them."""
        return normalised(tensors(part, rows, self.device)[0], self.data)

    def pixels(
        self, part: Labelled, rows: Iterable[int]
    ) -> Iterator[Float32[np.ndarray, "cells channels"]]:
        """The features of some of a part's images, one image after the other, row by row.

        Raises:
            DivergedError: If a feature is not finite.
        """
        chosen = list(rows)
        for first in range(0, len(chosen), BATCH):
            columns = self.columns(self.inputs(part, chosen[first : first + BATCH]))
            for image in columns.flatten(2).transpose(1, 2).cpu().numpy():
                yield np.ascontiguousarray(image)

    @torch.no_grad()
    def columns(
        self, inputs: Float[Tensor, "batch channels side side"]
    ) -> Float32[Tensor, "batch features grid grid"]:
        """The hypercolumns of normalised images.

        Raises:
            DivergedError: If a feature is not finite.
        """
        maps = self.encoder(inputs)
        # Before they are enlarged: there are fewer numbers to look at.
        if not all(bool(torch.isfinite(level).all()) for level in maps):
            raise DivergedError("the encoder's features are not finite: nothing can be fitted")
        return hypercolumns(maps, self.side)
