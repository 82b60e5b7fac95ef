"""Numbers that only figures show, against slow loops, brute force and other functions."""

import numpy as np
import pytest

from benchmark.report.averages import averages, image_means
from benchmark.report.front import front
from benchmark.report.gains import gains_by_task
from benchmark.report.practical import practical_odds
from benchmark.report.scales import SCALES
from benchmark.report.scores import Scores
from benchmark.report.selection import FLOOR
from benchmark.report.statistics import Bootstrap, bootstrap
from benchmark.report.superiority import superiority
from tests.benchmark.figures.made_up import METHODS, found_of, made_up, tasks, without
from tests.benchmark.made_up_scores import grid

DICE, DISTANCE = SCALES["dice"], SCALES["hd95"]


def sampled(values: np.ndarray, draws: int = 200) -> tuple[Scores, Bootstrap]:
    scores = grid(values)
    return scores, bootstrap(scores, np.random.default_rng(0), draws)


@pytest.fixture
def values() -> np.ndarray:
    """Four methods on three tasks, alike but for noise."""
    return np.random.default_rng(1).uniform(0.4, 0.8, (4, 3, 3, 5))


@pytest.mark.parametrize("scale", [DICE, DISTANCE])
def test_superiority_against_a_slow_loop(values: np.ndarray, scale: object) -> None:
    scores, sample = sampled(values)
    found = superiority(scores, sample, scale=DICE if scale is DICE else DISTANCE)
    sign = 1 if scale is DICE else -1
    for a in range(4):
        for b in range(4):
            ahead = 0.0
            for draw in sample.draws:
                means = [sum(draw[m, t] for t in range(3)) / 3 for m in (a, b)]
                ahead += sign * means[0] > sign * means[1]
            if a != b:
                assert found.shares[a, b] == pytest.approx(ahead / len(sample.draws))
    assert np.isnan(np.diag(found.shares)).all()


def test_superiority_agrees_with_practical_odds_but_for_ties(values: np.ndarray) -> None:
    values[1] = values[0]  # an exact tie counts half to each side
    scores, sample = sampled(values)
    shares = superiority(scores, sample, scale=DICE).shares
    assert shares[0, 1] == shares[1, 0] == 0.5
    np.testing.assert_allclose((shares + shares.T)[~np.eye(4, dtype=bool)], 1.0)
    for row in practical_odds(scores, sample, "m2", scale=DICE).rows:
        share = shares[2, scores.methods.index(row.rival)]
        assert row.better <= share <= row.better + row.tied


def test_superiority_says_why_there_is_none(values: np.ndarray) -> None:
    for part, word in ((values[:1], "fewer than two"), (values[..., :1], "one test image")):
        assert word in superiority(*sampled(part), scale=DICE).reason
    assert superiority(*sampled(values * np.nan), scale=DICE).reason == "no scores"


def test_averages_leave_out_methods_with_missing_cells(values: np.ndarray) -> None:
    values[1, 0, 0] = np.nan
    found = averages(*sampled(values))
    assert found.methods == ("m0", "m2", "m3")
    np.testing.assert_allclose(found.values, values[[0, 2, 3]].mean(axis=(1, 2, 3)))


def test_image_means_against_nanmean(values: np.ndarray) -> None:
    values[0, 0, 0, 0] = np.nan
    np.testing.assert_allclose(image_means(grid(values)), np.nanmean(values, axis=2))
    values[2, 1, :, 3] = np.nan
    assert np.isnan(image_means(grid(values))[2, 1, 3])


def test_gains_against_differences_and_the_board() -> None:
    found = found_of(made_up(4, 3))
    gains = gains_by_task(found.scores, found.sample, scale=DICE)
    assert gains.methods == METHODS[1:4]
    rows = [found.scores.methods.index(m) for m in (*gains.methods, FLOOR)]
    drawn = found.sample.draws[:, rows]
    np.testing.assert_allclose(gains.values, (found.sample.means[rows[:-1]] - drawn_mean(found)))
    for m in range(3):
        for t in range(3):
            ends = np.quantile(drawn[:, m, t] - drawn[:, -1, t], [0.025, 0.975])
            assert [gains.low[m, t], gains.high[m, t]] == pytest.approx(ends)
            assert gains.decided()[m, t] == (ends[0] > 0 or ends[1] < 0)
    by_method = {row.method: row.gain.value for row in found.board.rows}
    assert gains.values.mean(axis=1) == pytest.approx([by_method[m] for m in gains.methods])
    turned = gains_by_task(found.scores, found.sample, scale=DISTANCE)
    np.testing.assert_allclose(turned.values, -gains.values)
    np.testing.assert_allclose(turned.low, -gains.high)


def drawn_mean(found: object) -> np.ndarray:
    """The floor's means."""
    sample, scores = found.sample, found.scores  # type: ignore[attr-defined]
    return np.asarray(sample.means[scores.methods.index(FLOOR)])


def test_gains_are_unknown_where_cells_are_missing() -> None:
    frame = without(made_up(4, 3), METHODS[1], tasks(1)[0])
    found = found_of(without(frame, FLOOR, tasks(2)[1]))
    gains = gains_by_task(found.scores, found.sample, scale=DICE)
    known = [[False, False, True], [True, False, True], [True, False, True]]
    assert np.isfinite(gains.values).tolist() == known
    assert np.isfinite(gains.low).tolist() == known
    assert not gains.decided()[:, 1].any()


def test_gains_say_why_there_are_none() -> None:
    frame = made_up(3, 2)
    for part, word in (
        (frame[frame["method"] != FLOOR], "no random"),
        (frame[frame["method"] == FLOOR], "only random"),
        (frame.assign(status="failed", score=np.nan), "no scores"),
    ):
        found = found_of(part)
        gains = gains_by_task(found.scores, found.sample, scale=DICE)
        assert word in gains.reason
        assert np.isnan(gains.values).all()


@pytest.mark.parametrize("larger_is_better", [True, False])
def test_front_against_brute_force(larger_is_better: bool) -> None:
    rng = np.random.default_rng(3)
    sign = 1 if larger_is_better else -1
    for _ in range(50):  # few distinct numbers, so that there are ties on both axes
        costs = rng.integers(0, 4, 7).astype(float)
        values = rng.integers(0, 4, (5, 7)).astype(float)
        found = front(costs, values, larger_is_better=larger_is_better)
        for d in range(5):
            for i in range(7):
                beaten = False
                for j in range(7):
                    better = sign * (values[d, j] - values[d, i])
                    no_worse = costs[j] <= costs[i] and better >= 0
                    beaten |= bool(no_worse and (costs[j] < costs[i] or better > 0))
                assert found[d, i] == (not beaten)
        np.testing.assert_array_equal(
            front(costs, values[0], larger_is_better=larger_is_better), found[0]
        )
