"""Where a photograph shows something: the field of view, pixel by pixel."""

import numpy as np
from jaxtyping import Bool, UInt8

from tasks.preparation import DARK


def view_mask(image: UInt8[np.ndarray, "channels side side"]) -> Bool[np.ndarray, "side side"]:
    """The largest 8-connected component of pixels brighter than 20 in any channel, holes filled.

    The whole image if there is no such pixel.
    """
    from scipy import ndimage  # noqa: PLC0415  (half a second that listing tasks does not need)

    labels, count = ndimage.label(image.max(axis=0) > DARK, structure=np.ones((3, 3), dtype=int))
    if count == 0:
        return np.ones(image.shape[1:], dtype=bool)
    largest = int(np.bincount(labels.ravel())[1:].argmax()) + 1
    filled: np.ndarray = ndimage.binary_fill_holes(labels == largest)
    return filled


def view_masks(
    images: UInt8[np.ndarray, "images channels side side"],
) -> Bool[np.ndarray, "images side side"]:
    """The field of view of each image."""
    return np.stack([view_mask(image) for image in images])
