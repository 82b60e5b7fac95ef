"""Wilcoxon's signed-rank test over the persons on test images, corrected for the number of rivals.

Wilcoxon, "Individual Comparisons by Ranking Methods", Biometrics Bulletin 1, 1945,
https://doi.org/10.2307/3001968. Scores are averaged over seeds before the test, and over a person's
images, so that a person counts once; an image of which no task knows the person stands for one. The
test takes persons as independent and the training runs as given: it asks whether *these* encoders
differ on more persons, not whether the methods would after other seeds. Where runs differ more than
persons it therefore finds too much (a test shows it); the bootstrap does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.stats import wilcoxon

from benchmark.report.estimate import NAN
from benchmark.report.pairing import Against, Pair, pairs, per_person
from benchmark.report.scales import Scale
from benchmark.report.scores import Scores

#: With fewer persons not even differences of one sign are significant: 2 / 2**5 = 6.25 %.
FEWEST = 6


@dataclass(frozen=True, slots=True)
class PairedTest:
    """A method against one rival.

    Attributes:
        rival: Its name.
        persons: Persons in the test, those with equal scores included.
        equal: How many of them have exactly equal scores; they are dropped from the ranking.
        difference: Mean over these persons; positive where the method is better.
        p: Two-sided; 1 where all scores are equal, NaN where it cannot be tested.
        corrected: The same after Holm's correction over the rivals that could be tested.
        reason: Why it cannot be tested; empty if it can.
        caveat: What the test cannot show; empty if nothing.
    """

    rival: str
    persons: int
    equal: int
    difference: float
    p: float
    corrected: float
    reason: str
    caveat: str


def paired_tests(
    scores: Scores,
    method: str,
    *,
    scale: Scale,
    task: str | None = None,
    rivals: Sequence[str] | None = None,
) -> Against[PairedTest]:
    """Test a method against each rival on one task's persons, or on all tasks' in one pool.

    In the pool a person counts once, whatever the tasks: tasks with more persons, and tasks on
    which scores differ more, weigh more. The correction is over rivals, not over tasks.

    Args:
        scores: One stage and one metric.
        method: The method that is asked about.
        scale: How to read the metric.
        task: The task to test on; all tasks' persons together if None.
        rivals: Whom to test it against; every other row of the scores if None.
    """
    found = pairs(scores, method, scale=scale, task=task, rivals=rivals)
    values = [
        np.empty(0) if row.reason else per_person(row.differences, row.persons)
        for row in found.rows
    ]
    p = np.array([_p(value) for value in values])
    rows = tuple(map(_row, found.rows, values, p.tolist(), holm(p).tolist()))
    return Against(found.method, found.scope, rows, found.reason)


def holm(p: Float[np.ndarray, " n"]) -> Float[np.ndarray, " n"]:
    """Step-down corrected p-values; NaN stays and does not count as a test.

    The i-th smallest of n, times n - i + 1, but no less than those before it and at most 1: Holm,
    "A Simple Sequentially Rejective Multiple Test Procedure", Scandinavian Journal of Statistics
    6, 1979, https://www.jstor.org/stable/4615733.
    """
    corrected = np.full(p.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    steps = np.arange(order.size, 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(p[order] * steps), 1)
    return corrected


def _p(differences: Float[np.ndarray, " people"]) -> float:
    """Wilcoxon's own way with zeros: dropped. Exact up to 13 persons, and to 50 without ties."""
    if differences.size < FEWEST:
        return NAN
    unequal = differences[differences != 0]
    return float(wilcoxon(unequal).pvalue) if unequal.size else 1.0


def _row(
    pair: Pair, differences: Float[np.ndarray, " people"], p: float, corrected: float
) -> PairedTest:
    few = f"too few persons to be tested: {differences.size}, not {FEWEST}"
    return PairedTest(
        rival=pair.name,
        persons=differences.size,
        equal=int((differences == 0).sum()),
        difference=float(differences.mean()) if differences.size else NAN,
        p=p,
        corrected=corrected,
        reason=pair.reason or (few if differences.size < FEWEST else ""),
        caveat=pair.caveat,
    )
