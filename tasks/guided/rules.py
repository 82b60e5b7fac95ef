"""What a model with regions tells of unlabelled images, by both rules of inference.

Application 1 of Chen et al., TPAMI 2023, https://arxiv.org/abs/2108.09440.
"""

from collections.abc import Callable, Iterator
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from methods.base import MaskPredictor
from methods.errors import ConfigError
from tasks.guided.view_field import view_masks
from tasks.labelled import Unlabelled
from tasks.segmenter import normalised

#: Images that pass the model together.
BATCH = 4

Maps = Float[np.ndarray, "rules images side side"]


@runtime_checkable
class RegionShares(Protocol):
    """A model with both rules of inference, and a cluster that was taught a shape."""

    @property
    def guided(self) -> int:
        """The number of that cluster."""
        ...

    def region_shares(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Shares by the clustering branch and by the regions' vectors, each of all clusters."""
        ...


@torch.no_grad()
def guided_shares(
    model: object, images: Unlabelled, rest: Callable[[], None]
) -> Float[np.ndarray, "rules images side side"]:
    """Shares of the guided cluster by both rules, in the order of ``tasks.guided.RULES``.

    They are 0 outside the field of view.

    Args:
        model: What pre-training left, in evaluation mode.
        images: Any images.
        rest: Called after each batch.

    Raises:
        ConfigError: If the model has no such rules.
    """
    if not (isinstance(model, RegionShares) and isinstance(model, torch.nn.Module)):
        raise ConfigError(
            f"{type(model).__name__} knows no shape: these stages are for rows of [shapes]"
        )
    out = []
    for inputs in batches(model, images):
        both = [shares[:, model.guided].float().cpu() for shares in model.region_shares(inputs)]
        out.append(torch.stack(both).numpy())
        rest()
    found: Maps = np.concatenate(out, axis=1) * view_masks(images.images)
    return found


@torch.no_grad()
def cluster_masks(
    model: object, images: Unlabelled, rest: Callable[[], None]
) -> Bool[np.ndarray, "clusters images side side"]:
    """Where each cluster's share is the largest, inside the field of view.

    More generous than a share above a half, which no cluster of several may reach for long.

    Raises:
        ConfigError: If the model has no clusters.
    """
    if not (isinstance(model, MaskPredictor) and isinstance(model, torch.nn.Module)):
        raise ConfigError(f"{type(model).__name__} has no clusters: this stage is for ld")
    out = []
    for inputs in batches(model, images):
        shares = model.masks(inputs)
        clusters = torch.arange(shares.shape[1], device=shares.device)[:, None, None, None]
        out.append((shares.argmax(dim=1) == clusters).cpu().numpy())
        rest()
    masks: np.ndarray = np.concatenate(out, axis=1) & view_masks(images.images)
    return masks


def batches(model: torch.nn.Module, images: Unlabelled) -> Iterator[Tensor]:
    """Normalised images on the model's device."""
    device = next(model.parameters()).device
    for first in range(0, len(images), BATCH):
        pixels = np.ascontiguousarray(images.images[first : first + BATCH])
        yield normalised(torch.from_numpy(pixels).to(device).float() / 255.0, images)
