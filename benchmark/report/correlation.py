"""Spearman's rank correlation with a permutation test.

Spearman, "The Proof and Measurement of Association between Two Things", American Journal of
Psychology 15, 1904, https://doi.org/10.2307/1412159. Where all orders can be tried, the test is
exact; otherwise orders are drawn, and the observed one counts as one of them (Phipson and Smyth,
"Permutation P-values Should Never Be Zero", 2010, https://doi.org/10.2202/1544-6115.1585).
"""

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from jaxtyping import Float
from scipy.stats import rankdata

from benchmark.report.estimate import NAN

#: Fewer have only orders that prove nothing.
FEWEST = 3
#: Up to this many points all orders are tried: 5040.
EXACT = 7
#: Orders drawn for more points.
PERMUTATIONS = 9999
#: Correlations this close are equal but for rounding.
SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Correlation:
    """Of two series of numbers.

    Attributes:
        rho: Spearman's, in [-1, 1]; ties share their average rank.
        p: Two-sided: how often a random order correlates as strongly.
        n: Number of points.
        reason: Why there is no correlation; empty where there is.
    """

    rho: float
    p: float
    n: int
    reason: str


def rank_correlation(
    x: Float[np.ndarray, " n"], y: Float[np.ndarray, " n"], rng: np.random.Generator
) -> Correlation:
    """Correlate ranks, and count the orders of ``y`` that correlate as strongly with ``x``.

    Args:
        x: Finite numbers.
        y: Finite numbers.
        rng: Source of the orders, where not all are tried.
    """
    n = len(x)
    if n < FEWEST:
        return Correlation(NAN, NAN, n, f"too few methods: {n}, not {FEWEST}")
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        return Correlation(NAN, NAN, n, "all values are equal")
    a, b = (_standard(rankdata(series)) for series in (x, y))
    rho = float(np.clip(a @ b, -1.0, 1.0))
    if n <= EXACT:
        orders = np.array(list(permutations(range(n))))
        return Correlation(rho, float(_as_strong(a, b[orders], rho).mean()), n, "")
    drawn = rng.permuted(np.tile(b, (PERMUTATIONS, 1)), axis=1)
    p = (1 + int(_as_strong(a, drawn, rho).sum())) / (1 + PERMUTATIONS)
    return Correlation(rho, p, n, "")


def _standard(ranks: np.ndarray) -> np.ndarray:
    centred = ranks - ranks.mean()
    return np.asarray(centred / np.linalg.norm(centred))


def _as_strong(a: np.ndarray, orders: np.ndarray, rho: float) -> np.ndarray:
    return np.asarray(np.abs(orders @ a) >= abs(rho) - SLACK)
