"""The smallest difference that the benchmark could have found, and what more seeds would do.

Minimum detectable difference = (z_0.975 + z_0.8) SE = 2.80 SE, for a two-sided test at 5 % that
finds it four times out of five (Bloom, "Minimum Detectable Effects", Evaluation Review 19, 1995,
https://doi.org/10.1177/0193841X9501900504). SE is the standard deviation of the paired difference
over the bootstrap's draws, which vary seeds and images; they count what is neither a seed's nor an
image's up to three times (Owen 2007), so SE errs on the large side. Normal quantiles are used
throughout: with five seeds or fewer the true difference needed is larger, where runs differ more
than images.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import norm

from benchmark.report.estimate import NAN
from benchmark.report.pairing import Against, Pair, pairs
from benchmark.report.practical import NO_DRAWS, drawn
from benchmark.report.scales import Scale
from benchmark.report.scores import Scores
from benchmark.report.statistics import Bootstrap
from benchmark.report.variance import split

#: Standard errors that a difference must have: two-sided 5 %, power 80 %.
ERRORS = float(norm.ppf(0.975) + norm.ppf(0.8))

#: Draws this close are equal but for rounding.
FLAT = 1e-8


@dataclass(frozen=True, slots=True)
class Power:
    """A method against one rival.

    Attributes:
        rival: Its name.
        difference: Method minus rival, averaged over tasks; positive where the method is better.
        error: Standard error of the difference.
        detectable: Smallest true difference found four times out of five.
        seeds: Number of seeds behind it.
        share: Share of the variance that is due to seeds, in [0, 1]; the rest is due to images.
        halved: Seeds that would halve the interval; None if no number of seeds would, or if
            there is a reason.
        reason: Why nothing can be said; empty if it can.
    """

    rival: str
    difference: float
    error: float
    detectable: float
    seeds: int
    share: float
    halved: int | None
    reason: str

    @property
    def advice(self) -> str:
        """For example "12 seeds", "no number of seeds" or the reason."""
        if self.reason:
            return self.reason
        return "no number of seeds" if self.halved is None else f"{self.halved} seeds"


def power(
    scores: Scores,
    sample: Bootstrap,
    method: str,
    *,
    scale: Scale,
    task: str | None = None,
    rivals: Sequence[str] | None = None,
) -> Against[Power]:
    """What difference from each rival could have been found, and how many seeds would halve it.

    Args:
        scores: One stage and one metric.
        sample: Their bootstrap.
        method: The method that is asked about.
        scale: How to read the metric.
        task: The task to compare on; the mean over all tasks if None, each with equal weight.
        rivals: Whom to compare it with; every other row of the scores if None.
    """
    found = pairs(scores, method, scale=scale, task=task, rivals=rivals)
    rows = tuple(_power(sample, pair, scale) for pair in found.rows)
    return Against(found.method, found.scope, rows, found.reason)


def _power(sample: Bootstrap, pair: Pair, scale: Scale) -> Power:
    if pair.reason:
        return Power(pair.name, NAN, NAN, NAN, 0, NAN, None, pair.reason)
    seen, draws = drawn(sample, pair, scale)
    parts = split(pair.differences, pair.persons)
    reason = NO_DRAWS if np.isnan(draws).any() else ""
    if not reason and isinstance(parts, str):
        reason = parts
    if not reason and np.ptp(draws) < FLAT:
        reason = "no spread in the draws over seeds and images: nothing to plan with"
    if reason or isinstance(parts, str):
        seeds = int(np.isfinite(pair.differences).any(axis=(0, 2)).sum())
        return Power(pair.name, seen, NAN, NAN, seeds, NAN, None, reason)
    error = float(draws.std(ddof=1))
    return Power(
        rival=pair.name,
        difference=seen,
        error=error,
        detectable=ERRORS * error,
        seeds=parts.seeds,
        share=parts.share,
        halved=parts.seeds_for(2.0),
        reason="",
    )
