"""A vector for every place of an image: a method's own embedding, or its encoder's features."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from methods.base import DenseEmbedding
from methods.errors import DivergedError
from methods.networks import Encoder, set_precision
from tasks.landmarks import EMBEDDING
from tasks.landmarks.data import BATCH, LandmarkData
from tasks.landmarks.matching import unit
from tasks.probing.features import grid_side, on_grid

Dense = Float[Tensor, "images dim height width"]


def hypercolumn(maps: list[Tensor], side: int) -> Float[Tensor, "images dim {side} {side}"]:
    """All levels of an encoder on one grid, of length 1 at every place.

    Every level's vector is brought to length 1 first, so that all levels count alike: none is
    chosen by what it scores. Finer levels are averaged over a cell, coarser ones interpolated
    bilinearly (Hariharan et al., CVPR 2015, https://arxiv.org/abs/1411.5752).

    Args:
        maps: Fine to coarse, each (images, channels of the level, height, width), square.
        side: Cells of the grid a side.
    """
    return unit(torch.cat([on_grid(unit(level.float(), 1), side) for level in maps], dim=1), 1)


def dense_of(pretrained: Any, stage: str, data: LandmarkData) -> Callable[[Tensor], Dense]:  # noqa: ANN401
    """What gives normalised images their vectors in a stage; what is given is left as it was.

    Args:
        pretrained: ``methods.base.Pretrained``.
        stage: One of ``tasks.landmarks.ENCODED``.
        data: For the images' size and the precision.

    Raises:
        TypeError: If an embedding is asked of a model without one.
    """
    if stage == EMBEDDING:
        model = pretrained.model
        if not (isinstance(model, DenseEmbedding) and isinstance(model, nn.Module)):
            raise TypeError(f"{type(model).__name__} has no dense embedding")
        copied: Any = deepcopy(model).eval()
        set_precision(copied, data.settings.precision)

        def embedding(images: Tensor) -> Dense:
            return unit(copied.embed(images).float(), 1)

        return embedding
    encoder: Encoder = deepcopy(pretrained.encoder).eval()
    set_precision(encoder, data.settings.precision)
    side = grid_side(data.settings.size)

    def features(images: Tensor) -> Dense:
        return hypercolumn(encoder(images), side)

    return features


@torch.no_grad()
def vectors(
    dense: Callable[[Tensor], Dense],
    images: UInt8[np.ndarray, "images channels side side"],
    data: LandmarkData,
    device: torch.device,
) -> list[Float[Tensor, "dim height width"]]:
    """Each image's vectors.

    Raises:
        DivergedError: If one is not finite.
    """
    mean, std = (
        torch.tensor(values, device=device)[:, None, None]
        for values in (data.normalisation.mean, data.normalisation.std)
    )
    found: list[Tensor] = []
    for first in range(0, len(images), BATCH):
        pixels = torch.tensor(images[first : first + BATCH], device=device)
        batch = dense((pixels.float() / 255.0 - mean) / std)
        if not bool(torch.isfinite(batch).all()):
            raise DivergedError("the encoder's vectors are not finite: nothing can be compared")
        found += list(batch)
    return found
