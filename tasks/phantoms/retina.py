"""The retina of a fundus photograph: background, optic disc, vessels, nerve fibre reflexes.

Colours are red, green and blue light in about [0, 1], before the camera.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.ndimage import gaussian_filter

from tasks.phantoms.eye import Eye, FundusLook, Plane, Range, trunks
from tasks.phantoms.fields import Canvas, smooth_field
from tasks.phantoms.vessels import Vessel, grow

Colours = Float[np.ndarray, "height width 3"]
#: A second observer misses this share of the vessels thinner than that share of the widest, and
#: draws a vessel aside by this share of the widest (standard deviation). Observers then agree to a
#: Dice of about 0.8; CHASE_DB1's two reach 0.78.
MISSES, MISSED, ASIDE = 0.5, 0.35, 0.08


def background(eye: Eye, look: FundusLook, rng: np.random.Generator) -> Colours:
    """The retina without disc, vessels and lesions: colour, light, fovea, choroid, grain."""
    size = eye.shape[0]
    red = rng.uniform(*look.red)
    colour = red * np.array([1.0, rng.uniform(*look.green), rng.uniform(*look.blue)])
    aside = np.clip(rng.normal(0, 0.25, 2), -look.lamp_reach, look.lamp_reach)
    lamp = eye.centre + aside * eye.view_radius
    edge = eye.distance(lamp) / eye.view_radius
    light = 1.12 - rng.uniform(*look.vignette) * edge**2
    light = light * (1 + 0.05 * smooth_field(eye.shape, size / 3, rng))
    dark = np.exp(-0.5 * (eye.distance(eye.fovea) / (rng.uniform(0.14, 0.3) * eye.unit)) ** 2)
    ridges = np.exp(-((smooth_field(eye.shape, size / 14, rng) / 0.5) ** 2))
    ridges *= np.clip(smooth_field(eye.shape, size / 9, rng) + 0.4, 0, 1)  # opens the loops
    ridges *= np.clip(smooth_field(eye.shape, size / 3, rng) + 0.5, 0, 1.5)
    ridges *= rng.uniform(*look.choroid)
    grain = 0.018 * smooth_field(eye.shape, size / 100, rng)
    grain += 0.03 * smooth_field(eye.shape, size / 30, rng)
    density = rng.uniform(0.15, 0.6) * dark[..., None] * np.array([0.6, 0.9, 0.7])
    density = density - (ridges * 0.5 + grain)[..., None] * np.array([0.5, 1.0, 0.8])
    lit: Colours = np.clip(light, 0.1, None)[..., None] * colour * np.exp(-density)
    return lit


@dataclass(frozen=True, slots=True)
class Disc:
    """The optic disc and its cup: opacity of every pixel, in [0, 1]."""

    disc: Plane
    cup: Plane
    halo: Plane


def draw_disc(eye: Eye, cup_radius: Range, rng: np.random.Generator) -> Disc:
    """Draw the outlines: slightly upright ovals, more or less sharp.

    Args:
        eye: The geometry.
        cup_radius: Range of the cup's radius over the disc's.
        rng: Source of shapes and sharpness.

    Returns:
        The disc; where the opacity is above 0.5 counts as the structure.
    """
    y, x = np.ogrid[: eye.shape[0], : eye.shape[1]]
    taller = rng.uniform(1.0, 1.12)
    wobble = 0.04 * smooth_field(eye.shape, 0.8 * eye.disc_radius, rng)

    def oval(centre: Float[np.ndarray, "2"], radius: float, blur: float) -> Plane:
        away = np.hypot((x - centre[0]) * taller, (y - centre[1]) / taller) / radius - 1 + wobble
        opacity: Plane = 1 / (1 + np.exp(np.clip(away / blur, -30, 30)))
        return opacity

    towards_fovea = (eye.fovea - eye.disc) / eye.unit
    cup_centre = eye.disc + 0.12 * eye.disc_radius * towards_fovea
    disc = oval(eye.disc, eye.disc_radius, rng.uniform(0.02, 0.06))
    cup = oval(cup_centre, rng.uniform(*cup_radius) * eye.disc_radius, rng.uniform(0.06, 0.2))
    halo = oval(eye.disc, rng.uniform(1.1, 1.5) * eye.disc_radius, 0.12)
    return Disc(disc, cup * disc, halo)


def add_disc(retina: Colours, shape: Disc, eye: Eye, rng: np.random.Generator) -> Colours:
    """Blend the disc into the retina: an orange rim, paler towards the fovea and in the cup."""
    retina = retina * (1 + rng.uniform(-0.05, 0.14) * shape.halo[..., None])
    rim = retina * np.array([1.12, rng.uniform(1.35, 1.8), rng.uniform(1.3, 2.2)])
    rim[..., 1:] += np.array([0.05, 0.02])
    pale = np.array([1.1, rng.uniform(0.8, 0.93), rng.uniform(0.3, 0.7)])
    to_side = (np.arange(eye.shape[1]) - eye.disc[0]) * np.sign(eye.fovea[0] - eye.disc[0])
    temporal = np.clip(to_side / eye.disc_radius, -1, 1)
    paleness = rng.uniform(0.08, 0.22) * (1 + 0.6 * temporal) + rng.uniform(0.3, 0.6) * shape.cup
    paleness = np.clip(paleness, 0, 0.85)[..., None]
    colour = rim * (1 - paleness) + paleness * pale
    colour[..., 1] = np.minimum(colour[..., 1], 0.75 * colour[..., 0])  # discs are never green
    blended: Colours = retina + shape.disc[..., None] * (colour - retina)
    return blended


@dataclass(frozen=True, slots=True)
class VesselLayers:
    """Vessels at image resolution, values in [0, 1].

    Attributes:
        coverage: Share of each pixel that lies in a vessel.
        density: The same times the blood's darkness.
        reflex: Light line along the wider arteries.
        second: As ``coverage``, by a second observer.
    """

    coverage: Plane
    density: Plane
    reflex: Plane
    second: Plane


def draw_vessels(eye: Eye, vein_width: float, rng: np.random.Generator) -> VesselLayers:
    """Grow and draw the vessels, thin ones first, so that wide ones lie on top.

    Args:
        eye: The geometry.
        vein_width: In radii of the field of view.
        rng: Source of the tree.

    Returns:
        The layers.
    """
    width = vein_width * eye.view_radius / eye.unit
    wiggle = rng.uniform(0.12, 0.32)
    tree = [v for t in trunks(width, rng) for v in grow(t, wiggle, 0.15 * width, rng)]
    coverage, density, reflex, second = (Canvas(eye.shape) for _ in range(4))
    observer = rng.spawn(1)[0]  # of its own, so that ``rng`` goes on as without it
    habit = observer.uniform(0.65, 1.2)
    for vessel in sorted(tree, key=lambda v: float(v.widths[0])):
        points, widths = visible(eye, vessel)
        if len(points) < 2:
            continue
        coverage.stroke(points, widths)
        if vessel.widths[0] > MISSED * width or observer.random() > MISSES:
            aside = ASIDE * width * eye.unit * observer.standard_normal(2)
            second.stroke(points + aside, habit * widths * observer.uniform(0.8, 1.2))
        thin = min(1.0, 0.45 + 0.55 * float(vessel.widths[0]) / width)
        density.stroke(points, widths, thin * (0.62 if vessel.artery else 1.0))
        lit = vessel.artery and vessel.widths[0] > 0.4 * width
        reflex.stroke(points, widths * (0.34 if lit else 1.0), 1.0 if lit else 0.0)
    layers = (canvas.coverage() for canvas in (coverage, density, reflex, second))
    return VesselLayers(*layers)


def visible(eye: Eye, vessel: Vessel) -> tuple[Float[np.ndarray, "n 2"], Float[np.ndarray, " n"]]:
    """A vessel's points and widths in pixels, up to the fovea's free zone or the view's edge."""
    points = eye.place(vessel.points)
    free = np.hypot(*(points - eye.fovea).T) > 0.16 * eye.unit
    stays = np.cumprod(free & eye.in_view(points, -0.05)).astype(bool)
    return points[stays], vessel.widths[stays] * eye.unit


def add_reflexes(retina: Colours, eye: Eye, most: int, rng: np.random.Generator) -> Colours:
    """Pale streaks of the nerve fibre layer: bright, but no exudates."""
    streaks = Canvas(eye.shape)
    for _ in range(rng.integers(0, most + 1)):
        start = rng.normal([0.3, 0.0], [0.2, 0.5])
        angle, turn = rng.uniform(0, 2 * np.pi), rng.uniform(-2, 2)
        angles = angle + turn * np.linspace(0, 1, 10)
        steps = 0.03 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        widths = 0.04 * eye.unit * rng.uniform(0.3, 1, 10)
        streaks.stroke(eye.place(start + np.cumsum(steps, axis=0)), widths, rng.uniform(0.2, 0.6))
    veil = gaussian_filter(streaks.coverage(), eye.shape[0] / 120)[..., None]
    veiled: Colours = retina * (1 + veil * np.array([0.3, 0.7, 0.8]))
    return veiled
