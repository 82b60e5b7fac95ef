"""Successive halving on the pre-training budget, with a bracket's trials in step.

Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization",
AISTATS 2016, https://arxiv.org/abs/1502.07943: every trial gets a part of the budget, the better
ones go on with the next part. In step, not asynchronously, so that who goes on depends on values
alone, whoever computed them in whatever order, and every method spends the same.

The first trial, the paper's defaults, goes on to the end whatever it scores: gains are measured
against it. It takes no rival's place, so that what a method spends depends on no value.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

#: The trial of the defaults.
DEFAULTS = 0


class Standing(NamedTuple):
    """How far a trial has come: its value at each rung, and whether it failed after the last."""

    values: Mapping[int, float]
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Halving:
    """Which part of the budget a trial gets at each rung.

    Attributes:
        images: Images drawn by the end of the last rung.
        rungs: How often trials are compared; 1 for no halving.
        factor: How many times more images the next rung has, and how many times fewer trials.
    """

    images: int
    rungs: int
    factor: int

    def images_at(self, rung: int) -> int:
        """Images that a trial has drawn by the end of a rung."""
        return math.ceil(self.images / int(self.factor ** (self.rungs - 1 - rung)))

    def survivors(self, trials: int, rung: int) -> int:
        """How many trials take part in a rung after the first, besides the defaults."""
        return max(1, trials // int(self.factor**rung))

    def participants(
        self, bracket: Sequence[int], standings: Mapping[int, Standing], rung: int
    ) -> list[int] | None:
        """The trials that take part in a rung; None while the one before is not decided.

        Args:
            bracket: The trials that started together.
            standings: Of those that have begun.
            rung: Counted from 0.
        """
        if rung == 0:
            return list(bracket)
        before = self.participants(bracket, standings, rung - 1)
        if before is None or not all(ended(standings, trial, rung - 1) for trial in before):
            return None
        scored = [trial for trial in before if rung - 1 in standings[trial].values]
        rivals = [trial for trial in scored if trial != DEFAULTS]
        rivals.sort(key=lambda trial: (-standings[trial].values[rung - 1], trial))
        best = rivals[: self.survivors(len(bracket), rung)]
        return sorted({DEFAULTS}.intersection(scored).union(best))

    def due(
        self, bracket: Sequence[int], standings: Mapping[int, Standing]
    ) -> list[tuple[int, int]]:
        """The (rung, trial) that can be computed now, first things first; empty at the end."""
        return [
            (rung, trial)
            for rung in range(self.rungs)
            for trial in self.participants(bracket, standings, rung) or ()
            if not ended(standings, trial, rung)
        ]

    def fates(
        self, bracket: Sequence[int], standings: Mapping[int, Standing]
    ) -> dict[int, Literal["complete", "pruned"]]:
        """The trials of which it is known how they end; failed ones are not listed."""
        fates: dict[int, Literal["complete", "pruned"]] = {}
        for rung in range(self.rungs):
            here = self.participants(bracket, standings, rung)
            if here is None:
                break
            scored = [t for t in here if t in standings and rung in standings[t].values]
            if rung == self.rungs - 1:
                fates |= dict.fromkeys(scored, "complete")
                break
            further = self.participants(bracket, standings, rung + 1)
            if further is not None:
                fates |= dict.fromkeys(set(scored) - set(further), "pruned")
        return fates


def ended(standings: Mapping[int, Standing], trial: int, rung: int) -> bool:
    """Whether nothing is left to compute of a trial at a rung."""
    standing = standings.get(trial, Standing({}))
    return rung in standing.values or standing.failed
