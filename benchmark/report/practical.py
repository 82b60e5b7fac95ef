"""How sure it is that a method is better, worse or as good in practice, rival by rival.

Counted over the bootstrap's draws, after the three-way reading of Benavoli et al., "Time for a
Change: a Tutorial for Comparing Multiple Classifiers Through Bayesian Analysis", JMLR 18, 2017,
https://jmlr.org/papers/v18/16-305.html. The shares are of resampled seeds and test images: no
prior has gone in, and the tasks are fixed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from benchmark.report.estimate import NAN, Estimate
from benchmark.report.pairing import Against, Pair, pairs
from benchmark.report.scales import Scale
from benchmark.report.scores import Scores
from benchmark.report.statistics import Bootstrap, interval

#: Why there is no interval although there are scores.
NO_DRAWS = "no interval: a task has one test image, or too few with a score"


@dataclass(frozen=True, slots=True)
class Odds:
    """A method against one rival.

    Attributes:
        rival: Its name.
        better: Share of draws in which the method is better by more than a tie.
        tied: Share in which the two are within a tie.
        worse: Share in which it is worse by more than a tie.
        difference: Method minus rival, averaged over tasks; positive where the method is better.
        reason: Why there are no shares; empty where there are. The difference may be known still.
        caveat: What the shares cannot show; empty if nothing.
    """

    rival: str
    better: float
    tied: float
    worse: float
    difference: Estimate
    reason: str
    caveat: str


def practical_odds(
    scores: Scores,
    sample: Bootstrap,
    method: str,
    *,
    scale: Scale,
    task: str | None = None,
    rivals: Sequence[str] | None = None,
) -> Against[Odds]:
    """Count the draws in which a method is better, tied or worse by the metric's own tie.

    Args:
        scores: One stage and one metric.
        sample: Their bootstrap.
        method: The method that is asked about.
        scale: How to read the metric, and which difference is a tie.
        task: The task to compare on; the mean over all tasks if None, each with equal weight.
        rivals: Whom to compare it with; every other row of the scores if None.
    """
    found = pairs(scores, method, scale=scale, task=task, rivals=rivals)
    rows = tuple(_odds(sample, pair, scale) for pair in found.rows)
    return Against(found.method, found.scope, rows, found.reason)


def drawn(sample: Bootstrap, pair: Pair, scale: Scale) -> tuple[float, Float[np.ndarray, " draws"]]:
    """A pair's difference as observed and in every draw, averaged over its tasks."""
    sign = 1.0 if scale.larger_is_better else -1.0
    tasks = list(pair.tasks)
    seen = (sample.means[pair.method] - sample.means[pair.rival])[tasks].mean()
    draws = (sample.draws[:, pair.method] - sample.draws[:, pair.rival])[:, tasks].mean(axis=1)
    return float(sign * seen), np.asarray(sign * draws)


def _odds(sample: Bootstrap, pair: Pair, scale: Scale) -> Odds:
    if pair.reason:
        return Odds(pair.name, NAN, NAN, NAN, Estimate(), pair.reason, "")
    seen, draws = drawn(sample, pair, scale)
    if np.isnan(draws).any():
        return Odds(pair.name, NAN, NAN, NAN, Estimate(seen), NO_DRAWS, pair.caveat)
    # A difference of exactly a tie is a tie; the slack is above the rounding of scores.
    slack = scale.tie + 1e-8
    low, high = interval(draws)
    return Odds(
        rival=pair.name,
        better=float((draws > slack).mean()),
        tied=float((np.abs(draws) <= slack).mean()),
        worse=float((draws < -slack).mean()),
        difference=Estimate(seen, float(low), float(high)),
        reason="",
        caveat=pair.caveat,
    )
