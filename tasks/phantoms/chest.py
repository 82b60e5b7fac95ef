"""Frontal chest radiographs with their masks.

A radiograph shows how much the body absorbs along each ray, so organs are added up as
absorption and only then turned into grey values, bright where much is absorbed.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, UInt8
from scipy.ndimage import gaussian_filter

from tasks.phantoms.bones import clavicle, ribs, shoulders, spine
from tasks.phantoms.fields import Canvas, irregular_outline, smooth_field
from tasks.phantoms.lungs import collapse, lung_tissue
from tasks.phantoms.thorax import (
    Plane,
    Thorax,
    cage_width,
    diaphragm,
    draw_frame,
    draw_thorax,
    heart_depth,
    lung_depth,
    soft,
    torso_depth,
)


@dataclass(frozen=True, slots=True)
class ChestLook:
    """What radiographs of one data set share.

    Attributes:
        variety: Spread of anatomy and exposure; 1 for a screening population.
        tilt: Largest rotation of the patient in degrees.
        noise: Most standard deviation of the sensor's noise, of grey values in [0, 1].
        devices: Whether wires, electrodes and side markers may be in the picture.
        collapse: How far a lung has come off the chest wall in a pneumothorax, least and most;
            around 1 about 6 % of the picture are free of lung.
    """

    variety: float
    tilt: float
    noise: float
    devices: bool
    collapse: tuple[float, float] = (1.0, 1.0)


JSRT = ChestLook(variety=1.0, tilt=2.0, noise=0.012, devices=False)
CXR8 = ChestLook(variety=1.5, tilt=5.0, noise=0.02, devices=True)
#: NIH's look; most pneumothoraces are small, as in the published masks: 1 to 2 % of the picture.
SIIM = replace(CXR8, collapse=(0.08, 1.0))


@dataclass(frozen=True, slots=True)
class ChestPhantom:
    """A radiograph, grey values in [0, 1], and its masks by structure."""

    image: Float[np.ndarray, "side side"]
    masks: dict[str, Bool[np.ndarray, "side side"]]

    @property
    def levels(self) -> UInt8[np.ndarray, "side side"]:
        """The radiograph in eight bits."""
        levels: UInt8[np.ndarray, "side side"] = np.round(255 * self.image).astype(np.uint8)
        return levels


def draw_chest(
    look: ChestLook, side: int, pneumothorax: bool, rng: np.random.Generator
) -> ChestPhantom:
    """Draw one radiograph.

    Args:
        look: The data set's look.
        side: Of the square picture in pixels.
        pneumothorax: Whether one lung has come off the chest wall.
        rng: Source of everything that differs between images.

    Returns:
        The radiograph with the masks ``heart``, ``left_lung``, ``right_lung``,
        ``left_clavicle``, ``right_clavicle`` (the patient's sides) and ``pneumothorax``.
    """
    frame = draw_frame(side, look.tilt, look.variety, rng)
    x, y = frame.x, frame.y
    thorax = draw_thorax((side, side), look.variety, rng)
    lungs = {s: lung_depth(thorax, x, y, s) for s in (-1, 1)}
    heart = heart_depth(thorax, x, y)
    clavicles = {s: clavicle(thorax, x, y, s, rng) for s in (-1, 1)}
    absorbed = soft_tissue(thorax, x, y, rng)
    below_waist = np.clip((y - thorax.heart[1] + 0.7 * thorax.heart[3]) / 0.25, 0.3, 1)
    absorbed += 0.4 * below_waist * soft(heart, 0.012) * (0.6 + 0.4 * np.clip(heart / 0.2, 0, 1))
    absorbed += ribs(thorax, x, y, rng) + spine(x, y, rng) + shoulders(x, y, rng)
    absorbed += rng.uniform(0.14, 0.24) * soft(np.maximum(clavicles[-1], clavicles[1]), 0.006)
    free = np.zeros_like(heart, bool)
    if pneumothorax:
        free = collapse(thorax, frame, lungs, look.collapse, rng)
    absorbed += lung_tissue(thorax, frame, lungs, free, rng)
    body = soft(torso_depth(thorax, x, y), 0.012)
    image = expose(np.clip(absorbed, 0.05, None) * body, look, rng)
    image = add_devices(image, rng) if look.devices else image
    masks = {
        "heart": (heart > 0) & (y < diaphragm(thorax, x, 1) + 0.08),
        "right_lung": lungs[-1] > 0,
        "left_lung": lungs[1] > 0,
        "right_clavicle": clavicles[-1] > 0,
        "left_clavicle": clavicles[1] > 0,
        "pneumothorax": free,
    }
    return ChestPhantom(image, masks)


def soft_tissue(thorax: Thorax, x: Plane, y: Plane, rng: np.random.Generator) -> Plane:
    """Absorption of chest wall, mediastinum, abdomen and breasts."""
    depth = np.clip(torso_depth(thorax, x, y) / 0.45, 0, 1)
    wall = rng.uniform(0.8, 1.0) * (0.45 + 0.55 * np.sqrt(depth)) * (1 + 0.08 * y)
    core = 0.4 * np.exp(-((np.abs(x) / (thorax.mediastinum + 0.07 + 0.05 * y)) ** 4))
    domes = diaphragm(thorax, x, -1), diaphragm(thorax, x, 1)
    below = np.where(np.abs(x) < 0.25, np.minimum(*domes), np.where(x < 0, *domes))
    inside = soft(cage_width(thorax, y) - np.abs(x), 0.03)
    abdomen = rng.uniform(0.35, 0.6) * soft(y - below, 0.012) * inside
    bubble = 1 - np.hypot((x - 0.36) / 0.16, (y - thorax.domes[1] - 0.16) / 0.09)
    stomach = -rng.uniform(0.0, 0.35) * soft(bubble, 0.1)
    breasts = np.zeros_like(x)
    if rng.random() < 0.5:
        low, size = rng.uniform(0.12, 0.3), rng.uniform(0.32, 0.42)
        for side in (-1, 1):
            away = np.hypot((side * x - 0.46) / size, (y - low) / size)
            breasts += 0.14 * soft(1 - away, 0.03) * np.clip(0.4 + (y - low) / size, 0, 1)
    absorbed: Plane = wall + core + abdomen + stomach + breasts
    return absorbed


def expose(absorbed: Plane, look: ChestLook, rng: np.random.Generator) -> Plane:
    """Film or detector: a saturating response, uneven exposure, blur and noise."""
    side = absorbed.shape[0]
    gain = rng.uniform(1.25, 1.75) + 0.04 * smooth_field((side, side), side / 2, rng)
    grey = 1 - np.exp(-gain * absorbed ** rng.uniform(1.1, 1.1 + 0.25 * look.variety))
    grey = gaussian_filter(grey, rng.uniform(0.3, 0.7) * side / 320)
    noise = rng.standard_normal((side, side), dtype=np.float32)
    grey = grey + rng.uniform(0.3, 1.0) * look.noise * noise
    low, high = rng.uniform(0.0, 0.06 * look.variety), rng.uniform(0.9, 1.0)
    exposed: Plane = np.clip(low + (high - low) * grey, 0, 1)
    return exposed


def add_devices(image: Plane, rng: np.random.Generator) -> Plane:
    """What lies on or beside the patient: wires with electrodes, a side marker, a dark border."""
    side = image.shape[0]
    canvas = Canvas((side, side))
    for _ in range(rng.integers(0, 4) if rng.random() < 0.5 else 0):
        angles = rng.uniform(0, 2 * np.pi) + rng.uniform(-3, 3) * np.linspace(0, 1, 40)
        steps = 0.018 * side * np.stack([np.cos(angles), np.sin(angles)], axis=1)
        course = side * rng.uniform(0.2, 0.8, 2) + np.cumsum(steps, axis=0)
        canvas.stroke(course, np.full(40, 0.006 * side), rng.uniform(0.2, 0.5))
        canvas.polygon(irregular_outline(course[-1], 0.018 * side, rng), rng.uniform(0.3, 0.6))
    if rng.random() < 0.6:
        text, left_edge = ("L", 0.85) if rng.random() < 0.5 else ("R", 0.05)
        corner = (left_edge + rng.uniform(0, 0.08), rng.uniform(0.03, 0.12))
        canvas.letter(text, (corner[0] * side, corner[1] * side), 0.06 * side)
    dense = canvas.coverage()
    covered: Plane = image + dense * (1 - image)
    if rng.random() < 0.2:
        covered[: int(rng.uniform(0.01, 0.06) * side)] *= 0.05
    if rng.random() < 0.2:
        covered[:, : int(rng.uniform(0.01, 0.06) * side)] *= 0.05
    return covered
