"""Lay a pool image on a test image as well as a map of few parameters can.

Inverse compositional alignment: Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 56(3), 2004,
section 3.2; once on blurred detail at half the side, once on detail itself.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy import ndimage

from tasks.leaks.candidates import CENTRE, Axis
from tasks.leaks.detail import SIDE, Plane

#: Steps on blurred detail (every other pixel) and on detail.
STEPS = {2: 6, 1: 3}
#: How far an alignment may go: change of each entry of the matrix, and shift in pixels. More is
#: not a crop, and would let different eyes be bent onto each other.
BEND, SHIFT = 0.25, 16.0
#: Columns of the steepest-descent images that turn and shear: y by x, x by y.
TURNING = (1, 3)
#: Turn and shear at most (entries beside the diagonal): a head that leans, not another eye.
TURN = 0.08
#: Share of the test image's view that the aligned images must have in common.
OVERLAP = 0.6
#: Ridge on the normal equations, as a share of their trace: detail may be flat in one direction.
RIDGE = 1e-4

Affine = Float[np.ndarray, "2 3"]


def start(axes: tuple[Axis, Axis]) -> Affine:
    """The map of the coarse comparison: rows give y and x in the pool from (y, x, 1)."""
    (down, shift_y), (across, shift_x) = axes
    return np.array([[down, 0.0, shift_y], [0.0, across, shift_x]])


def warped(image: np.ndarray, affine: Affine, step: int) -> np.ndarray:
    """A pool image as the test image's pixels see it; zero beyond its border.

    Args:
        image: Every ``step``-th pixel of an image of 128 px.
        affine: Map from test to pool in pixels of 128, about the centre.
        step: 1 or 2.
    """
    matrix, shift = affine[:, :2], affine[:, 2]
    offset = (shift + CENTRE - matrix.sum(axis=1) * CENTRE) / step
    seen: np.ndarray = ndimage.affine_transform(image, matrix, offset, order=1)
    return seen


@dataclass(frozen=True, slots=True)
class Template:
    """A test image at one resolution, with what every step towards it shares.

    Attributes:
        pixels: Detail, every ``step``-th pixel.
        descent: Its steepest-descent images, shape (pixels, 6).
        inverse: Inverse of their products, shape (6, 6).
        step: 1 or 2.
    """

    pixels: np.ndarray
    descent: np.ndarray
    inverse: np.ndarray
    step: int

    @classmethod
    def of(cls, image: Plane, step: int, turns: bool) -> "Template":
        """Prepare to align others to ``image``; without ``turns``, by zooms and shifts only."""
        pixels = image[::step, ::step]
        place = np.arange(0, SIDE, step, dtype=np.float32) - np.float32(CENTRE)
        y, x = place[:, None], place[None, :]
        slopes = [slope / step for slope in np.gradient(pixels)]
        parts = [slope * axis for slope in slopes for axis in (y, x, np.float32(1.0))]
        descent = np.stack([part.ravel() for part in parts], axis=1)
        if not turns:
            descent[:, TURNING] = 0.0
        normal = (descent.T @ descent).astype(np.float64)
        scale = np.sqrt(np.maximum(np.diag(normal), 1e-9))
        normal = normal / np.outer(scale, scale) + RIDGE * np.eye(6)
        return cls(pixels, descent, np.linalg.inv(normal) / np.outer(scale, scale), step)


def aligned(image: np.ndarray, template: Template, affine: Affine) -> Affine:
    """A better map after a fixed number of steps, or the last one that was allowed."""
    for _ in range(STEPS[template.step]):
        seen = warped(image, affine, template.step)
        error = (seen - template.pixels) * (seen != 0.0) * (template.pixels != 0.0)
        change = np.eye(3)
        change[:2] += (template.inverse @ (template.descent.T @ error.ravel())).reshape(2, 3)
        better = affine @ np.linalg.inv(change)
        if not allowed(better):
            break
        affine = better
    return affine


def allowed(affine: Affine) -> bool:
    """Whether the map is one that a crop and a leaning head can explain."""
    departure = np.abs(affine[:, :2] - np.eye(2))
    return bool(
        np.diag(departure).max() <= BEND
        and max(departure[0, 1], departure[1, 0]) <= TURN
        and np.abs(affine[:, 2]).max() <= SHIFT
    )


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Correlation of two details where both have a view, up to 1; 0 if that is too little."""
    common = (one != 0.0) & (other != 0.0)
    if common.sum() < OVERLAP * max((one != 0.0).sum(), 1):
        return 0.0
    a, b = one[common], other[common]
    return float(a @ b / max(float(np.linalg.norm(a) * np.linalg.norm(b)), 1e-6))
