"""Colour fundus photographs with their masks."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import gaussian_filter

from tasks.phantoms.eye import Eye, FundusLook, Plane, place_eye
from tasks.phantoms.fields import smooth_field
from tasks.phantoms.lesions import draw_lesions
from tasks.phantoms.retina import (
    Colours,
    VesselLayers,
    add_disc,
    add_reflexes,
    background,
    draw_disc,
    draw_vessels,
)

BLOOD = np.array([0.24, 0.66, 0.36])  # optical density of a full vein in red, green and blue
EXUDATE = np.array([1.2, 1.0, 0.42])  # a full exudate's colour, in shares of the retina's red
COTTON = np.array([0.85, 0.75, 0.55])  # colour of soft exudates


@dataclass(frozen=True, slots=True)
class FundusPhantom:
    """A photograph and what is where in it.

    Attributes:
        image: The photograph.
        masks: By structure, of the same size.
        disc: Centre of the optic disc as (x, y) in pixels.
        disc_radius: Its mean radius in pixels.
        fovea: Centre of the fovea as (x, y) in pixels; may lie outside the picture.
    """

    image: UInt8[np.ndarray, "height width 3"]
    masks: dict[str, Bool[np.ndarray, "height width"]]
    disc: Float[np.ndarray, "2"]
    disc_radius: float
    fovea: Float[np.ndarray, "2"]


def draw_fundus(
    look: FundusLook, size: int, severity: float, right: bool, rng: np.random.Generator
) -> FundusPhantom:
    """Draw one photograph.

    Args:
        look: The data set's look.
        size: Height in pixels.
        severity: Amount of lesions in [0, 1]; 0 is a healthy eye.
        right: Whether it is a right eye.
        rng: Source of everything that differs between images.

    Returns:
        The photograph with the masks ``disc``, ``cup``, ``vessel``, ``vessel_second`` (by a
        second observer), ``hard_exudates``, ``soft_exudates``, ``haemorrhages``,
        ``microaneurysms`` and ``view``.
    """
    eye = place_eye(look, size, right, rng)
    view = field_of_view(look, eye)
    vessels = draw_vessels(eye, rng.uniform(*look.vein_width), rng)
    lesions = {kind: canvas.coverage() for kind, canvas in draw_lesions(eye, severity, rng).items()}
    disc = draw_disc(eye, look.cup, rng)
    retina = add_disc(background(eye, look, rng), disc, eye, rng)
    retina = add_reflexes(retina, eye, look.reflexes, rng)
    retina = add_blood_and_lesions(retina, vessels, lesions, rng)
    image = expose(retina, view, eye, rng)
    masks = {kind: (coverage > 0.15) & view for kind, coverage in lesions.items()}
    masks |= {"disc": (disc.disc > 0.5) & view, "cup": (disc.cup > 0.5) & view, "view": view}
    masks["vessel"] = (vessels.coverage > 0.3) & view
    masks["vessel_second"] = (vessels.second > 0.3) & view
    return FundusPhantom(image, masks, eye.disc, eye.disc_radius, eye.fovea)


def field_of_view(look: FundusLook, eye: Eye) -> Bool[np.ndarray, "height width"]:
    """Where the camera saw the retina: a disc, cut off by the picture or by straight edges."""
    rows = (np.arange(eye.shape[0]) + 0.5) / eye.shape[0]
    seen = np.abs(rows - 0.5) < look.view_height / 2
    view: Bool[np.ndarray, "height width"] = eye.distance(eye.centre) < eye.view_radius
    return view & seen[:, None]


def add_blood_and_lesions(
    retina: Colours, vessels: VesselLayers, lesions: dict[str, Plane], rng: np.random.Generator
) -> Colours:
    """Lay lesions and vessels over the retina, deep ones first.

    Args:
        retina: Background with disc.
        vessels: The vessel layers; their contrast is uneven over the picture.
        lesions: Strength of each kind of lesion in [0, 1].
        rng: Source of contrasts.

    Returns:
        The retina with them.
    """
    shape = vessels.density.shape
    size = shape[0]
    red_lesions = np.maximum(lesions["haemorrhages"], lesions["microaneurysms"])
    retina = retina * np.exp(-0.75 * gaussian_filter(red_lesions, size / 500)[..., None] * BLOOD)
    cotton = 0.5 * gaussian_filter(lesions["soft_exudates"], size / 90)[..., None]
    retina = retina + cotton * (COTTON - retina)
    uneven = smooth_field((shape[0], shape[1]), size / 4, rng)
    contrast = np.clip(rng.uniform(0.65, 1.0) + 0.22 * uneven, 0.15, 1.2)[..., None]
    retina = retina * np.exp(-contrast * vessels.density[..., None] * BLOOD)
    retina = retina * (1 + 0.16 * contrast * vessels.reflex[..., None])
    bright = gaussian_filter(lesions["hard_exudates"], size / 800)[..., None]
    opacity = rng.uniform(0.5, 0.85) * bright
    laid: Colours = retina + opacity * (retina[..., :1] * EXUDATE - retina)
    return laid


def expose(
    retina: Colours, view: Bool[np.ndarray, "height width"], eye: Eye, rng: np.random.Generator
) -> UInt8[np.ndarray, "height width 3"]:
    """Optics and sensor: haze, blur, the black surround, noise, eight bits."""
    size = eye.shape[0]
    haze = rng.uniform(0, 0.06) * np.clip(smooth_field(eye.shape, size / 2, rng), 0, None)
    seen = (retina + haze[..., None] * np.array([1.0, 0.8, 0.6])) * view[..., None]
    blur = rng.uniform(0.4, 0.8) * size / 320
    seen = gaussian_filter(seen, (blur, blur, 0))
    noise = rng.standard_normal(seen.shape, dtype=np.float32)
    seen += rng.uniform(0.004, 0.014) * noise * (0.15 + view[..., None])
    seen = np.where(seen < 0.75, seen, 0.75 + 0.3 * np.tanh((seen - 0.75) / 0.3))  # film-like knee
    image: UInt8[np.ndarray, "height width 3"] = (255 * np.clip(seen, 0, 1)).astype(np.uint8)
    return image
