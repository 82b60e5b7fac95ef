"""What tells two images apart: vessels, lesions, ribs; not exposure, colour or camera."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy import ndimage

from tasks.base import Domain

#: Side at which images are compared, in pixels; every constant of this package belongs to it.
SIDE = 128
#: Standard deviation (px) of the wider Gaussian: what is coarser is exposure.
COARSE = 4.0
#: Pixels eaten off the view's rim: a camera's field of view and a frame look alike on all images.
RIM = 6
#: Grey levels of noise, added to the local contrast, so that flat areas stay flat.
NOISE = 1.0
#: Detail is clipped at this many units of local contrast, or letters on radiographs would decide.
CLIP = 3.0
#: Standard deviation (px) of what blurs detail before its coarse comparison.
SOFT = 2.0

Stack = UInt8[np.ndarray, "_ channels side side"]
Detail = Float[np.ndarray, "_ side side"]
Plane = Float[np.ndarray, "side side"]
View = Bool[np.ndarray, "side side"]


@dataclass(frozen=True, slots=True)
class Look:
    """How a domain's images are compared; every value was set on real IDRiD and CXR8 images.

    Attributes:
        dark: Grey level up to which a pixel is outside the field of view; -1 if all are inside.
        fine: Standard deviation (px) of the narrower Gaussian: what is finer is compression.
        window: Standard deviation (px) of the window in which contrast is equalised.
        turns: Whether two photographs may be turned and sheared against each other. Radiographs
            are compared as files: a copy is not turned, a second exposure is.
        candidate: Product of hashes from which a pair is looked at closely.
        blurred: Correlation of blurred detail after the first alignment, to go on.
        near: Correlation after alignment from which a pair is compared once more, at one scale.
        same: Correlation from which two images are one.
    """

    dark: int
    fine: float
    window: float
    turns: bool
    candidate: float
    blurred: float
    near: float
    same: float


#: Fundus: among IDRiD's 132,870 pairs of grading photographs, two different eyes reach 0.667 (one
#: camera, whose dust lies at one place on all); the 72 pairs that recur between its parts lie at
#: 0.80 to 1. Two more pairs that look like one eye with other lesions or light lie at
#: 0.69 and are missed.
#: Chest X-ray: different patients of ChestX-ray14 reach 0.71, two exposures of one patient 0.88.
LOOKS: dict[Domain, Look] = {
    "fundus": Look(20, 1.0, 10.0, True, candidate=0.6, blurred=0.62, near=0.6, same=0.75),
    "chest X-ray": Look(-1, 0.7, 6.0, False, candidate=0.75, blurred=0.68, near=0.75, same=0.9),
}


def view(grey: Plane, look: Look) -> View:
    """The field of view, holes filled."""
    if look.dark < 0:
        return np.ones(grey.shape, dtype=bool)
    inside: np.ndarray = ndimage.binary_fill_holes(grey > look.dark)
    return inside


def greys(images: Stack) -> Detail:
    """Mean of the channels."""
    means: np.ndarray = images.mean(axis=1, dtype=np.float32)
    return means


def detail(grey: Plane, seen: View, look: Look) -> Plane:
    """Band-passed grey levels in units of their local contrast, zero near and beyond the view."""
    inside = ndimage.binary_erosion(seen, iterations=RIM, border_value=0).astype(np.float32)
    band = smoothed(grey, inside, look.fine) - smoothed(grey, inside, COARSE)
    contrast = np.sqrt(smoothed(band**2, inside, look.window)) + NOISE
    flat: np.ndarray = np.clip(band / contrast, -CLIP, CLIP) * inside
    return flat.astype(np.float32)


def smoothed(image: Plane, inside: Plane, sigma: float) -> Plane:
    """Gaussian average over the pixels inside only."""
    weight = ndimage.gaussian_filter(inside, sigma)
    average: np.ndarray = ndimage.gaussian_filter(image * inside, sigma) / np.maximum(weight, 1e-3)
    return average


def softened(details: Detail) -> Detail:
    """Detail blurred for the coarse comparison."""
    soft: np.ndarray = ndimage.gaussian_filter(details, (0.0, SOFT, SOFT))
    return soft
