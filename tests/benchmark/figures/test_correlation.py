"""Rank correlation against scipy."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import spearmanr

from benchmark.report.correlation import EXACT, rank_correlation


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("levels", [1000, 4])  # without ties, and with many
@pytest.mark.parametrize("n", [3, 5, EXACT])
def test_exact_against_scipy_order_by_order(n: int, levels: int) -> None:
    x, y = np.random.default_rng(n).integers(0, levels, (2, n)).astype(float)
    y[0], y[-1], x[0], x[-1] = 0.0, 9.0, 0.0, 9.0
    found = rank_correlation(x, y, rng())
    assert found.rho == pytest.approx(spearmanr(x, y).statistic)
    orders = [spearmanr(x, order).statistic for order in permutations(y)]
    assert found.p == pytest.approx(np.mean(np.abs(orders) >= abs(found.rho) - 1e-9))


def test_many_points_against_scipys_t_approximation() -> None:
    draws = np.random.default_rng(1)
    x = draws.normal(size=60)
    y = 0.3 * x + draws.normal(size=60)
    found, oracle = rank_correlation(x, y, rng()), spearmanr(x, y)
    assert found.rho == pytest.approx(oracle.statistic)
    assert found.n == 60
    assert found.p == pytest.approx(oracle.pvalue, abs=0.01)
    assert found == rank_correlation(x, y, rng())


def test_a_perfect_order_of_many_is_never_impossible() -> None:
    x = np.arange(20.0)
    assert rank_correlation(x, -x, rng()).rho == pytest.approx(-1)
    assert rank_correlation(x, x, rng()).p == 1 / 10000


def test_nothing_can_be_said_of_two_or_of_equal_values() -> None:
    two, flat = np.arange(2.0), np.ones(5)
    assert rank_correlation(two, two, rng()).reason == "too few methods: 2, not 3"
    for x, y in ((flat, np.arange(5.0)), (np.arange(5.0), flat)):
        found = rank_correlation(x, y, rng())
        assert (found.reason, found.n) == ("all values are equal", 5)
        assert np.isnan([found.rho, found.p]).all()
