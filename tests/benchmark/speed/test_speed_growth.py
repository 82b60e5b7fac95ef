"""Fits against numbers whose growth is known; nothing is timed."""

import numpy as np
import pytest

from benchmark.speed.fits import line, power
from benchmark.speed.growth import COUNTS, SIDES, Growth, Spent, row
from benchmark.speed.jobs import METHODS, TASKS, from_, small_plan
from methods.views import view_side


@pytest.mark.parametrize("exponent", [0.0, 1.0, 1.7])
def test_the_exponent_of_a_power_is_found(exponent: float) -> None:
    sizes = [1, 2, 4, 8]
    found = power(sizes, [3.0 * size**exponent for size in sizes])
    assert found.exponent == pytest.approx(exponent, abs=1e-12)
    assert found.error == pytest.approx(0.0, abs=1e-7)


def test_the_standard_error_is_that_of_a_regression() -> None:
    rng = np.random.default_rng(0)
    x, y = np.log([1, 2, 4, 8, 16]), rng.normal(size=5)
    design = np.stack([np.ones(5), x], axis=1)
    beta = np.linalg.inv(design.T @ design) @ design.T @ y
    rest = y - design @ beta
    error = np.sqrt(rest @ rest / 3 * np.linalg.inv(design.T @ design)[1, 1])
    assert power(np.exp(x).tolist(), np.exp(y).tolist()) == pytest.approx((beta[1], error))


def test_a_fixed_cost_lowers_the_exponent_and_is_told_apart() -> None:
    sizes = [1, 2, 4, 8]
    costs = [5.0 + 2.0 * size for size in sizes]
    assert power(sizes, costs).exponent < 0.6
    assert line(sizes, costs) == pytest.approx((5.0, 2.0))


@pytest.mark.parametrize(
    ("sizes", "costs"), [([1, 2], [1, 2]), ([1, 2, 3], [1, 0, 2]), ([2, 2, 2], [1, 2, 3])]
)
def test_points_that_fit_nothing_are_refused(sizes: list[float], costs: list[float]) -> None:
    with pytest.raises(ValueError, match=r"three|positive|differ"):
        power(sizes, costs)


def test_a_factor_of_at_least_eight_is_spanned() -> None:
    sides = [view_side(side) for side in SIDES]
    assert sides == [32, 48, 64, 96]
    assert max(sides) ** 2 / min(sides) ** 2 == 9
    assert max(COUNTS) / min(COUNTS) == 8 == len(METHODS) == len(TASKS)


def test_every_name_is_among_the_few_in_turn() -> None:
    assert from_(("a", "b", "c"), 2, 2) == ["c", "a"]
    assert sorted(from_(METHODS, 3, 8)) == sorted(METHODS)


def test_the_row_gives_both_fits_of_medians() -> None:
    growth = Growth("things", (1, 2, 4), (1, 2, 4), lambda _, __: None)
    cells = row(growth, [Spent(1.0, 2.0), Spent(2.0, 4.0), Spent(4.0, 8.0)])
    assert cells[1:5] == ["1, 2, 4", "1.00, 2.00, 4.00", "1.00 +- 0.00", "0.00 + 1"]


def test_the_plan_of_every_method_and_task_is_one() -> None:
    plan = small_plan(list(METHODS), list(TASKS))
    assert len(plan.methods) * len(plan.tasks) == 64
