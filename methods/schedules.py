"""How a learning rate falls, as a function of the share of a phase that is over."""

import math
from dataclasses import dataclass


def constant(fraction: float) -> float:
    """No decay: the learning rate of the ``Config`` throughout."""
    del fraction
    return 1.0


def cosine(fraction: float) -> float:
    """From 1 to 0 along half a cosine (Loshchilov and Hutter, ICLR 2017, without restarts)."""
    return 0.5 * (1.0 + math.cos(math.pi * fraction))


@dataclass(frozen=True, slots=True)
class WarmCosine:
    """From 0 to 1 in a straight line over a share ``warmup`` of the phase, then ``cosine``."""

    warmup: float

    def __call__(self, fraction: float) -> float:
        """The factor at ``fraction`` of the phase."""
        if fraction < self.warmup:
            return fraction / self.warmup
        return cosine((fraction - self.warmup) / (1.0 - self.warmup))


@dataclass(frozen=True, slots=True)
class Halving:
    """Halved at the end of each of ``intervals`` equal intervals but the last."""

    intervals: int

    def __call__(self, fraction: float) -> float:
        """The factor at ``fraction`` of the phase."""
        return float(0.5 ** int(fraction * self.intervals))
