"""The geometry of an eye in a photograph: field of view, disc, fovea and the vessels' plan."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from tasks.phantoms.vessels import Trunk

Plane = Float[np.ndarray, "height width"]
Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class FundusLook:
    """What photographs of one data set share; ranges are drawn from uniformly, per image.

    Attributes:
        aspect: Width over height.
        view_radius: Radius of the field of view over the height; above 0.5 it is cut off.
        view_x: Centre of the field of view over the width.
        disc_x: Distance of the disc from the centre, in radii of the field of view.
        disc_radius: In radii of the field of view.
        cup: Radius of the cup over the disc's.
        fovea_distance: From disc to fovea, in radii of the field of view.
        vein_width: Of the widest veins, in radii of the field of view.
        red: Mean red value in [0, 1].
        green: Share of red.
        blue: Share of red.
        vignette: Light lost at the edge, as a fraction.
        choroid: Visibility of the choroid's vessels.
        reflexes: Pale streaks of the nerve fibre layer along the arcades, at most.
        view_height: Of the field of view over the picture's height; under 1 it is cut off by
            straight edges.
        lamp_reach: How far the light's middle may lie from that of the field of view, in its
            radii, up or down and to either side.
    """

    aspect: float
    view_radius: float
    view_x: float
    disc_x: Range
    disc_radius: Range
    cup: Range
    fovea_distance: Range
    vein_width: Range
    red: Range
    green: Range
    blue: Range
    vignette: Range
    choroid: Range
    reflexes: int
    view_height: float = 1.0
    lamp_reach: float = float("inf")


@dataclass(frozen=True, slots=True)
class Eye:
    """Where things are in one photograph, in pixels; points are (x, y).

    Attributes:
        shape: Height and width of the photograph.
        centre: Of the field of view.
        view_radius: Of the field of view.
        disc: Centre of the optic disc.
        disc_radius: Its mean radius.
        fovea: Centre of the fovea.
    """

    shape: tuple[int, int]
    centre: Float[np.ndarray, "2"]
    view_radius: float
    disc: Float[np.ndarray, "2"]
    disc_radius: float
    fovea: Float[np.ndarray, "2"]

    @property
    def unit(self) -> float:
        """Distance from disc to fovea in pixels, the vessels' unit of length."""
        return float(np.hypot(*(self.fovea - self.disc)))

    def place(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """Pixels of points given in units from the disc: x towards the fovea, y upwards."""
        towards = self.fovea - self.disc
        upwards = np.array([towards[1], -towards[0]]) * np.sign(towards[0])
        placed: Float[np.ndarray, "n 2"] = self.disc + points @ np.stack([towards, upwards])
        return placed

    def distance(self, point: Float[np.ndarray, "2"]) -> Plane:
        """Every pixel's distance from a point."""
        y, x = np.ogrid[: self.shape[0], : self.shape[1]]
        away: Plane = np.hypot(x - point[0], y - point[1])
        return away

    def in_view(
        self, points: Float[np.ndarray, "n 2"], margin: float = 0.0
    ) -> Bool[np.ndarray, " n"]:
        """Whether points lie in the field of view, less a margin in its radii."""
        away = np.hypot(*(points - self.centre).T)
        inside: Bool[np.ndarray, " n"] = away < (1 - margin) * self.view_radius
        return inside


def place_eye(look: FundusLook, size: int, right: bool, rng: np.random.Generator) -> Eye:
    """Draw the geometry of one photograph.

    Args:
        look: The data set's look.
        size: Height in pixels.
        right: Whether it is a right eye: disc on the right of the fovea.
        rng: Source of positions and sizes.

    Returns:
        The eye.
    """
    side = 1.0 if right else -1.0
    shape = (size, round(size * look.aspect))
    radius = look.view_radius * size
    centre = np.array([look.view_x * shape[1], size / 2]) + rng.normal(0, 0.004 * size, 2)
    disc = centre + radius * np.array([side * rng.uniform(*look.disc_x), rng.uniform(-0.12, 0.1)])
    away = radius * rng.uniform(*look.fovea_distance)
    tilt = np.radians(rng.uniform(-2, 13))  # the fovea lies a little below the disc
    fovea = disc + away * np.array([-side * np.cos(tilt), np.sin(tilt)])
    disc_radius = radius * rng.uniform(*look.disc_radius)
    return Eye(shape, centre, radius, disc, disc_radius, fovea)


def trunks(vein_width: float, rng: np.random.Generator) -> Iterator[Trunk]:
    """The vessels that leave the disc, in the frame of ``Eye.place``.

    Args:
        vein_width: Width of the widest veins, in units.
        rng: Source of their courses.

    Yields:
        For the upper and the lower half an artery and a vein of the temporal arcade and of
        the nasal side, then small vessels towards the macula and the nasal side.
    """
    for half in (1, -1):
        for artery in (False, True):
            width = vein_width * (rng.uniform(0.6, 0.8) if artery else rng.uniform(0.8, 1.0))
            start = (rng.normal(-0.03, 0.015), -half * rng.uniform(0.0, 0.05))
            first, apart = rng.uniform(80, 115), rng.uniform(-10, 10) + (10 if artery else -5)
            arcade = (first + apart, first - 5 + apart, rng.uniform(5, 30), rng.uniform(-15, 5))
            at = (0.0, rng.uniform(0.2, 0.4), rng.uniform(0.9, 1.25), 2.9)
            yield Trunk(start, tuple(half * a for a in arcade), at, width, artery)
            nasal = (rng.uniform(105, 125) + apart, rng.uniform(120, 165) + apart)
            at_nasal = (0.0, rng.uniform(0.5, 1.0), rng.uniform(1.0, 1.6))
            headings = tuple(half * a for a in (*nasal, nasal[1] + rng.uniform(-15, 15)))
            yield Trunk(start, headings, at_nasal, 0.7 * width, artery)
    for angle in rng.permutation([-45, -20, 10, 35, 145, 180, 215])[: rng.integers(4, 7)]:
        first = float(angle + rng.normal(0, 10))
        start = (0.08 * float(np.cos(np.radians(first))), 0.08 * float(np.sin(np.radians(first))))
        away = np.sign(np.sin(np.radians(first))) * rng.uniform(0, 45)  # round the fovea
        settled = first + (away if abs(angle) < 90 else rng.normal(0, 20))
        reach = rng.uniform(0.4, 0.9)
        width = vein_width * rng.uniform(0.18, 0.3)
        yield Trunk(start, (first, settled), (0.0, reach), width, bool(rng.random() < 0.5))
