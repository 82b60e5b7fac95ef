"""Air, vessels and pleural space of the lungs, as absorption."""

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter

from tasks.phantoms.fields import Canvas, smooth_field
from tasks.phantoms.thorax import Frame, Mask, Plane, Thorax, lung_depth, soft
from tasks.phantoms.vessels import Trunk, grow

#: Least share of the picture that a pneumothorax takes.
LEAST_FREE = 0.0006
#: How far down from the apex the air of a lung collapsed by 1 reaches, in half picture sides, and
#: how fast the gap narrows from there.
REACH, TAPER = 2.2, 0.3


def lung_tissue(
    thorax: Thorax, frame: Frame, lungs: dict[int, Plane], free: Mask, rng: np.random.Generator
) -> Plane:
    """What the lungs change: air takes absorption away, vessels and opacities add some.

    Args:
        thorax: The patient.
        frame: Where the patient stands.
        lungs: Depth inside the image's left (-1) and right (1) lung.
        free: Pleural space without lung: no vessels, and somewhat darker.
        rng: Source of vessels, texture and aeration.

    Returns:
        Absorption to add, negative.
    """
    side = frame.x.shape[0]
    air = sum(soft(d, 0.007) * (0.6 + 0.4 * np.clip(d / 0.16, 0, 1)) for d in lungs.values())
    hila = sum(
        np.exp(-(((s * frame.x - 0.2) / 0.08) ** 2) - ((frame.y + 0.02) / 0.14) ** 2) for s in lungs
    )
    texture = 0.02 * smooth_field((side, side), side / 60, rng)
    cloud = np.clip(smooth_field((side, side), side / 4, rng) - 0.8, 0, 1)
    texture += rng.uniform(0, 0.22) * cloud
    strands = lung_vessels(thorax, frame, rng)
    tissue = (rng.uniform(0.16, 0.26) * strands + 0.12 * hila + texture) * ~free
    border = gaussian_filter(free.astype(np.float64), side / 250)
    pleura = 0.24 * border * (1 - border)
    aeration = rng.uniform(0.62, 0.76) * (1 + 0.12 * free)
    change: Plane = air * (tissue + pleura - aeration)
    return change


def lung_vessels(thorax: Thorax, frame: Frame, rng: np.random.Generator) -> Plane:
    """Vessels that fan out of both hila, strength in [0, 1]."""
    side = frame.x.shape[0]
    canvas = Canvas((side, side))
    widest = 0.026
    for s in (-1, 1):
        for angle in range(-75, 90, 25):
            heading = (angle if s > 0 else 180 - angle) + rng.normal(0, 7)
            start = (s * (thorax.mediastinum + 0.01), rng.uniform(-0.1, 0.08))
            course = (heading, heading + rng.normal(0, 25))
            trunk = Trunk(start, course, (0.0, rng.uniform(0.35, 0.6)), widest, artery=False)
            for vessel in grow(trunk, 0.18, 0.006, rng):
                strength = 0.25 + 0.75 * float(vessel.widths[0]) / widest
                canvas.stroke(frame.place(vessel.points), vessel.widths * side / 2, strength)
    strands: Plane = gaussian_filter(canvas.coverage(), side / 300)
    return strands


def collapse(
    thorax: Thorax,
    frame: Frame,
    lungs: dict[int, Plane],
    extent: tuple[float, float],
    rng: np.random.Generator,
) -> Mask:
    """The pleural space of a pneumothorax: what a smaller lung leaves free of the larger.

    Args:
        thorax: The patient.
        frame: Where the patient stands.
        lungs: Depth inside the image's left (-1) and right (1) lung.
        extent: Range of how far it has collapsed, as in ``ChestLook``.
        rng: Source of side and amount.

    Returns:
        The free space, at least ``LEAST_FREE`` of the picture.
    """
    side = int(rng.choice([-1, 1]))
    inward, down = rng.uniform(0.05, 0.22), rng.uniform(0.08, 0.3)
    # Of its own, so that ``rng`` goes on as if all lungs collapsed alike.
    amount = float(np.exp(rng.spawn(1)[0].uniform(*np.log(extent))))
    outer = side * frame.x > thorax.mediastinum + 0.06

    def free(amount: float) -> Mask:
        smaller = replace(
            thorax,
            half_width=thorax.half_width - amount * inward,
            apex=thorax.apex + amount * down,
        )
        # Little air gathers at the top: further down the gap tapers off.
        below = np.clip(frame.y - thorax.apex - REACH * amount, 0, None)
        left_over = lung_depth(smaller, frame.x, frame.y, side) < -TAPER * below
        space: Mask = (lungs[side] > 0) & left_over & outer
        return space

    space = free(amount)
    while space.mean() < LEAST_FREE:
        amount *= 1.5
        space = free(amount)
    return space
