"""How several observers outline the same structure: never quite alike."""

import numpy as np
from jaxtyping import Bool, UInt8
from scipy.ndimage import distance_transform_edt

from tasks.phantoms.fields import smooth_field

OBSERVERS = 4  # of Drishti-GS1's soft maps


def soft_map(
    mask: Bool[np.ndarray, "height width"], spread: float, cell: float, rng: np.random.Generator
) -> UInt8[np.ndarray, "height width"]:
    """Votes of four observers, each of whom draws the outline a little elsewhere.

    Args:
        mask: The true structure, not empty.
        spread: Standard deviation of the outlines in pixels.
        cell: How far along an outline the deviation stays about the same, in pixels.
        rng: Source of the deviations.

    Returns:
        Grey levels, 255 where all four agree, in steps of a quarter of that.
    """
    # Distances are of pixel centres; the outline runs half a pixel before the nearest one.
    depth = distance_transform_edt(mask) - distance_transform_edt(~mask)
    depth -= 0.5 * np.sign(depth)
    votes = np.zeros(mask.shape, dtype=np.int64)
    for _ in range(OBSERVERS):
        habit = rng.normal(0, 0.7)  # one observer draws wide, another narrow
        shift = spread * (habit + 0.7 * smooth_field((mask.shape[0], mask.shape[1]), cell, rng))
        votes += depth + shift > 0
    levels: UInt8[np.ndarray, "height width"] = np.round(votes * 255 / OBSERVERS).astype(np.uint8)
    return levels
