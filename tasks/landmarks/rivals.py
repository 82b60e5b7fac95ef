"""What finds landmarks without an encoder: the support's own pixels, or no look at the image."""

import math

import numpy as np
from jaxtyping import Float32, Float64, UInt8
from skimage.feature import match_template

#: Side of a square over which a uniform weight has the standard deviation 1.
SPREAD = math.sqrt(12.0)

Image = UInt8[np.ndarray, "channels side side"]
Patch = UInt8[np.ndarray, "channels patch patch"]


def patch_side(window: float, size: int) -> int:
    """Side of a template in pixels, odd, at least 3 and at most the image's.

    It is that of the square whose uniform weight spreads as the Gaussian of the other rows does:
    all look equally far around the landmark.

    Args:
        window: Standard deviation of the Gaussian, as a fraction of the side.
        size: Of the image in pixels.
    """
    odd = 2 * round((window * SPREAD * size - 1.0) / 2.0) + 1
    return min(max(3, odd), size - 1 + size % 2)


def patch_around(image: Image, point: Float64[np.ndarray, "2"], side: int) -> Patch:
    """The square around the pixel that holds a point; beyond the border the image is mirrored."""
    size, half = image.shape[-1], side // 2
    column, row = (min(int(part * size), size - 1) for part in point.tolist())
    padded = np.pad(image, ((0, 0), (half, half), (half, half)), mode="symmetric")
    return np.ascontiguousarray(padded[:, row : row + side, column : column + side])


def correlation(image: Image, patch: Patch) -> Float32[np.ndarray, "side side"]:
    """Normalised cross-correlation with a template at every pixel, mean over the channels.

    scikit-image's ``match_template`` (Lewis, "Fast Normalized Cross-Correlation", 1995); beyond the
    border the image is mirrored. A flat template, or a flat part of the image, correlates with
    nothing: 0.
    """
    maps = [
        match_template(plane.astype(float), part.astype(float), pad_input=True, mode="symmetric")
        for plane, part in zip(image, patch, strict=True)
    ]
    mean: np.ndarray = np.mean(maps, axis=0).astype(np.float32)
    return mean
