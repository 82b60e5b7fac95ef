"""What a method sees of the world: unlabelled images, drawn a batch at a time."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Images:
    """An unlabelled pool: what a method may see, and nothing else.

    Attributes:
        pixels: Grey levels 0 to 255, uint8, shape (count, channels, side, side); memory maps too.
        mean: Per-channel mean that normalises values in [0, 1].
        std: Per-channel standard deviation that normalises values in [0, 1].
        held_out: How many of the last images serve the validation loss and are never trained on.
        rows: Which rows of ``pixels`` belong to the pool, in order; all of them if omitted.
    """

    pixels: np.ndarray
    mean: tuple[float, ...]
    std: tuple[float, ...]
    held_out: int = 0
    rows: np.ndarray | None = None

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.dtype != np.uint8:
            raise ValueError(
                "pixels must be uint8 of shape (count, channels, side, side), not "
                f"{self.pixels.dtype} of shape {self.pixels.shape}"
            )
        if not 0 <= self.held_out < self.count:
            raise ValueError(f"cannot hold out {self.held_out} of {self.count} images")

    def __len__(self) -> int:
        """How many images train."""
        return self.count - self.held_out

    @property
    def count(self) -> int:
        """How many images there are, held-out ones included."""
        return len(self.pixels) if self.rows is None else len(self.rows)

    @property
    def side(self) -> int:
        """Height and width in pixels."""
        return int(self.pixels.shape[-1])

    def batch(self, index: Int[Tensor, " batch"], device: torch.device) -> "Batch":
        """The images at ``index`` (held-out ones follow the training ones), in [0, 1]."""
        places = index.numpy() if self.rows is None else self.rows[index.numpy()]
        chosen = torch.from_numpy(np.ascontiguousarray(self.pixels[places]))
        return Batch(chosen.to(device).float() / 255.0, index.to(device), self.mean, self.std)


@dataclass(frozen=True, slots=True)
class Batch:
    """Images drawn for one step.

    Attributes:
        images: Values in [0, 1], not yet normalised.
        index: Each image's place in the pool, for methods that remember images.
        mean: Per-channel mean of the normalisation.
        std: Per-channel standard deviation of the normalisation.
    """

    images: Float[Tensor, "batch channels side side"]
    index: Int[Tensor, " batch"]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def normalised(
        self, images: Float[Tensor, "views channels height width"]
    ) -> Float[Tensor, "views channels height width"]:
        """Images in [0, 1] as the encoder takes them."""
        mean = images.new_tensor(self.mean)[:, None, None]
        std = images.new_tensor(self.std)[:, None, None]
        return (images - mean).div_(std)
