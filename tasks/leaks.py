"""Pool images that recur among a task's test images, under whatever name and compression.

A coarse hash finds candidates, a correlation of fine detail confirms them. Photographs of one eye
from one sitting count as the same; different eyes do not. Thresholds were set at 128 px.

Fundus: on IDRiD's grading and segmentation photographs, by looking at every pair around the
threshold: 72 pairs of one eye lie at 0.46 or above, the closest two different eyes at 0.38.
Chest X-ray: every thorax has the same ribs, so that different patients of ChestX-ray14 reach 0.50
(300 radiographs) while one radiograph at three quarters of its size and JPEG quality 60 stays above
0.88. A crop of 6 % falls to 0.40 there and is missed.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage, signal

from tasks.base import Domain

Stack = UInt8[np.ndarray, "_ channels side side"]
Detail = Float[np.ndarray, "images side side"]

#: Side at which images are compared, in pixels; the thresholds belong to it.
SIDE = 128
#: Standard deviations (px) of the Gaussians whose difference keeps vessels and lesions, and of
#: the window in which contrast is equalised.
FINE, COARSE, WINDOW = 0.7, 4.0, 10.0
#: Pixels eaten off the field of view's rim, which all photographs of a camera share.
RIM = 6
#: Grey level under which a pixel is outside the field of view.
DARK = 20
#: Largest shift tried when comparing, in pixels.
SHIFT = 12
#: Correlation of detail from which two images count as one.
SAME: dict[Domain, float] = {"fundus": 0.42, "chest X-ray": 0.8}
#: The hash: signs on a grid of this side, and the share of differing signs up to which two images
#: are candidates.
HASH_SIDE, HASH_DISTANCE = 16, 0.42
#: Fields further than this share of the side from the centre lie outside many views.
HASH_REACH = 0.42


@dataclass(frozen=True, slots=True)
class Leak:
    """A pool image that is also a test image.

    Attributes:
        test_image: Id among the test images.
        pool_image: Path below the data root.
        similarity: Correlation of detail, up to 1.
    """

    test_image: str
    pool_image: str
    similarity: float


def detail(images: Stack) -> Detail:
    """Vessels and lesions with equal contrast everywhere, unit norm, zero outside the view."""
    out = []
    for image in images:
        grey = image.mean(axis=0, dtype=np.float32)
        view = ndimage.binary_fill_holes(grey > DARK)
        inside = ndimage.binary_erosion(view, iterations=RIM, border_value=0).astype(np.float32)
        band = smoothed(grey, inside, FINE) - smoothed(grey, inside, COARSE)
        contrast = np.sqrt(smoothed(band**2, inside, WINDOW)) + 1.0
        flat = np.clip(band / contrast, -3.0, 3.0) * inside
        out.append(flat / max(float(np.linalg.norm(flat)), 1e-6))
    return np.stack(out).astype(np.float32)


def smoothed(image: np.ndarray, inside: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian average over the pixels inside only."""
    weight = ndimage.gaussian_filter(inside, sigma)
    average: np.ndarray = ndimage.gaussian_filter(image * inside, sigma) / np.maximum(weight, 1e-3)
    return average


def coarse_hash(details: Detail) -> Bool[np.ndarray, "images bits"]:
    """Whether each of 16 x 16 fields, the central ones only, is brighter than its surroundings."""
    step = SIDE // HASH_SIDE
    soft = ndimage.gaussian_filter(details, (0.0, step / 2, step / 2))
    signs = soft[:, step // 2 :: step, step // 2 :: step] > 0.0
    offset = np.arange(HASH_SIDE) - (HASH_SIDE - 1) / 2
    central = np.hypot(offset[:, None], offset[None, :]) < HASH_REACH * HASH_SIDE
    bits: np.ndarray = signs[:, central]
    return bits


def similarity(one: Float[np.ndarray, "side side"], others: Detail) -> Float[np.ndarray, " n"]:
    """Largest correlation with each other image over shifts of up to 12 px."""
    reach = slice(SIDE - 1 - SHIFT, SIDE + SHIFT)
    product = signal.fftconvolve(others, one[None, ::-1, ::-1], axes=(1, 2))
    best: np.ndarray = product[:, reach, reach].max(axis=(1, 2))
    return best


def find_leaks(
    pool: Stack,
    pool_files: tuple[str, ...],
    test: Stack,
    test_ids: tuple[str, ...],
    domain: Domain,
) -> list[Leak]:
    """Every pool image that shows what a test image shows.

    Args:
        pool: Prepared pool images, 128 px a side.
        pool_files: Their paths.
        test: Prepared test images, 128 px a side.
        test_ids: Their ids.
        domain: Decides from which similarity on two images are one.

    Raises:
        ValueError: If the images have another size.
    """
    for stack in (pool, test):
        if stack.shape[2:] != (SIDE, SIDE):
            raise ValueError(f"leaks are sought at {SIDE} px, not at {stack.shape[2]} px")
    details, details_test = detail(pool), detail(test)
    bits, bits_test = coarse_hash(details), coarse_hash(details_test)
    leaks = []
    for row, image_id in enumerate(test_ids):
        distance = (bits != bits_test[row]).mean(axis=1)
        candidates = np.flatnonzero(distance <= HASH_DISTANCE)
        if len(candidates):
            values = similarity(details_test[row], details[candidates])
            leaks += [
                Leak(image_id, pool_files[place], round(float(value), 4))
                for place, value in zip(candidates, values, strict=True)
                if value >= SAME[domain]
            ]
    return leaks
