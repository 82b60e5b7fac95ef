"""The coarse hash: which pairs deserve a closer look, and how the two lie on each other.

A hash is soft detail on a grid of 24 x 24 fields, the central ones, at unit length. A test image is
hashed under every zoom and shift on a grid; the largest product with a pool image's hash, one
matrix product per test image, tells whether the pair is a candidate and where to start aligning.
"""

from itertools import product

import numpy as np
from jaxtyping import Float

from tasks.leaks.detail import SIDE, Detail

#: Fields along a side, and how far from the centre, as a share of the side, fields count: those
#: beyond lie outside many views.
FIELDS, REACH = 24, 0.42
#: Zooms along each axis, and shifts in pixels: a crop of 8 % at both sides, once seen from the
#: whole and once from the part, is a zoom of 0.84 to 1.19.
ZOOMS = (0.88, 0.94, 1.0, 1.07, 1.14)
SHIFTS = (-6.0, -3.0, 0.0, 3.0, 6.0)
#: The image's centre, about which zooms are taken, in pixels.
CENTRE = (SIDE - 1) / 2

#: Zoom along one axis and shift in pixels: test coordinate u lies at zoom * u + shift in the pool.
Axis = tuple[float, float]
AXES: tuple[Axis, ...] = tuple(product(ZOOMS, SHIFTS))
Hashes = Float[np.ndarray, "_ fields"]


def central() -> np.ndarray:
    """Which fields count, boolean, shape (FIELDS, FIELDS)."""
    offset = np.arange(FIELDS) - (FIELDS - 1) / 2
    near: np.ndarray = np.hypot(offset[:, None], offset[None, :]) < REACH * FIELDS
    return near


def sampling(zoom: float, shift: float) -> Float[np.ndarray, "fields side"]:
    """Linear interpolation at the fields' centres, seen under a zoom and a shift."""
    centres = (np.arange(FIELDS) + 0.5) * SIDE / FIELDS - 0.5
    places = (centres - CENTRE - shift) / zoom + CENTRE
    distance = np.abs(places[:, None] - np.arange(SIDE)[None, :])
    return np.maximum(1.0 - distance, 0.0).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Rows at unit length; a row of zeros stays one."""
    scaled: np.ndarray = vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-6)
    return scaled


def hashes(soft: Detail) -> Hashes:
    """One hash per pool image."""
    rows = sampling(1.0, 0.0)
    return unit((rows @ soft @ rows.T)[:, central()])


def variants(soft: Float[np.ndarray, "side side"]) -> np.ndarray:
    """A test image's hash under every pair of ``AXES``, in half precision.

    Shape (len(AXES) ** 2, fields), row ``i * len(AXES) + j`` for axis i down and axis j across:
    0.4 MB per test image.
    """
    rows = np.stack([sampling(*axis) for axis in AXES])
    seen = np.einsum("iay,yx->iax", rows, soft, optimize=True)
    planes = np.einsum("iax,jbx->ijab", seen, rows, optimize=True)
    return unit(planes[:, :, central()].reshape(len(AXES) ** 2, -1)).astype(np.float16)


def closest(
    seen: np.ndarray, pool: Hashes
) -> tuple[Float[np.ndarray, " _"], list[tuple[Axis, Axis]]]:
    """For each pool image, the largest product and the axes (down, across) that gave it."""
    products = seen.astype(np.float32) @ pool.T
    best = products.argmax(axis=0)
    axes = [(AXES[row // len(AXES)], AXES[row % len(AXES)]) for row in best.tolist()]
    return products[best, np.arange(len(pool))], axes
