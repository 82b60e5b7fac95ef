"""Gain over the floor, task by task, and where it can be told from none."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from benchmark.report.scales import Scale
from benchmark.report.scores import DIRECT, Scores
from benchmark.report.selection import FLOOR
from benchmark.report.statistics import Bootstrap, interval


@dataclass(frozen=True, slots=True)
class Gains:
    """Improvement on ``random`` in the same stage; positive is better.

    Attributes:
        methods: Sorted, without the floors.
        tasks: Sorted.
        values: Means over seeds and images; NaN where a method or the floor lacks a cell.
        low: Lower ends of the 95 % intervals; NaN where there is none.
        high: Upper ends.
        reason: Why there are no gains; empty where there are.
    """

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    values: Float[np.ndarray, "methods tasks"]
    low: Float[np.ndarray, "methods tasks"]
    high: Float[np.ndarray, "methods tasks"]
    reason: str

    def decided(self) -> Bool[np.ndarray, "methods tasks"]:
        """Where the interval leaves out 0; nowhere without one."""
        return np.asarray((self.low > 0) | (self.high < 0))


def gains_by_task(scores: Scores, sample: Bootstrap, *, scale: Scale) -> Gains:
    """Set each method beside the floor on the seeds and images of each draw.

    Args:
        scores: One stage and one metric.
        sample: Their bootstrap.
        scale: How to read the metric.
    """
    methods = tuple(m for m in scores.methods if m not in {FLOOR, DIRECT})
    rows = np.array([scores.methods.index(m) for m in methods], dtype=np.int64)
    reason = _reason(scores, methods)
    if reason:
        nothing = np.full((len(methods), len(scores.tasks)), np.nan)
        return Gains(methods, scores.tasks, nothing, nothing, nothing, reason)
    floor = scores.methods.index(FLOOR)
    sign = 1.0 if scale.larger_is_better else -1.0
    whole = scores.complete()
    known = whole[rows] & whole[floor] & scores.scored()
    values = sign * (sample.means[rows] - sample.means[floor])
    low, high = interval(sign * (sample.draws[:, rows] - sample.draws[:, floor : floor + 1]))
    values, low, high = (np.where(known, part, np.nan) for part in (values, low, high))
    return Gains(methods, scores.tasks, values, low, high, "")


def _reason(scores: Scores, methods: tuple[str, ...]) -> str:
    if not scores.scored().any():
        return "no scores"
    if FLOOR not in scores.methods:
        return f"no {FLOOR} in this stage: nothing to measure a gain from"
    if not scores.complete()[scores.methods.index(FLOOR)][scores.scored()].any():
        return f"{FLOOR} lacks cells of every task: nothing to measure a gain from"
    return "" if methods else f"only {FLOOR}: there is nothing to compare it with"
