"""Alternating pairs, medians and ratios; what a fair comparison of two durations needs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import median
from typing import NamedTuple

#: Seconds a step of a short run, measured anew at every call.
Block = Callable[[], float]


class Ratio(NamedTuple):
    """How many times as fast: the median over pairs, the smallest and the largest."""

    median: float
    low: float
    high: float


def seconds_a_step(ticks: Sequence[float], steps: int) -> float:
    """Mean seconds of the last ``steps`` steps, from the times at which steps ended.

    Raises:
        ValueError: If there is no tick before those steps: the first step has no beginning.
    """
    if not 0 < steps < len(ticks):
        raise ValueError(f"{len(ticks)} ticks do not bound {steps} steps")
    return (ticks[-1] - ticks[-1 - steps]) / steps


def turns(names: Sequence[str], pairs: int) -> Iterator[str]:
    """Every name once a round, in turn forwards and backwards, so that a drift hits all alike."""
    for number in range(pairs):
        yield from names if number % 2 == 0 else reversed(names)


def alternating(blocks: Mapping[str, Block], pairs: int) -> dict[str, list[float]]:
    """Seconds a step of every block, ``pairs`` times, in alternating order."""
    seconds: dict[str, list[float]] = {name: [] for name in blocks}
    for name in turns(list(blocks), pairs):
        seconds[name].append(blocks[name]())
    return seconds


def ratio(ours: Sequence[float], other: Sequence[float]) -> Ratio:
    """How many times as fast we are as another, pair by pair.

    Args:
        ours: Seconds a step, one a pair.
        other: The same of the other, measured in the same pairs.

    Raises:
        ValueError: If there is no pair, or one lacks its partner.
    """
    if not ours or len(ours) != len(other):
        raise ValueError(f"{len(ours)} and {len(other)} measurements are no pairs")
    quotients = [b / a for a, b in zip(ours, other, strict=True)]
    return Ratio(median(quotients), min(quotients), max(quotients))


def images_a_second(seconds: Sequence[float], batch: int) -> float:
    """The median rate, from seconds a step and images drawn a step."""
    return batch / median(seconds)
