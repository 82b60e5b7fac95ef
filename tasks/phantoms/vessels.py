"""Branching vessels: the retina's arcades, and the lung's vessels that fan out of the hila."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

STEP = 0.03  # length of a vessel's straight pieces, in the tree's unit of length


@dataclass(frozen=True, slots=True)
class Vessel:
    """One unbranched vessel; lengths in the tree's unit, which its caller chooses.

    Attributes:
        points: Centre line as (x, y).
        widths: Full width at each point.
        headings: Direction at each point in radians, 0 along x and growing towards y.
        artery: Whether it is an artery: brighter, with a light reflex.
    """

    points: Float[np.ndarray, "n 2"]
    widths: Float[np.ndarray, " n"]
    headings: Float[np.ndarray, " n"]
    artery: bool


@dataclass(frozen=True, slots=True)
class Trunk:
    """Where a tree's main vessel starts and how it runs.

    Attributes:
        start: First point as (x, y).
        headings: Direction in degrees at the distances ``at``; linear between them.
        at: Distances along the vessel, increasing from 0.
        width: Full width at the start.
        artery: As in ``Vessel``.
    """

    start: tuple[float, float]
    headings: tuple[float, ...]
    at: tuple[float, ...]
    width: float
    artery: bool


def grow(
    trunk: Trunk, wiggle: float, thinnest: float, rng: np.random.Generator
) -> Iterator[Vessel]:
    """A trunk and its branches, to the third generation.

    Args:
        trunk: The main vessel.
        wiggle: Amplitude of the directions' waves in radians.
        thinnest: Width at which no further branch leaves.
        rng: Source of every variation.

    Yields:
        The vessels, each before its own branches.
    """
    waiting = [(trunk, 0)]
    while waiting:
        plan, generation = waiting.pop()
        vessel = run(plan, wiggle, rng)
        yield vessel
        if generation < 3:
            waiting += [(b, generation + 1) for b in branches(vessel, thinnest, rng)]


def run(trunk: Trunk, wiggle: float, rng: np.random.Generator) -> Vessel:
    """The course of one vessel: integrate its directions, with two random waves on top.

    Args:
        trunk: Start, directions and width.
        wiggle: Amplitude of the waves in radians.
        rng: Source of the waves.

    Returns:
        The vessel, narrowing to a good third of its first width.
    """
    count = max(5, int(trunk.at[-1] / STEP))
    s = np.arange(count) * STEP
    headings = np.radians(np.interp(s, trunk.at, trunk.headings))
    for waves_per_unit in (rng.uniform(0.8, 2), rng.uniform(3, 6)):
        phase = rng.uniform(0, 2 * np.pi)
        wave = np.sin(2 * np.pi * waves_per_unit * s + phase) - np.sin(phase)
        headings = headings + wiggle * rng.uniform(0.4, 1.2) * wave * np.minimum(1, s / 0.2)
    moves = STEP * np.stack([np.cos(headings), np.sin(headings)], axis=1)
    points = np.array(trunk.start) + np.cumsum(moves, axis=0) - moves[0]
    widths = trunk.width * np.linspace(1, rng.uniform(0.3, 0.5), count)
    return Vessel(points, widths, headings, trunk.artery)


def branches(vessel: Vessel, thinnest: float, rng: np.random.Generator) -> Iterator[Trunk]:
    """Where branches leave a vessel, alternating sides more often than not.

    Args:
        vessel: The parent.
        thinnest: Width under which no branch leaves.
        rng: Source of places, widths and directions.

    Yields:
        The branches' plans.
    """
    side = rng.choice([-1.0, 1.0])
    length = len(vessel.widths) * STEP
    at = rng.uniform(0.2, 0.4) * min(1.0, length)
    while at < length - 2 * STEP:
        i = int(at / STEP)
        width = float(vessel.widths[i] * rng.uniform(0.4, 0.8))
        if width >= thinnest:
            heading = float(np.degrees(vessel.headings[i]))
            leave, settle = rng.uniform(35, 75), rng.uniform(0, 60)
            reach = float(rng.uniform(0.15, 0.4) * (width / thinnest) ** 0.75)
            start = (float(vessel.points[i, 0]), float(vessel.points[i, 1]))
            yield Trunk(
                start,
                (heading + side * leave, heading + side * settle),
                (0.0, reach),
                width,
                vessel.artery,
            )
        side = -side if rng.random() < 0.75 else side
        at += rng.uniform(0.12, 0.42)
