"""How far two tables agree on the methods' order, beside what another run of one would agree."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import rankdata

from benchmark.report.correlation import rank_correlation
from benchmark.report.estimate import NAN, Estimate
from benchmark.report.sampled import Sampled
from benchmark.report.scales import SCALES
from benchmark.report.scores import DIRECT, complete_methods
from benchmark.report.statistics import LEVEL, ranks

Drawn = Float[np.ndarray, "draws methods"]


@dataclass(frozen=True, slots=True)
class Order:
    """Of the methods and tasks that two tables share.

    Attributes:
        methods: Those with every cell in both, sorted, without the direct floor.
        tasks: Those with scores in both, sorted.
        rho: Spearman's correlation of the methods' mean ranks over tasks. Its interval pairs draws
            of both tables, whose noise pulls it towards 0: hold it against ``again``.
        p: How often a random order correlates as strongly.
        again: The same between two draws of the first table, their median: what is left of the
            first order when nothing but seeds and test images is drawn anew.
        decided: Pairs of methods whose order is told in both tables, in 95 % of the draws.
        turned: Those of them that are told the other way, (better in the first, in the second).
        reason: Why there is no correlation; empty where there is.
    """

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    rho: Estimate
    p: float
    again: Estimate
    decided: int
    turned: tuple[tuple[str, str], ...]
    reason: str


def order_between(one: Sampled, other: Sampled, rng: np.random.Generator) -> Order:
    """Set the orders of two tables side by side, on the methods and tasks that both have.

    Args:
        one: What the other is held against.
        other: As many draws of another stage, label fraction or folder.
        rng: Source of the random orders.
    """
    methods = tuple(sorted(whole(one) & whole(other)))
    tasks = tuple(sorted(scored(one) & scored(other)))
    if not tasks:
        return Order(methods, tasks, Estimate(), NAN, Estimate(), 0, (), "no task in both")
    (a, first), (b, second) = (mean_ranks(each, methods, tasks) for each in (one, other))
    found = rank_correlation(a, b, rng)
    if found.reason:
        return Order(methods, tasks, Estimate(), NAN, Estimate(), 0, (), found.reason)
    between = correlations(first, second)
    # A draw beside the next one: the draws are independent of each other.
    again = correlations(first, np.roll(first, 1, axis=0))
    told, turned = apart(first, second)
    return Order(
        methods,
        tasks,
        Estimate(found.rho, *ends(between)),
        found.p,
        Estimate(float(np.nanmedian(again)) if np.isfinite(again).any() else NAN, *ends(again)),
        int(np.triu(told).sum()),
        tuple((methods[m], methods[n]) for m, n in np.argwhere(turned)),
        "",
    )


def whole(table: Sampled) -> set[str]:
    """Methods with every cell of a table."""
    return set(complete_methods(table.scores)) - {DIRECT}


def scored(table: Sampled) -> set[str]:
    """Tasks with scores in a table."""
    known = zip(table.scores.tasks, table.scores.scored(), strict=True)
    return {task for task, there in known if there}


def mean_ranks(
    table: Sampled, methods: tuple[str, ...], tasks: tuple[str, ...]
) -> tuple[Float[np.ndarray, " methods"], Drawn]:
    """Over some tasks and among some methods alone: as observed, and in every draw."""
    rows = [table.scores.methods.index(name) for name in methods]
    columns = [table.scores.tasks.index(name) for name in tasks]
    better = SCALES[table.board.metric].larger_is_better
    observed, drawn = (
        ranks(means[..., rows, :][..., columns], larger_is_better=better).mean(axis=-1)
        for means in (table.sample.means, table.sample.draws)
    )
    return observed, drawn


def correlations(a: Drawn, b: Drawn) -> Float[np.ndarray, " draws"]:
    """Spearman's, draw by draw; NaN where one has none or all methods are equal."""
    x, y = (rankdata(series, axis=1, nan_policy="propagate") for series in (a, b))
    x, y = (series - series.mean(axis=1, keepdims=True) for series in (x, y))
    size = np.sqrt((x**2).sum(axis=1) * (y**2).sum(axis=1))
    nothing = np.full(len(x), np.nan)
    return np.asarray(np.divide((x * y).sum(axis=1), size, out=nothing, where=size > 0))


def ends(values: Float[np.ndarray, " draws"]) -> tuple[float, float]:
    """Of the 95 % percentile interval of the draws that have a correlation."""
    known = values[np.isfinite(values)]
    if not len(known):
        return NAN, NAN
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def apart(
    first: Drawn, second: Drawn
) -> tuple[Bool[np.ndarray, "methods methods"], Bool[np.ndarray, "methods methods"]]:
    """Pairs that both tables tell apart, and those that they tell the other way.

    The second holds where the row is better in the first table and the column in the second.
    """
    before = [sure(drawn) for drawn in (first, second)]
    told = (before[0] | before[0].T) & (before[1] | before[1].T)
    return told, before[0] & before[1].T


def sure(drawn: Drawn) -> Bool[np.ndarray, "methods methods"]:
    """Where the row is ranked before the column in 97.5 % of the draws, as a 95 % interval has."""
    before = (drawn[:, :, None] < drawn[:, None, :]).mean(axis=0)
    return np.asarray(before >= (1 + LEVEL) / 2)
