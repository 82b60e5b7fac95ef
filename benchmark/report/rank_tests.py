"""Friedman's test over tasks, and Nemenyi's critical difference of mean ranks.

Demsar, "Statistical Comparisons of Classifiers over Multiple Data Sets", JMLR 7, 2006,
https://jmlr.org/papers/v7/demsar06a.html, section 3.2.2. Tasks are the sample: how far seeds and
images vary within one plays no part, and tasks that share images are taken as independent all the
same. Few tasks and many methods separate next to nothing: 19 on 12 need 8.08 ranks.
"""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float
from scipy.stats import friedmanchisquare, studentized_range

from benchmark.report.estimate import NAN
from benchmark.report.scales import Scale
from benchmark.report.scores import DIRECT, Scores
from benchmark.report.statistics import ranks, task_means

#: Probability of separating any two methods where none differ.
LEVEL = 0.05

#: Fewer have no Friedman test.
FEWEST_METHODS, FEWEST_TASKS = 3, 2


@dataclass(frozen=True, slots=True)
class RankTest:
    """Methods with every cell, ranked over tasks.

    Attributes:
        methods: Best mean rank first.
        tasks: Those with scores.
        mean_ranks: In the order of the methods, 1 for the best; exact ties share their rank.
        statistic: Friedman's chi square, corrected for ties.
        p: Its p-value, by the chi-square approximation: rough below about ten tasks.
        critical: Mean ranks further apart than this differ.
        pairwise: Nemenyi's p-values, which are corrected for the number of pairs.
        groups: Largest sets of two or more methods that cannot be told apart, best first.
        warnings: What a reader must be told beside the numbers.
        reason: Why there are no numbers; empty where there are.
    """

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    mean_ranks: Float[np.ndarray, " methods"]
    statistic: float
    p: float
    critical: float
    pairwise: Float[np.ndarray, "methods methods"]
    groups: tuple[tuple[str, ...], ...]
    warnings: tuple[str, ...]
    reason: str


def rank_test(scores: Scores, *, scale: Scale) -> RankTest:
    """Test whether mean ranks differ at all, and which pairs do.

    Methods that lack a cell are left out, and named in a warning; so is the direct floor, which is
    a method of another stage.

    Args:
        scores: One stage and one metric.
        scale: How to read the metric.
    """
    whole = np.asarray(scores.complete().all(axis=1))
    rows = [m for m, name in enumerate(scores.methods) if whole[m] and name != DIRECT]
    columns = np.flatnonzero(scores.scored())
    ranked = ranks(task_means(scores)[rows][:, columns], larger_is_better=scale.larger_is_better)
    means = ranked.mean(axis=1) if columns.size else np.full(len(rows), np.nan)
    order = np.argsort(means, kind="stable")
    found = RankTest(
        methods=tuple(scores.methods[rows[m]] for m in order),
        tasks=tuple(scores.tasks[t] for t in columns),
        mean_ranks=means[order],
        statistic=NAN,
        p=NAN,
        critical=NAN,
        pairwise=np.full((len(rows), len(rows)), np.nan),
        groups=(),
        warnings=_left_out(scores, rows),
        reason=_reason(ranked),
    )
    return found if found.reason else _tested(found, ranked)


def critical_difference(methods: int, tasks: int) -> float:
    """Nemenyi's CD: q sqrt(k (k + 1) / (6 N)), with q of the studentized range over sqrt(2)."""
    q = studentized_range.ppf(1 - LEVEL, methods, np.inf) / np.sqrt(2)
    return float(q * _unit(methods, tasks))


def groups(
    mean_ranks: Float[np.ndarray, " methods"], critical: float
) -> tuple[tuple[int, int], ...]:
    """First and last place of each largest run of two or more that are not further apart.

    Args:
        mean_ranks: Ascending.
        critical: Critical difference.
    """
    last = np.searchsorted(mean_ranks, mean_ranks + critical, side="right") - 1
    runs = [(first, int(end)) for first, end in enumerate(last) if end > first]
    return tuple(run for i, run in enumerate(runs) if i == 0 or run[1] > runs[i - 1][1])


def _tested(found: RankTest, ranked: Float[np.ndarray, "methods tasks"]) -> RankTest:
    k, n = ranked.shape
    statistic, p = friedmanchisquare(*ranked)
    critical = critical_difference(k, n)
    apart = np.abs(found.mean_ranks[:, None] - found.mean_ranks)
    pairwise = studentized_range.sf(apart / _unit(k, n) * np.sqrt(2), k, np.inf)
    np.fill_diagonal(pairwise, 1)
    together = tuple(found.methods[a : b + 1] for a, b in groups(found.mean_ranks, critical))
    warnings = list(found.warnings)
    if critical >= apart.max():
        warnings.append(
            f"Nothing is separated: {k} methods on {n} tasks need {critical:.2f} ranks between "
            f"two, and all lie within {apart.max():.2f}."
        )
    if p >= LEVEL:
        warnings.append(
            f"Friedman's test finds no difference at all (p = {p:.2f}): pairs are not to be read."
        )
    return replace(
        found,
        statistic=float(statistic),
        p=float(p),
        critical=critical,
        pairwise=np.asarray(pairwise),
        groups=together,
        warnings=tuple(warnings),
    )


def _unit(methods: int, tasks: int) -> float:
    """Standard error of the difference of two mean ranks where no methods differ."""
    return float(np.sqrt(methods * (methods + 1) / (6 * tasks)))


def _left_out(scores: Scores, rows: list[int]) -> tuple[str, ...]:
    rest = [n for m, n in enumerate(scores.methods) if m not in rows and n != DIRECT]
    return (f"Without rank, because cells are missing: {', '.join(rest)}.",) if rest else ()


def _reason(ranked: Float[np.ndarray, "methods tasks"]) -> str:
    k, n = ranked.shape
    if not n:
        return "no scores"
    if k < FEWEST_METHODS:
        return f"too few methods with every cell: {k}, not {FEWEST_METHODS}"
    if n < FEWEST_TASKS:
        return f"too few tasks: {n}, not {FEWEST_TASKS}"
    if (ranked == ranked[0]).all():
        return "all methods tie on every task: there is nothing to rank"
    return ""
