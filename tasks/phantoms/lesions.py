"""Lesions of diabetic retinopathy, drawn onto canvases."""

import numpy as np
from jaxtyping import Float

from tasks.phantoms.eye import Eye
from tasks.phantoms.fields import Canvas, irregular_outline


def draw_lesions(eye: Eye, severity: float, rng: np.random.Generator) -> dict[str, Canvas]:
    """Draw the lesions of one eye.

    Args:
        eye: Where its disc and macula are.
        severity: 0 for a healthy eye, 1 for as much as this data set has.
        rng: Source of places, sizes and strengths.

    Returns:
        One canvas a kind; grey values are the lesions' strengths. The kinds are
        ``hard_exudates``, ``soft_exudates``, ``haemorrhages`` and ``microaneurysms``.
    """
    kinds = ("hard_exudates", "soft_exudates", "haemorrhages", "microaneurysms")
    lesions = {kind: Canvas(eye.shape) for kind in kinds}
    if severity <= 0:
        return lesions
    scatter_exudates(lesions["hard_exudates"], eye, severity, rng)
    scatter(lesions["haemorrhages"], eye, int(severity * rng.integers(2, 25)), (0.012, 0.03), rng)
    scatter(lesions["microaneurysms"], eye, int(severity * rng.integers(5, 40)), (0.006, 0.01), rng)
    if rng.random() < 0.5 * severity:
        scatter(lesions["soft_exudates"], eye, int(rng.integers(1, 5)), (0.03, 0.055), rng)
    return lesions


def scatter(
    canvas: Canvas,
    eye: Eye,
    count: int,
    radii: tuple[float, float],
    rng: np.random.Generator,
) -> None:
    """Draw blobs anywhere in the field of view but on the disc.

    Args:
        canvas: Where to draw.
        eye: The geometry.
        count: How many are tried; those on the disc or out of view are left out.
        radii: Smallest and largest radius, in radii of the field of view.
        rng: Source of places and shapes.
    """
    for _ in range(count):
        angle, away = rng.uniform(0, 2 * np.pi), 0.95 * np.sqrt(rng.random())
        place = eye.centre + away * eye.view_radius * np.array([np.cos(angle), np.sin(angle)])
        radius = float(rng.uniform(*radii)) * eye.view_radius
        if np.hypot(*(place - eye.disc)) > 1.4 * eye.disc_radius + radius:
            canvas.polygon(irregular_outline(place, radius, rng), rng.uniform(0.5, 1.0))


def scatter_exudates(canvas: Canvas, eye: Eye, severity: float, rng: np.random.Generator) -> None:
    """Draw hard exudates: clusters and rings of small blobs, most of them near the macula.

    Args:
        canvas: Where to draw.
        eye: The geometry.
        severity: Scales the area covered; at 1 between 1.2 and 3.8 % of the field of view.
        rng: Source of places, sizes and strengths.
    """
    wanted = severity * np.exp(rng.uniform(np.log(0.012), np.log(0.038))) * np.pi
    while wanted > 0:
        cluster = exudate_cluster(eye, rng)
        ring, spread = rng.random() < 0.3, rng.uniform(0.04, 0.16)
        strength = rng.uniform(0.55, 1.0)
        for _ in range(rng.integers(8, 45)):
            angle = rng.uniform(0, 2 * np.pi)
            away = spread * (rng.normal(1.0, 0.15) if ring else abs(rng.standard_t(4)) * 0.6)
            direction = np.array([np.cos(angle), 0.8 * np.sin(angle)])
            place = cluster + away * eye.view_radius * direction
            radius = float(np.clip(np.exp(rng.normal(np.log(0.0105), 0.45)), 0.006, 0.04))
            on_disc = np.hypot(*(place - eye.disc)) < 1.08 * eye.disc_radius
            if on_disc or not eye.in_view(place[None], 0.04)[0]:
                continue
            outline = irregular_outline(place, radius * eye.view_radius, rng)
            canvas.polygon(outline, strength * rng.uniform(0.6, 1.0))
            wanted -= 0.8 * np.pi * radius**2
            if wanted <= 0:
                return


def exudate_cluster(eye: Eye, rng: np.random.Generator) -> Float[np.ndarray, "2"]:
    """The centre of a cluster: round the macula, now and then just beside the disc."""
    angle = rng.uniform(0, 2 * np.pi)
    direction = np.array([np.cos(angle), np.sin(angle)])
    place = eye.fovea + rng.uniform(0.08, 0.75) * eye.unit * direction
    if rng.random() < 0.12:
        place = eye.disc + rng.uniform(1.2, 1.8) * eye.disc_radius * direction
    # Where that is outside the view or at its edge, the cluster moves towards the middle.
    out = float(np.hypot(*(place - eye.centre))) / eye.view_radius
    inward: Float[np.ndarray, "2"] = eye.centre + (place - eye.centre) * min(1.0, 0.75 / out)
    return inward
