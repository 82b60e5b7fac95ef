"""An encoder and its method, as far as images can be looked at through them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float32, UInt8
from torch import Tensor

from methods.base import DenseEmbedding, MaskPredictor
from methods.errors import DivergedError
from methods.networks import Encoder
from tasks.exploring.patches import patch_vectors, standardised
from tasks.probing.features import hypercolumns, level_weights

#: Patches a side where a method has no grid of its own: those of LD's patch discrimination.
GRID = 8
#: Images that pass the networks together.
BATCH = 8


@runtime_checkable
class OwnPatches(Protocol):
    """A model that weighs the pixels of a patch itself, as LD with a window does."""

    def patches(self, v: Tensor) -> Tensor:
        """The unit vector of each patch, (images, dim, grid, grid), of pixels' unit vectors."""
        ...


@dataclass(frozen=True, slots=True)
class Seeing:
    """What looks at images.

    Attributes:
        encoder: In evaluation mode.
        model: The whole method; None where only its encoder is at hand.
        normalised: From values in [0, 1] to what the encoder takes.
        grid: Patches a side.
    """

    encoder: Encoder
    model: object
    normalised: Callable[[Tensor], Tensor]
    grid: int = GRID

    @property
    def embeds(self) -> bool:
        """Whether pixels have vectors made for being compared."""
        return isinstance(self.model, DenseEmbedding)

    @property
    def divides(self) -> bool:
        """Whether images fall into regions."""
        return isinstance(self.model, MaskPredictor)

    def vectors(
        self, images: Sequence[UInt8[np.ndarray, "channels side side"]]
    ) -> Float32[np.ndarray, "images patches dim"]:
        """The unit vector of every patch; of the encoder's features if there is no embedding.

        The latter are of all levels, standardised over these very images, every level counting
        alike (``tasks.probing.features``).

        Raises:
            DivergedError: If a vector is not finite.
        """
        parts = [self.patches(batch) for batch in self.batches(images)]
        found: np.ndarray = torch.cat(parts).cpu().numpy()
        if not np.isfinite(found).all():
            raise DivergedError("the encoder's features are not finite: nothing can be compared")
        return found if self.embeds else standardised(found, level_weights(self.encoder.channels))

    @torch.no_grad()
    def patches(self, inputs: Tensor) -> Float32[Tensor, "images patches dim"]:
        """Each patch's unit embedding, or the features that take its place.

        By the model's own weights if it has such, else by the mean of the patch's pixels.
        """
        if isinstance(self.model, DenseEmbedding):
            pixels = self.model.embed(inputs)
            if isinstance(self.model, OwnPatches):
                return self.model.patches(pixels).float().flatten(2).transpose(1, 2)
            return patch_vectors(pixels, self.grid)
        return hypercolumns(self.encoder(inputs), self.grid).flatten(2).transpose(1, 2)

    @torch.no_grad()
    def shares(
        self, images: Sequence[UInt8[np.ndarray, "channels side side"]]
    ) -> list[Float[np.ndarray, "regions side side"]]:
        """Each pixel's shares of the regions in [0, 1], image by image; none without regions.

        Raises:
            DivergedError: If a share is not finite.
        """
        if not isinstance(self.model, MaskPredictor):
            return []
        parts = [self.model.masks(batch) for batch in self.batches(images)]
        found: np.ndarray = torch.cat(parts).cpu().numpy()
        if not np.isfinite(found).all():
            raise DivergedError("the regions' shares are not finite: nothing can be drawn")
        return [*found]

    def batches(
        self, images: Sequence[UInt8[np.ndarray, "channels side side"]]
    ) -> Iterator[Float[Tensor, "batch channels side side"]]:
        """Images as the encoder takes them, a few at a time."""
        device = next(self.encoder.parameters()).device
        for first in range(0, len(images), BATCH):
            pixels = torch.from_numpy(np.stack(images[first : first + BATCH]))
            yield self.normalised(pixels.to(device).float() / 255.0)
