"""A hierarchical, paired bootstrap, and what is read off its draws.

Seeds are resampled, and test images within a task; the tasks are fixed. Images of one person (both
eyes) vary together and are resampled together, and so are tasks that show some of the same persons,
such as several structures of the same photographs: persons are drawn from all who are on one of
them. Every seed is scored on the same images, so the two factors are crossed and are resampled
independently of each other
(Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1, 2007,
https://doi.org/10.1214/07-AOAS122). From n seeds or persons n - 1 are drawn, which makes the
variance of a mean unbiased: with three seeds the usual n would understate it by a third
(on the too narrow percentile interval of small samples: Hesterberg, "What Teachers Should Know
about the Bootstrap", The American Statistician 69, 2015).
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.stats import rankdata

from benchmark.report.estimate import Estimate
from benchmark.report.persons import circles, people
from benchmark.report.scores import Scores

#: Probability that an interval is meant to cover.
LEVEL = 0.95

#: Percentage that a nominal 95 % interval covers in the worst case, by number of seeds or of
#: persons: when only these differ (normally). Simulated; a test repeats it.
FEW_COVERAGE = {2: 50, 3: 75, 4: 82, 5: 86, 6: 89, 7: 89, 8: 90, 9: 90, 10: 91}

#: Scores are rounded to multiples of this. Sums of such numbers are exact in float64 (up to 2**23
#: in size), so equal methods tie exactly, whatever the order in which a matrix product adds.
QUANTUM = 2.0**-30


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """Means per method and task, as observed and resampled.

    Attributes:
        means: Over seeds and images together; NaN where a method has no score.
        draws: The same in every draw. NaN where no interval can be had: a task with a single test
            image, or a method without all of the task's cells.
        covers: What the intervals cover, in words.
    """

    means: Float[np.ndarray, "methods tasks"]
    draws: Float[np.ndarray, "draws methods tasks"]
    covers: str


def bootstrap(scores: Scores, rng: np.random.Generator, draws: int) -> Bootstrap:
    """Resample seeds and test images; all methods get the same ones in a draw.

    Tasks with the same seeds share their draw, because a seed's runs may depend on each other;
    those with some of the same persons share theirs, unless a draw meets nobody on one of them.

    Args:
        scores: One stage and one metric.
        rng: Source of all randomness.
        draws: Number of draws, positive.

    Raises:
        ValueError: If the number of draws is not positive.
    """
    if draws < 1:
        raise ValueError(f"draws must be positive, not {draws}")
    expected = scores.expected()
    seeds = _seed_counts(np.asarray(expected.any(axis=2)), rng, draws)
    drawn = np.full((draws, *scores.values.shape[:2]), np.nan)
    whose, shown = scores.whose(), np.asarray(expected.any(axis=1))
    for tasks, found in circles(whose, shown):
        counts = _counts(np.ones(found.size, dtype=bool), rng, draws)
        for t in tasks:
            own, place = people(whose, t, shown[t])
            times = counts[:, np.searchsorted(found, own)]
            if not times.any(axis=1).all():
                times = _counts(np.ones(own.size, dtype=bool), rng, draws)
            if own.size > 1:
                here = scores.values[:, t][:, :, shown[t]]
                drawn[:, :, t] = _means(here, seeds[:, t], times[:, place])
    drawn[:, ~scores.complete()] = np.nan
    return Bootstrap(task_means(scores), drawn, _covers(scores))


def task_means(scores: Scores) -> Float[np.ndarray, "methods tasks"]:
    """Means over seeds and images together; NaN where a method has no score."""
    means = np.full(scores.values.shape[:2], np.nan)
    once = [np.ones((1, n), dtype=np.int64) for n in scores.values.shape[2:]]
    for t in np.flatnonzero(scores.scored()):
        means[:, t] = _means(scores.values[:, t], *once)[0]
    return means


def interval(
    draws: Float[np.ndarray, "draws *rest"],
) -> tuple[Float[np.ndarray, "*rest"], Float[np.ndarray, "*rest"]]:
    """Ends of the 95 % percentile interval; NaN wherever a draw is NaN."""
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(draws, [tail, 1 - tail], axis=0)
    return np.asarray(low), np.asarray(high)


def estimates(
    values: Float[np.ndarray, " n"], draws: Float[np.ndarray, "draws n"]
) -> list[Estimate]:
    """Each value with the 95 % interval of its draws."""
    low, high = interval(draws)
    return [Estimate(*map(float, ends)) for ends in zip(values, low, high, strict=True)]


def ranks(
    means: Float[np.ndarray, "*draws methods tasks"], *, larger_is_better: bool
) -> Float[np.ndarray, "*draws methods tasks"]:
    """Rank of each method on each task, 1 for the best; ties share their average rank."""
    signed = -means if larger_is_better else means
    return np.asarray(rankdata(signed, axis=-2, nan_policy="propagate"), dtype=float)


def gains(
    means: Float[np.ndarray, "*draws methods tasks"], floor: int, *, larger_is_better: bool
) -> Float[np.ndarray, "*draws methods"]:
    """Mean over tasks of the improvement on the floor's row; positive is better."""
    signed = means if larger_is_better else -means
    return np.asarray((signed - signed[..., floor : floor + 1, :]).mean(axis=-1))


