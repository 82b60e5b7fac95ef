"""Maps of similarity and support images, small enough to be kept beside every score."""

import numpy as np
import torch
from jaxtyping import Float32, UInt8
from torch.nn import functional as F

from tasks import preparation

#: Most pixels a side of a map, and of a support image.
MAP_SIDE, PICTURE_SIDE = 64, 256


def small_map(
    plane: Float32[np.ndarray, "height width"],
) -> UInt8[np.ndarray, "small small 3"]:
    """A map averaged over areas, its lowest value black and its highest white."""
    side = min(MAP_SIDE, plane.shape[0])
    small = F.adaptive_avg_pool2d(torch.from_numpy(plane.copy())[None], side)[0].numpy()
    low, high = float(small.min()), float(small.max())
    share = (small - low) / (high - low) if high > low else np.zeros_like(small)
    return np.repeat(np.rint(share * 255.0).astype(np.uint8)[:, :, None], 3, axis=2)


def small_picture(
    image: UInt8[np.ndarray, "channels side side"],
) -> UInt8[np.ndarray, "small small 3"]:
    """An image in colours, at most ``PICTURE_SIDE`` px a side."""
    side = min(PICTURE_SIDE, image.shape[-1])
    small = preparation.smaller_image(np.asarray(image).transpose(1, 2, 0), side)
    return np.ascontiguousarray(np.repeat(small, 3, axis=2) if small.shape[2] == 1 else small)
