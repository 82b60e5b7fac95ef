"""Practical ties by counting draws, and what cannot be counted."""

import numpy as np
import pytest

from benchmark.report.pairing import Against
from benchmark.report.practical import NO_DRAWS, Odds, practical_odds
from benchmark.report.scales import PRACTICAL_TIE, SCALES
from benchmark.report.statistics import bootstrap, interval
from tests.benchmark.made_up_scores import grid, simulated

DICE = SCALES["dice"]


def odds(values: np.ndarray, method: str = "m0", task: str | None = None) -> Against[Odds]:
    scores = grid(values)
    sample = bootstrap(scores, np.random.default_rng(0), 1000)
    return practical_odds(scores, sample, method, scale=DICE, task=task)


def shares(row: Odds) -> tuple[float, float, float]:
    return (row.better, row.tied, row.worse)


def test_shares_are_those_of_the_draws() -> None:
    values = simulated(np.random.default_rng(1), tasks=3, seeds=4, images=20)
    draws = bootstrap(grid(values), np.random.default_rng(0), 1000).draws
    for task, columns in ((None, [0, 1, 2]), ("t1", [1])):
        (row,) = odds(values, task=task).rows
        d = np.array(
            [sum(draw[0, t] - draw[1, t] for t in columns) / len(columns) for draw in draws]
        )
        expected = [np.mean(d > 0.005), np.mean((d >= -0.005) & (d <= 0.005)), np.mean(d < -0.005)]
        np.testing.assert_allclose(shares(row), expected)
        assert sum(shares(row)) == pytest.approx(1)
        assert row.difference.value == pytest.approx((values[0] - values[1])[columns].mean())
        ends = [float(end) for end in interval(d)]
        assert [row.difference.low, row.difference.high] == pytest.approx(ends)


def test_a_difference_of_exactly_a_tie_is_a_tie() -> None:
    base = np.random.default_rng(2).uniform(0.2, 0.7, (1, 3, 4, 9))
    for shift, expected in ((PRACTICAL_TIE, (0, 1, 0)), (0.006, (0, 0, 1)), (-0.006, (1, 0, 0))):
        (row,) = odds(np.concatenate([base, base + shift])).rows
        assert shares(row) == expected


def test_the_two_sides_mirror() -> None:
    values = simulated(np.random.default_rng(3), tasks=3, seeds=4, images=20)
    (mine,), (theirs,) = odds(values).rows, odds(values, "m1").rows
    assert shares(mine) == shares(theirs)[::-1]
    assert mine.difference.low == pytest.approx(-theirs.difference.high)


def test_smaller_is_better_turns_the_sign() -> None:
    scores = grid(np.stack([np.full((1, 2, 9), 3.0), np.full((1, 2, 9), 5.0)]))
    sample = bootstrap(scores, np.random.default_rng(0), 9)
    (row,) = practical_odds(scores, sample, "m0", scale=SCALES["hd95"]).rows
    assert (shares(row), row.difference.value) == ((1, 0, 0), 2)


def test_neither_of_two_equal_methods_is_often_called_better() -> None:
    # No difference in truth. Called better at 97.5 % of the draws: nominally 2.5 % of 400 at each
    # side, which percentile intervals of 8 seeds exceed; 5 points are allowed over both.
    rng = np.random.default_rng(4)
    scores = grid(simulated(rng, tasks=400, seeds=8, images=40))
    sample = bootstrap(scores, rng, 400)
    rows = [
        practical_odds(scores, sample, "m0", scale=DICE, task=task).rows[0] for task in scores.tasks
    ]
    false = np.mean([max(row.better, row.worse) >= 0.975 for row in rows])
    print(f"practically better or worse without a difference: {false:.3f}")  # noqa: T201
    assert false <= 0.05


def test_what_cannot_be_counted_says_why() -> None:
    rng = np.random.default_rng(5)
    values = rng.uniform(0, 1, (4, 2, 3, 9))
    values[2, 1, 1] = values[3] = np.nan
    rows = odds(values).rows
    assert [row.reason for row in rows] == ["", "m2 lacks scores on t1", "no scores of m3"]
    assert np.isnan([shares(row) for row in rows[1:]]).all()
    assert odds(values[:1]).reason == "only m0: there is nothing to compare it with"
    (row,) = odds(values[:2, :, :, :1]).rows
    assert row.reason == NO_DRAWS
    assert np.isfinite(row.difference.value)
    assert np.isnan([*shares(row), row.difference.low, row.difference.high]).all()
    (row,) = odds(values[:2, :, :1]).rows
    assert (row.reason, row.caveat[:8]) == ("", "one seed")
    (row,) = odds(np.repeat(values[:1], 2, axis=0)).rows
    assert (shares(row), row.caveat[:20]) == ((0, 1, 0), "all scores are equal")
