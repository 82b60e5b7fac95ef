"""What figures average of the scores: over tasks with draws, and over seeds by test image."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmark.report.estimate import Estimate
from benchmark.report.scores import DIRECT, Scores, complete_methods
from benchmark.report.statistics import Bootstrap, estimates


@dataclass(frozen=True, slots=True)
class Averages:
    """Mean over all tasks with scores, each with equal weight.

    Attributes:
        methods: Those with every cell, sorted, without the direct floor.
        values: As observed.
        draws: In every draw; NaN where no interval can be had.
    """

    methods: tuple[str, ...]
    values: Float[np.ndarray, " methods"]
    draws: Float[np.ndarray, "draws methods"]

    def estimates(self) -> dict[str, Estimate]:
        """Each method's mean with its 95 % interval."""
        return dict(zip(self.methods, estimates(self.values, self.draws), strict=True))


def averages(scores: Scores, sample: Bootstrap) -> Averages:
    """Average over tasks; a method that lacks a cell would be averaged over others, so is left out.

    Args:
        scores: One stage and one metric.
        sample: Their bootstrap.
    """
    methods = tuple(m for m in complete_methods(scores) if m != DIRECT)
    rows = np.array([scores.methods.index(m) for m in methods], dtype=np.int64)
    columns = np.flatnonzero(scores.scored())
    if not methods:
        return Averages((), np.empty(0), np.empty((len(sample.draws), 0)))
    return Averages(
        methods,
        sample.means[rows][:, columns].mean(axis=1),
        sample.draws[:, rows][:, :, columns].mean(axis=2),
    )


def image_means(scores: Scores) -> Float[np.ndarray, "methods tasks images"]:
    """Mean over the seeds that a method has of each test image; NaN where it has none."""
    finite = np.isfinite(scores.values)
    count = finite.sum(axis=2)
    total = np.where(finite, scores.values, 0.0).sum(axis=2)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)
