"""The anatomy of a chest: outlines as functions of position, for drawing and for masks.

Positions are (x, y) with the picture's width and height as [-1, 1], y downwards; the patient's
left is on the right, as radiographs are shown.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from tasks.phantoms.fields import smooth_field

Plane = Float[np.ndarray, "height width"]
Mask = Bool[np.ndarray, "height width"]


@dataclass(frozen=True, slots=True)
class Thorax:
    """One patient's proportions; lengths in half picture sides.

    Attributes:
        apex: Height of the lungs' tips (y).
        widest: Height at which the rib cage is widest (y).
        half_width: Of the rib cage's inside, there.
        mediastinum: Half width of the mediastinum.
        domes: Heights of the two diaphragm domes (y), the image's left first.
        doming: How far the diaphragm falls towards the sides.
        heart: Centre (x, y) and semi-axes (long, short) of the heart.
        heart_tilt: Of its long axis below the horizontal, in radians.
        wobble: Random displacement of the outlines.
    """

    apex: float
    widest: float
    half_width: float
    mediastinum: float
    domes: tuple[float, float]
    doming: float
    heart: tuple[float, float, float, float]
    heart_tilt: float
    wobble: Plane


def draw_thorax(shape: tuple[int, int], variety: float, rng: np.random.Generator) -> Thorax:
    """Draw one patient's proportions.

    Args:
        shape: Height and width of the picture.
        variety: 1 for a screening population, more for patients in bed.
        rng: Source of the variation.

    Returns:
        The proportions.
    """

    def around(mean: float, deviation: float) -> float:
        return mean + variety * deviation * float(np.clip(rng.standard_normal(), -2, 2))

    half_width = around(0.785, 0.025)
    right_dome = around(0.4, 0.05)
    ratio = around(0.45, 0.03)  # of the heart's width to the chest's
    long = ratio * half_width * 1.16
    return Thorax(
        apex=around(-0.82, 0.03),
        widest=around(0.3, 0.08),
        half_width=half_width,
        mediastinum=around(0.15, 0.012),
        domes=(right_dome, right_dome + around(0.06, 0.02)),
        doming=around(0.3, 0.05),
        heart=(
            around(0.13, 0.02),
            right_dome - around(0.12, 0.03),
            long,
            long * around(0.74, 0.04),
        ),
        heart_tilt=around(0.62, 0.1),
        wobble=0.008 * smooth_field(shape, shape[0] / 12, rng),
    )


def cage_width(thorax: Thorax, y: Plane) -> Plane:
    """Half width of the rib cage's inside at each height, as far as the apex; then 0.22."""
    down = np.clip((y - thorax.apex) / (thorax.widest - thorax.apex), 0, 1)
    shoulder = (1 - (1 - down) ** 2.3) ** 0.62
    narrowing = 0.1 * np.clip(y - thorax.widest, 0, None) ** 2
    return 0.26 + (thorax.half_width - 0.26) * shoulder - narrowing


def lung_depth(thorax: Thorax, x: Plane, y: Plane, side: int) -> Plane:
    """How far a point lies inside one lung, negative outside: the least of four distances.

    Args:
        thorax: The patient.
        x: Columns, as given by the module's frame.
        y: Rows.
        side: -1 for the image's left lung (the patient's right), 1 for the other.

    Returns:
        Depth in half picture sides; the heart and the mediastinum are not part of the lung.
    """
    lateral = side * x
    down = np.clip((y - thorax.apex) / 0.4, 0, 1)
    medial_edge = 0.26 - (0.26 - thorax.mediastinum) * (1 - (1 - down) ** 2) ** 0.5
    medial_edge = medial_edge + 0.03 * np.exp(-(((y + 0.02) / 0.16) ** 2))  # hilum
    if side > 0:
        medial_edge = medial_edge + 0.05 * np.exp(-(((y + 0.3) / 0.09) ** 2))  # aortic knob
        medial_edge = medial_edge + 0.06 * np.exp(-(((y + 0.05) / 0.12) ** 2))  # pulmonary trunk
    depth = np.minimum(cage_width(thorax, y) - lateral, lateral - medial_edge)
    depth = np.minimum(depth, diaphragm(thorax, x, side) - y)
    depth = np.minimum(depth, y - thorax.apex) + thorax.wobble
    free: Plane = np.minimum(depth, -heart_depth(thorax, x, y))
    return free