def wins(
    means: Float[np.ndarray, "methods tasks"], tie: float, *, larger_is_better: bool
) -> tuple[Int[np.ndarray, " methods"], Int[np.ndarray, " methods"]]:
    """Count the tasks each method wins alone, and those where it ties for the best.

    Args:
        means: Finite means.
        tie: A method this close to the best, or closer, ties with it.
        larger_is_better: Direction of the metric.
    """
    signed = means if larger_is_better else -means
    # The slack is above the rounding of scores: a difference of exactly ``tie`` is a tie.
    top = signed.max(axis=0) - signed <= tie + 1e-8
    alone = top.sum(axis=0) == 1
    return (top & alone).sum(axis=1), (top & ~alone).sum(axis=1)


def _seed_counts(
    available: Bool[np.ndarray, "tasks seeds"], rng: np.random.Generator, draws: int
) -> Int[np.ndarray, "draws tasks seeds"]:
    counts = np.zeros((draws, *available.shape), dtype=np.int64)
    for seeds in np.unique(available, axis=0):
        tasks = (available == seeds).all(axis=1)
        counts[:, tasks] = _counts(seeds, rng, draws)[:, None]
    return counts


def _counts(
    available: Bool[np.ndarray, " n"], rng: np.random.Generator, draws: int
) -> Int[np.ndarray, "draws n"]:
    """How often each available item is drawn; a single one always is."""
    n = int(available.sum())
    counts = np.zeros((draws, available.size), dtype=np.int64)
    if n == 1:
        counts[:, available] = 1
    elif n > 1:
        counts[:, available] = rng.multinomial(n - 1, np.full(n, 1 / n), size=draws)
    return counts


def _means(
    values: Float[np.ndarray, "methods seeds images"],
    seeds: Int[np.ndarray, "draws seeds"],
    images: Int[np.ndarray, "draws images"],
) -> Float[np.ndarray, "draws methods"]:
    """Weighted means over the scores that exist; NaN where the weights meet none."""
    finite = np.isfinite(values)
    exact = np.where(finite, np.round(values / QUANTUM) * QUANTUM, 0.0)
    weights = images.T.astype(float)
    total = np.einsum("msd,ds->dm", exact @ weights, seeds)
    count = np.einsum("msd,ds->dm", finite.astype(float) @ weights, seeds)
    means: Float[np.ndarray, "draws methods"] = np.full_like(total, np.nan)
    np.divide(total, count, out=means, where=count > 0)
    return means


def _covers(scores: Scores) -> str:
    counts = {n for n in scores.seed_counts().values() if n}
    if not counts:
        return "no scores: there are no intervals"
    if max(scores.image_counts().values()) == 1:
        return "one test image per task: there are no intervals"
    if counts == {1}:
        return "seeds = 1: interval covers test images only"
    if 1 in counts:
        single = [task for task, n in scores.seed_counts().items() if n == 1]
        return f"intervals cover seeds and test images; on {', '.join(single)} test images only"
    return "intervals cover seeds and test images"
