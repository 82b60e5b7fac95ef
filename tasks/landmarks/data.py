"""Images with a point each, and what a plan may choose about finding it."""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, UInt8

from methods.precision import Precision
from tasks import preparation
from tasks.base import Normalisation

#: Standard deviation of the window as a fraction of the image's side: that of a uniform weight over
#: one of LD's 8 x 8 patches, 1/8 over the root of 12, so that it gathers from as far as they do.
WINDOW = 0.036
#: Support images over which errors are averaged.
SUPPORTS = 5
#: Pixels a side of an encoder's coarsest features (``methods.networks.Encoder.strides``): of a size
#: that it does not divide, the last ones are cut off, and coarse maps are not of the whole image.
STRIDE = 16
#: Images that pass the encoder together: dense vectors of more would fill the memory.
BATCH = 2


@dataclass(frozen=True, slots=True)
class LandmarkSettings:
    """What a plan may choose about landmarks; the protocol fixes the rest.

    Attributes:
        size: Side of the images in pixels, 32 to 512.
        fraction: Share of the training list that supports are drawn from: all of it.
        precision: Precision of the convolutions.
        supports: How many annotated images take turns; each is used alone.
        window: Standard deviation of the Gaussian weight, as a fraction of the image's side.
        windows: Other widths whose effect is measured in the same cell.
    """

    size: int = 512
    fraction: float = 1.0
    precision: Precision = "float32"
    supports: int = SUPPORTS
    window: float = WINDOW
    windows: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        if not 32 <= self.size <= preparation.SIDE:
            raise ValueError(f"size must lie in 32 to {preparation.SIDE} px, not {self.size}")
        if self.supports < 1:
            raise ValueError(f"supports must be at least 1, not {self.supports}")
        for width in (self.window, *self.windows):
            if not 0.0 < width <= 1.0:
                raise ValueError(f"a window must lie in (0, 1] of the side, not {width:g}")

    @property
    def batch_size(self) -> int:
        """Images that pass the encoder together."""
        return BATCH


@dataclass(frozen=True, slots=True)
class Placed:
    """Prepared images with a point in each.

    Attributes:
        ids: Their names.
        images: Grey levels.
        points: (x, y) as fractions of the image's width and height; 0 is the outer edge of the
            first pixel, so that a point stays what it is at every size.
    """

    ids: tuple[str, ...]
    images: UInt8[np.ndarray, "images channels side side"]
    points: Float64[np.ndarray, "images 2"]

    def __len__(self) -> int:
        return len(self.ids)

    def truth(self) -> Float64[np.ndarray, "images 2"]:
        """The points."""
        return self.points


@dataclass(frozen=True, slots=True)
class LandmarkData:
    """A task's two parts.

    Attributes:
        train: Images that supports are drawn from; nothing else is done with them.
        test: The images that score.
        normalisation: How images enter the encoder.
        manifest: Digest of every source file, the split and the preparation.
        settings: What the plan chose.
        kind: Real or phantom images.
        variant: Which of several accepted layouts was read; empty if there is one only.
    """

    train: Placed
    test: Placed
    normalisation: Normalisation
    manifest: str
    settings: LandmarkSettings
    kind: str
    variant: str = ""
