"""Bones of the chest as absorption: ribs, spine, clavicles, shoulder blades."""

import numpy as np

from tasks.phantoms.thorax import Plane, Thorax, cage_width, soft


def ribs(thorax: Thorax, x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """Absorption of the ribs: each runs down behind the lung and back in front of it."""
    cage = cage_width(thorax, y)
    across = np.clip(np.abs(x) / cage, 0, 1.05)
    spacing = rng.uniform(0.145, 0.175)
    shift = rng.uniform(0, spacing)
    behind = y - rng.uniform(0.2, 0.34) * (across**2.2 - 0.45 * across)
    before = y - rng.uniform(0.35, 0.5) * (1.0 - across**1.6)
    inside = soft(cage + 0.015 - np.abs(x), 0.008) * soft(y - thorax.apex + 0.05, 0.02)
    wall = np.exp(-(((cage + 0.02 - np.abs(x)) / 0.02) ** 2)) * soft(y - thorax.apex - 0.2, 0.06)
    front = np.clip((across - 0.4) / 0.2, 0, 1)
    back = bands((behind - shift) / spacing, 0.22, spacing)
    fore = bands((before - shift) / spacing, 0.26, spacing)
    strength = rng.uniform(0.09, 0.17)
    fading = np.clip(1.2 - 1.1 * np.clip(y, 0, 1), 0.35, 1)
    absorbed: Plane = strength * fading * (inside * (back + 0.6 * front * fore) + 0.6 * wall)
    return absorbed


def bands(phase: Plane, half: float, spacing: float) -> Plane:
    """A periodic band with brighter borders, as of a tube with a dense wall.

    Args:
        phase: Position in periods.
        half: Half width of a band in periods.
        spacing: Length of a period, in half picture sides.

    Returns:
        About 1 at a band's borders, less within, 0 between bands.
    """
    away = np.abs(phase - np.floor(phase) - 0.5) - half
    body = soft(-away * spacing, 0.004)
    border = np.exp(-(((away + 0.05) * spacing / 0.012) ** 2))
    profile: Plane = 0.65 * body + 0.4 * border
    return profile


def spine(x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """Absorption of the vertebrae, with the dark windpipe in front of the upper ones."""
    column = soft(0.085 + 0.02 * y - np.abs(x), 0.015)
    vertebrae = 0.75 + 0.25 * np.cos(2 * np.pi * (y + rng.uniform(0, 1)) / rng.uniform(0.12, 0.15))
    aside = rng.normal(0.0, 0.012)
    windpipe = soft(0.036 - np.abs(x - aside), 0.008) * soft(-0.28 - y, 0.03)
    absorbed: Plane = rng.uniform(0.2, 0.3) * column * vertebrae - 0.28 * windpipe
    return absorbed


def clavicle(thorax: Thorax, x: Plane, y: Plane, side: int, rng: np.random.Generator) -> Plane:
    """How far a point lies inside one clavicle, negative outside: a flat S, thick in the middle.

    Args:
        thorax: The patient.
        x: Columns in [-1, 1].
        y: Rows in [-1, 1].
        side: -1 for the image's left, 1 for its right.
        rng: Source of its course.

    Returns:
        Depth in half picture sides.
    """
    start, length = rng.uniform(0.06, 0.09), rng.uniform(0.58, 0.68)
    along = (side * x - start) / length
    height = thorax.apex + rng.uniform(0.2, 0.29) - rng.uniform(0.06, 0.2) * along
    course = height + rng.uniform(0.015, 0.035) * np.sin(2 * np.pi * along)
    thick = rng.uniform(0.028, 0.036) * (1.25 - 0.45 * np.sin(np.pi * np.clip(along, 0, 1)))
    ends = np.minimum(along, 1 - along) * length
    rounded = thick * np.sqrt(np.clip(ends / 0.06, 0, 1))
    depth: Plane = rounded - np.abs(y - course) - 0.2 * (ends < 0)
    return depth


def shoulders(x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """Absorption of shoulder blades and upper arms, beside the rib cage."""
    total = np.zeros_like(x)
    for side in (-1, 1):
        blade_x, blade_y = rng.uniform(0.68, 0.8), rng.uniform(-0.4, -0.25)
        lateral = side * x - blade_x - 0.3 * (y - blade_y)
        blade = 1 - np.hypot(lateral / 0.13, (y - blade_y) / 0.34)
        arm = 1 - np.hypot((side * x - 1.02) / 0.17, (y + 0.38) / 0.4)
        total += 0.1 * soft(blade, 0.1) + 0.2 * soft(arm, 0.2)
    return total
