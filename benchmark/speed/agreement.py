"""How far two precisions agree: scores, ranks, and the spread over seeds to hold them against."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from jaxtyping import Float
from scipy.stats import kendalltau, rankdata, spearmanr

Cells = Float[np.ndarray, "methods tasks seeds"]
Means = Float[np.ndarray, "methods tasks"]
#: What tells cells apart.
CELL = ["method", "task", "seed"]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Mean scores of the same cells in two precisions.

    Attributes:
        methods: Sorted.
        tasks: Sorted.
        one: In the first precision, a mean over test images each.
        other: In the second.
    """

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    one: Cells
    other: Cells

    @property
    def differences(self) -> Means:
        """Of the means over seeds, the other's less the first's."""
        return np.asarray((self.other - self.one).mean(axis=2))

    @property
    def spread(self) -> Means:
        """Standard deviation over seeds within the first precision."""
        return np.asarray(self.one.std(axis=2, ddof=1))

    @property
    def pooled(self) -> float:
        """That of all methods and tasks together: the root of the mean variance."""
        return float(np.sqrt((self.spread**2).mean()))

    @property
    def largest(self) -> float:
        """The largest difference of means, without its sign."""
        return float(np.abs(self.differences).max())

    @property
    def as_seeds(self) -> float:
        """Root mean square difference over what two independent sets of seeds would have.

        Near 1: a change of precision moves scores as a change of seeds does. Near 0: far less.
        """
        expected = self.pooled * np.sqrt(2.0 / self.one.shape[2])
        return float(np.sqrt((self.differences**2).mean()) / expected)

    @property
    def within(self) -> int:
        """How many differences of means are no larger than the pooled spread."""
        return int((np.abs(self.differences) <= self.pooled).sum())

    @property
    def mean_ranks(self) -> tuple[float, float]:
        """Spearman's and Kendall's correlation of the methods' mean ranks over tasks."""
        a, b = (mean_ranks(cells.mean(axis=2)) for cells in (self.one, self.other))
        return float(spearmanr(a, b).statistic), float(kendalltau(a, b).statistic)

    @property
    def task_ranks(self) -> float:
        """Spearman's correlation of the methods' scores on a task, averaged over tasks."""
        return by_task(self.one.mean(axis=2), self.other.mean(axis=2))

    @property
    def paired_ranks(self) -> float:
        """The same of one seed in both precisions, averaged over seeds too."""
        seeds = range(self.one.shape[2])
        return float(np.mean([by_task(self.one[..., s], self.other[..., s]) for s in seeds]))

    @property
    def seed_ranks(self) -> float:
        """The same of two seeds within the first precision: what ranks are worth here at all."""
        pairs = combinations(range(self.one.shape[2]), 2)
        return float(np.mean([by_task(self.one[..., a], self.one[..., b]) for a, b in pairs]))


def mean_ranks(means: Means) -> Float[np.ndarray, " methods"]:
    """Each method's mean rank over tasks; 1 is the highest score, ties share."""
    return np.asarray(rankdata(-means, axis=0).mean(axis=1))


def by_task(one: Means, other: Means) -> float:
    """Spearman's correlation over methods, averaged over tasks."""
    return float(np.mean([spearmanr(a, b).statistic for a, b in zip(one.T, other.T, strict=True)]))


def agreement(one: pd.DataFrame, other: pd.DataFrame, stage: str) -> Agreement:
    """The same stage's cells of two tidy frames.

    Raises:
        ValueError: If they do not hold the same cells, or fewer than two seeds.
    """
    a, b = (means_of(frame, stage) for frame in (one, other))
    if not a.index.equals(b.index) or a.isna().any() or b.isna().any():
        raise ValueError(f"the frames do not hold the same {stage} cells")
    methods, tasks, seeds = (tuple(a.index.get_level_values(name).unique()) for name in CELL)
    shape = (len(methods), len(tasks), len(seeds))
    if len(a) != np.prod(shape) or len(seeds) < 2:
        raise ValueError(f"{len(a)} {stage} cells do not fill {shape} with at least two seeds")
    values = (series.to_numpy(float).reshape(shape) for series in (a, b))
    return Agreement(methods, tasks, *values)


def means_of(frame: pd.DataFrame, stage: str) -> "pd.Series[float]":
    """Mean score of every cell, sorted by method, task and seed."""
    rows = frame[(frame["stage"] == stage) & (frame["metric"] == "dice")]
    means = rows.astype({"score": float}).groupby(CELL)["score"].mean()
    return means.sort_index()
