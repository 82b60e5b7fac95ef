"""How often each method is ahead of each other one, over the bootstrap's draws."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmark.report.averages import averages
from benchmark.report.scales import Scale
from benchmark.report.scores import Scores
from benchmark.report.statistics import Bootstrap

#: Differences this small are rounding.
SLACK = 1e-8


@dataclass(frozen=True, slots=True)
class Superiority:
    """Shares of draws in which the row's mean over tasks is better than the column's.

    The draws resample seeds and test images, the tasks are fixed; equal means count half to each
    side, so that two mirrored shares sum to 1. No practical tie is taken off: for that see
    ``practical_odds``.

    Attributes:
        methods: Those with every cell, sorted, without the direct floor.
        shares: In [0, 1]; NaN on the diagonal, and everywhere if there is a reason.
        reason: Why there are no shares; empty where there are.
    """

    methods: tuple[str, ...]
    shares: Float[np.ndarray, "methods methods"]
    reason: str


def superiority(scores: Scores, sample: Bootstrap, *, scale: Scale) -> Superiority:
    """Count draws for every pair of methods.

    Args:
        scores: One stage and one metric.
        sample: Their bootstrap.
        scale: How to read the metric.
    """
    means = averages(scores, sample)
    count = len(means.methods)
    nothing = np.full((count, count), np.nan)
    if not scores.scored().any():
        return Superiority(means.methods, nothing, "no scores")
    if count < 2:
        return Superiority(means.methods, nothing, "fewer than two methods have every cell")
    if np.isnan(means.draws).any():
        reason = "no draws: a task has one test image, or too few with a score"
        return Superiority(means.methods, nothing, reason)
    signed = means.draws if scale.larger_is_better else -means.draws
    ahead = signed[:, :, None] - signed[:, None, :]
    shares = np.asarray((ahead > SLACK).mean(axis=0) + (np.abs(ahead) <= SLACK).mean(axis=0) / 2)
    np.fill_diagonal(shares, np.nan)
    return Superiority(means.methods, shares, "")
