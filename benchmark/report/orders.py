"""How far two tables agree on the methods' order, beside how far the seeds of each agree.

Where methods are close, another training run alone changes their order. So tables of single seeds
are compared: two seeds within a table, and a seed of one table with another seed of the other, so
that no run meets itself. If the order is the same, the correlation across tables is expected to be
the geometric mean of those within (Spearman, American Journal of Psychology 15, 1904,
https://doi.org/10.2307/1412159, on correlations that errors attenuate). Test images are the same
throughout: how an order would change on other photographs is not asked.
"""

from dataclasses import dataclass
from itertools import combinations, product

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from benchmark.report.correlation import rank_correlation
from benchmark.report.estimate import NAN
from benchmark.report.scales import Scale
from benchmark.report.scores import DIRECT, Scores
from benchmark.report.statistics import ranks, task_means


@dataclass(frozen=True, slots=True)
class Seeds:
    """Correlations of the mean ranks of single seeds.

    Attributes:
        mean: Over pairs of seeds; NaN where there is no pair.
        low: Of the pair that agrees least.
        high: Of the pair that agrees best.
    """

    mean: float = NAN
    low: float = NAN
    high: float = NAN


@dataclass(frozen=True, slots=True)
class Order:
    """Of the methods and tasks that two tables share.

    Attributes:
        methods: Those with every cell of these tasks in both, sorted, without the direct floor.
        left_out: Other methods of either table.
        tasks: Those with scores in both, sorted.
        rho: Spearman's correlation of mean ranks over tasks, of all seeds together.
        p: How often a random order correlates as strongly.
        across: Between a seed of the first table and another of the second.
        first: Between two seeds of the first table.
        second: Between two seeds of the second table.
        reason: Why there is no correlation; empty where there is.
    """

    methods: tuple[str, ...]
    left_out: tuple[str, ...]
    tasks: tuple[str, ...]
    rho: float
    p: float
    across: Seeds
    first: Seeds
    second: Seeds
    reason: str


def order_between(
    one: Scores, other: Scores, tasks: tuple[str, ...], scale: Scale, rng: np.random.Generator
) -> Order:
    """Set the orders of two tables side by side.

    Args:
        one: What the other is held against.
        other: Scores of another stage, label fraction or folder by the same metric.
        tasks: Those of both that may be compared.
        scale: How to read the metric.
        rng: Source of the random orders.
    """
    tasks = tuple(task for task in tasks if scored(one, task) and scored(other, task))
    every = ({*one.methods} | {*other.methods}) - {DIRECT}
    methods = tuple(sorted(name for name in every if whole(one, name, tasks, other)))
    left_out = tuple(sorted(every - {*methods}))
    none = Seeds()
    if not tasks:
        return Order((), (), tasks, NAN, NAN, none, none, none, "no task to compare on")
    a, b = (mean_ranks(task_means(part(each, methods, tasks)), scale) for each in (one, other))
    found = rank_correlation(a, b, rng)
    if found.reason:
        return Order(methods, left_out, tasks, NAN, NAN, none, none, none, found.reason)
    x, y = (by_seed(part(each, methods, tasks), scale) for each in (one, other))
    apart = [(s, t) for s, t in product(x, y) if s != t]
    return Order(
        methods=methods,
        left_out=left_out,
        tasks=tasks,
        rho=found.rho,
        p=found.p,
        across=agreement([(x[s], y[t]) for s, t in apart]),
        first=agreement(list(combinations(x.values(), 2))),
        second=agreement(list(combinations(y.values(), 2))),
        reason="",
    )


def scored(table: Scores, task: str) -> bool:
    """Whether a table has scores of a task."""
    return task in table.tasks and bool(table.scored()[table.tasks.index(task)])


def whole(one: Scores, method: str, tasks: tuple[str, ...], other: Scores) -> bool:
    """Whether a method has every cell of some tasks in both tables."""
    if any(method not in table.methods for table in (one, other)):
        return False
    rows = [
        table.complete()[table.methods.index(method), [table.tasks.index(task) for task in tasks]]
        for table in (one, other)
    ]
    return bool(np.all(rows))


def part(table: Scores, methods: tuple[str, ...], tasks: tuple[str, ...]) -> Scores:
    """Some methods' scores on some tasks."""
    rows = [table.methods.index(name) for name in methods]
    columns = [table.tasks.index(name) for name in tasks]
    values = table.values[rows][:, columns]
    persons = None if table.persons is None else table.persons[columns]
    return Scores(methods, tasks, table.seeds, values, table.may_be_undefined, persons)


def mean_ranks(
    means: Float[np.ndarray, "methods tasks"], scale: Scale
) -> Float[np.ndarray, " methods"]:
    """Each method's rank, averaged over tasks."""
    return np.asarray(ranks(means, larger_is_better=scale.larger_is_better).mean(axis=-1))


def by_seed(table: Scores, scale: Scale) -> dict[int, Float[np.ndarray, " methods"]]:
    """The mean ranks of each seed alone; only seeds that every task has."""
    out = {}
    for place, seed in enumerate(table.seeds):
        values = table.values[:, :, place : place + 1]
        alone = Scores(table.methods, table.tasks, (seed,), values, table.may_be_undefined)
        means = task_means(alone)
        if np.isfinite(means).all():
            out[seed] = mean_ranks(means, scale)
    return out


def agreement(
    pairs: list[tuple[Float[np.ndarray, " methods"], Float[np.ndarray, " methods"]]],
) -> Seeds:
    """Spearman's correlation, pair by pair; one of equal values has none and does not count."""
    found = [
        float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
        for a, b in pairs
        if np.ptp(a) > 0 and np.ptp(b) > 0
    ]
    return Seeds(float(np.mean(found)), min(found), max(found)) if found else Seeds()