def diaphragm(thorax: Thorax, x: Plane, side: int) -> Plane:
    """Height (y) of the diaphragm under one lung."""
    dome = thorax.domes[0 if side < 0 else 1]
    from_top = (side * x - 0.36) / 0.4
    fall = np.where(from_top > 0, from_top**2.0, 0.35 * from_top**2)
    return dome + thorax.doming * np.clip(fall, 0, 1.4)


def heart_depth(thorax: Thorax, x: Plane, y: Plane) -> Plane:
    """How far a point lies inside the heart, negative outside: a tilted egg."""
    cx, cy, long, short = thorax.heart
    cos, sin = np.cos(thorax.heart_tilt), np.sin(thorax.heart_tilt)
    along = ((x - cx) * cos + (y - cy) * sin) / long
    across = ((y - cy) * cos - (x - cx) * sin) / (short * (1 - 0.14 * np.clip(along, -1, 1)))
    depth: Plane = (1 - np.hypot(along, across)) * short + thorax.wobble
    return depth


def torso_depth(thorax: Thorax, x: Plane, y: Plane) -> Plane:
    """How far a point lies inside the body, negative in the air beside neck and shoulders."""
    broad = thorax.half_width + 0.16
    neck = 0.24 + 0.03 * np.cos(6 * y)
    slope = np.clip((y + 1.02) / 0.42, 0, 1)
    shoulders = neck + (broad + 0.15 - neck) * slope**0.8
    flank = broad + 0.15 - 0.12 * np.clip((y + 0.35) / 0.8, 0, 1) ** 0.7
    edge = np.minimum(shoulders, flank)
    depth: Plane = np.minimum(edge - np.abs(x), 0.5) + thorax.wobble
    return depth


def soft(depth: Plane, blur: float) -> Plane:
    """A smooth step from 0 outside to 1 inside; ``blur`` is its half width."""
    step: Plane = 0.5 + 0.5 * np.tanh(np.clip(depth / blur, -20, 20))
    return step


@dataclass(frozen=True, slots=True)
class Frame:
    """The patient's coordinates of every pixel, and back; tilt in radians, shift in sides."""

    x: Plane
    y: Plane
    tilt: float
    zoom: float
    shift: tuple[float, float]

    def place(self, points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 2"]:
        """Pixels (x, y) of points in the patient's coordinates."""
        cos, sin = np.cos(self.tilt), np.sin(self.tilt)
        turned = points @ np.array([[cos, sin], [-sin, cos]]) / self.zoom + self.shift
        placed: Float[np.ndarray, "n 2"] = (turned + 1) * self.x.shape[0] / 2
        return placed


def draw_frame(side: int, tilt: float, variety: float, rng: np.random.Generator) -> Frame:
    """Where the patient stands in a square picture.

    Args:
        side: Of the picture in pixels.
        tilt: Largest rotation in degrees.
        variety: Scales zoom and shift.
        rng: Source of the placement.

    Returns:
        The frame.
    """
    angle = float(np.radians(rng.uniform(-tilt, tilt)))
    zoom = float(1 + 0.05 * variety * rng.uniform(-1, 1))
    shift = (float(rng.normal(0, 0.02 * variety)), float(rng.normal(0, 0.02 * variety)))
    steps = (np.arange(side) + 0.5) / side * 2 - 1
    u, v = np.meshgrid((steps - shift[0]) * zoom, (steps - shift[1]) * zoom)
    cos, sin = np.cos(angle), np.sin(angle)
    return Frame(u * cos + v * sin, v * cos - u * sin, angle, zoom, shift)
