"""Vessels by a fixed filter: no training, no label, no encoder.

Frangi et al., "Multiscale Vessel Enhancement Filtering", MICCAI 1998,
https://doi.org/10.1007/BFb0056195, as scikit-image has it, cut at Otsu's threshold (IEEE
Transactions on Systems, Man, and Cybernetics 9, 1979).
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import binary_erosion, distance_transform_edt
from skimage.filters import frangi, threshold_otsu

from tasks.guided.view_field import view_mask
from tasks.preparation import SIDE

#: Half widths of vessels in pixels at 512 px, our choice: the widest have about 10 px there.
SIGMAS = (1.0, 2.0, 3.0, 4.0, 5.0)
#: Smallest of them in pixels at any size: a narrower Gaussian is a single pixel.
FINEST = 0.5
#: Width of the rim of the field of view that is not looked at, as a share of the side: our choice.
RIM = 1 / 64
#: The channel in which vessels are darkest against a fundus; grey images have one only.
GREEN = 1


def sigmas(side: int) -> list[float]:
    """Half widths in pixels for images of ``side`` px, none twice."""
    return sorted({max(sigma * side / SIDE, FINEST) for sigma in SIGMAS})


def filled(
    plane: Float[np.ndarray, "height width"], view: Bool[np.ndarray, "height width"]
) -> Float[np.ndarray, "height width"]:
    """The plane with what the nearest pixel well inside the field of view shows outside of that.

    Or its rim, which darkens, would be the strongest ridge of all.
    """
    width = max(1, round(RIM * len(view)))
    inner = binary_erosion(view, iterations=width, border_value=1)
    rows, columns = distance_transform_edt(
        ~(inner if inner.any() else view), return_distances=False, return_indices=True
    )
    return np.asarray(plane[rows, columns])


def vesselness(
    image: UInt8[np.ndarray, "channels side side"], widths: Sequence[float]
) -> Float[np.ndarray, "side side"]:
    """Frangi's response to dark ridges of the given half widths in pixels; 0 or more."""
    plane = image[GREEN if len(image) > 1 else 0].astype(float) / 255.0
    response: np.ndarray = frangi(filled(plane, view_mask(image)), sigmas=widths, mode="nearest")
    return response


def vessels(image: UInt8[np.ndarray, "channels side side"]) -> Bool[np.ndarray, "side side"]:
    """Vessels of an image: vesselness above Otsu's threshold of the field of view, inside it.

    Nothing where every response is the same.
    """
    view = view_mask(image)
    response = vesselness(image, sigmas(image.shape[-1]))
    inside = response[view]
    if inside.min() == inside.max():
        return np.zeros_like(view)
    return np.asarray((response > threshold_otsu(inside)) & view)
