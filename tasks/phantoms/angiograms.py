"""Drawn vessel masks of two other modalities: OCT angiography and X-ray angiography.

Shapes without images, unpaired with anything: what a shape prior is made of where no masks of real
angiograms may be kept. They are no data about any patient.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image

from tasks.phantoms.fields import Canvas, derived_rng
from tasks.phantoms.vessels import Trunk, Vessel, grow

#: How many masks a prior has, as many as the paper takes of each modality.
COUNT = 10
#: Side of the masks in pixels, that of prepared task images.
SIDE = 512


@dataclass(frozen=True, slots=True)
class Angiogram:
    """How masks of a modality are drawn; lengths in shares of the side.

    Attributes:
        trunks: Draws the main vessels.
        wiggle: Range of the amplitude of the directions' waves, radians.
        thinnest: Width at which no further branch leaves.
        free_zone: Range of the radius of the avascular zone in the middle; 0 if there is none.
    """

    trunks: Callable[[np.random.Generator], Iterator[Trunk]]
    wiggle: tuple[float, float]
    thinnest: float
    free_zone: tuple[float, float]


def arcades(rng: np.random.Generator) -> Iterator[Trunk]:
    """Main vessels of a macula in OCT angiography: from the disc's side around the fovea.

    Two or three above and as many below, and short ones that come in from the far side.
    """
    for sign in (-1.0, 1.0):
        for place in range(int(rng.integers(2, 4))):
            start = (-1.05, sign * float(rng.uniform(0.25, 0.4) + 0.3 * place))
            aside = sign * float(rng.uniform(10, 45))
            headings = (aside, aside / 3, -sign * float(rng.uniform(5, 40)))
            width = float(rng.uniform(0.035, 0.06))
            yield Trunk(start, headings, (0.0, 0.8, 2.2), width, artery=bool(place % 2))
        start = (1.05, sign * float(rng.uniform(0.15, 0.8)))
        heading = 180.0 + sign * float(rng.uniform(-25, 25))
        yield Trunk(start, (heading, heading), (0.0, 0.8), float(rng.uniform(0.025, 0.04)), False)


def coronaries(rng: np.random.Generator) -> Iterator[Trunk]:
    """Main vessels of a coronary artery in X-ray angiography: two or three from one ostium."""
    side = float(rng.choice([-1.0, 1.0]))
    start = (side * float(rng.uniform(0.5, 0.8)), -float(rng.uniform(0.6, 0.85)))
    away = 180.0 if side > 0 else 0.0
    for place in range(int(rng.integers(2, 4))):
        down = side * float(rng.uniform(-15, 25) - 35 * place)
        headings = (away + down, away + 1.6 * down, away + side * -float(rng.uniform(60, 100)))
        width = float(rng.uniform(0.07, 0.11)) * 0.85**place
        yield Trunk(start, headings, (0.0, 0.7, 1.9), width, artery=False)


MODALITIES: dict[str, Angiogram] = {
    "octa": Angiogram(arcades, (0.15, 0.4), 0.011, (0.14, 0.22)),
    "angiography": Angiogram(coronaries, (0.2, 0.45), 0.024, (0.0, 0.0)),
}


def angiogram_masks(modality: str, seed: int = 0) -> UInt8[np.ndarray, "masks side side"]:
    """Ten masks of a modality, grey levels 0 to 255 at the vessels' borders.

    Args:
        modality: One of ``MODALITIES``.
        seed: Of all masks; each is a function of it, the modality and its number.
    """
    look = MODALITIES[modality]
    drawn = (
        angiogram(look, derived_rng(seed, modality, str(number)), SIDE) for number in range(COUNT)
    )
    return np.stack([np.rint(255.0 * mask).astype(np.uint8) for mask in drawn])


def angiogram(
    look: Angiogram, rng: np.random.Generator, side: int
) -> Float[np.ndarray, "{side} {side}"]:
    """Share of each pixel that lies in a vessel.

    Args:
        look: Of the modality.
        rng: Source of the tree.
        side: In pixels.
    """
    canvas = Canvas((side, side))
    zone, wiggle = rng.uniform(*look.free_zone), rng.uniform(*look.wiggle)
    for trunk in look.trunks(rng):
        for vessel in grow(trunk, wiggle, look.thinnest, rng):
            kept = present(vessel, zone)
            if kept.sum() > 1:
                points = (vessel.points[kept] + 1.0) * side / 2.0
                canvas.stroke(points, vessel.widths[kept] * side / 2.0)
    return canvas.coverage()


def present(vessel: Vessel, zone: float) -> Bool[np.ndarray, " n"]:
    """A vessel's points up to the free zone in the middle, in units of half the side."""
    away = np.hypot(*vessel.points.T)
    stays: np.ndarray = np.cumprod(away > zone).astype(bool)
    return stays


def write_angiograms(folder: Path, modality: str, seed: int = 0) -> list[Path]:
    """Write a modality's masks as PNG files into a folder, made as needed; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, mask in enumerate(angiogram_masks(modality, seed)):
        paths.append(folder / f"{modality}_{number:02}.png")
        Image.fromarray(mask).save(paths[-1])
    return paths
