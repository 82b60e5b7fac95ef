"""The bootstrap against simulations with a known answer, ranks and wins against hand counts."""

import time
from dataclasses import replace

import numpy as np
import pytest

from benchmark.report.statistics import FEW_COVERAGE as COVERAGE
from benchmark.report.statistics import bootstrap, gains, interval, ranks, wins
from tests.benchmark.made_up_scores import grid, simulated


def test_intervals_cover_the_truth_at_the_nominal_rate() -> None:
    rng = np.random.default_rng(1)
    sample = bootstrap(grid(simulated(rng, tasks=400, seeds=8, images=40)), rng, 400)
    for truth, draws in ((0.6, sample.draws), (0.0, sample.draws[:, 1] - sample.draws[:, 0])):
        low, high = interval(draws)
        covered = np.mean((low <= truth) & (high >= truth))
        print(f"nominal 0.95, covered {covered:.3f}")  # noqa: T201
        assert 0.90 <= covered <= 0.98


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_intervals_of_gains_over_tasks_cover_the_truth(seeds: int) -> None:
    # A run is good or bad on all 12 tasks at once. 250 tables at 95 %: the binomial standard
    # deviation is 1.4 points, three are allowed, and at the low end what is stated for few seeds.
    rng = np.random.default_rng(13)
    inside = 0
    for _ in range(250):
        run = rng.normal(0, 0.01, (2, 1, seeds, 1))
        values = simulated(rng, tasks=12, seeds=seeds, images=20) + run
        values[1] += 0.03
        draws = bootstrap(grid(values), rng, 300).draws
        low, high = interval(gains(draws, 0, larger_is_better=True)[:, 1])
        inside += bool(low <= 0.03 <= high)
    print(f"{seeds} seeds: nominal 0.95, covered {inside / 250:.3f}")  # noqa: T201
    assert COVERAGE.get(seeds, 90) / 100 - 0.04 <= inside / 250 <= 0.95 + 0.04


def test_images_of_one_person_are_resampled_together() -> None:
    values = simulated(np.random.default_rng(3), tasks=2, seeds=3, images=6)
    once = bootstrap(grid(values), np.random.default_rng(0), 50)
    pairs = np.arange(24).reshape(2, 12) // 2
    eyes = replace(grid(np.repeat(values, 2, axis=3)), persons=pairs)
    twice = bootstrap(eyes, np.random.default_rng(0), 50)
    np.testing.assert_allclose(once.draws, twice.draws, rtol=1e-12)
    assert eyes.person_counts() == {"t0": 6, "t1": 6}
    assert eyes.image_counts() == {"t0": 12, "t1": 12}
    one = np.repeat([[0], [1]], 12, axis=1)
    alone = bootstrap(replace(eyes, persons=one), np.random.default_rng(0), 50)
    nobody = bootstrap(replace(eyes, persons=None), np.random.default_rng(0), 50)
    assert np.array_equal(alone.draws, nobody.draws)


def test_tasks_on_the_same_photographs_are_resampled_together() -> None:
    # A photograph suits one method, whatever is segmented on it. 300 tables at 95 %: the binomial
    # standard deviation is 1.3 points, three are allowed.
    rng = np.random.default_rng(17)
    same = np.tile(np.arange(30), (4, 1))
    most = np.where(np.eye(4, 30, dtype=bool), 100 + same, same)
    whose = {"same": same, "most": most, "strangers": None}
    covered = dict.fromkeys(whose, 0.0)
    for _ in range(300):
        suits = rng.normal(0, 0.05, (2, 1, 1, 30))
        values = 0.6 + suits + rng.normal(0, 0.02, (2, 4, 10, 30))
        for persons in covered:
            table = replace(grid(values), persons=whose[persons])
            low, high = interval(gains(bootstrap(table, rng, 300).draws, 0, larger_is_better=True))
            covered[persons] += bool(low[1] <= 0 <= high[1]) / 300
    print(f"nominal 0.95, covered {covered}")  # noqa: T201
    assert 0.91 <= covered["same"] <= 0.99
    assert 0.91 <= covered["most"] <= 0.99
    assert covered["strangers"] < 0.8


@pytest.mark.parametrize("apart", [0.01, 0.02])
def test_rank_intervals_lean_to_the_middle_as_is_said(apart: float) -> None:
    rng = np.random.default_rng(0)
    missed = []
    for _ in range(60):
        true = rng.normal(0.6, apart, (20, 4))
        images = rng.normal(0, 0.08, (1, 4, 1, 20)) + rng.normal(0, 0.05, (20, 4, 1, 20))
        runs = rng.normal(0, 0.02, (20, 4, 3, 1)) + rng.normal(0, 0.03, (20, 4, 3, 20))
        drawn = bootstrap(grid(true[:, :, None, None] + images + runs), rng, 200).draws
        low, high = interval(ranks(drawn, larger_is_better=True).mean(axis=-1))
        known = ranks(true, larger_is_better=True).mean(axis=-1)
        outside = (known < np.floor(low)) | (known > np.ceil(high))
        missed += [outside[known.argmin()], outside[known.argmax()]]
    print(f"sd {apart} apart: best and worst missed {np.mean(missed):.2f}")  # noqa: T201
    assert 0.15 <= np.mean(missed) <= 0.45


def test_images_alone_would_cover_too_rarely() -> None:
    # The simulation above can tell a bootstrap that forgets the seeds from one that does not.
    rng = np.random.default_rng(1)
    averaged = simulated(rng, tasks=400, seeds=8, images=40).mean(axis=2, keepdims=True)
    sample = bootstrap(grid(averaged), rng, 400)
    low, high = interval(sample.draws[:, 1] - sample.draws[:, 0])
    assert np.mean((low <= 0) & (high >= 0)) < 0.80


@pytest.mark.parametrize("what", ["seeds", "images"])
@pytest.mark.parametrize("count", COVERAGE)
def test_coverage_stated_for_few_is_what_a_simulation_gives(count: int, what: str) -> None:
    rng = np.random.default_rng(2)
    drawn = rng.normal(0.5, 0.05, (1, 2500, count, 1))
    values = np.repeat(drawn, 2, axis=3) if what == "seeds" else drawn.swapaxes(2, 3)
    low, high = interval(bootstrap(grid(values), rng, 400).draws)
    covered = 100 * np.mean((low <= 0.5) & (high >= 0.5))
    print(f"{count} {what}, which differ alone: covered {covered:.1f} %")  # noqa: T201
    assert covered == pytest.approx(COVERAGE[count], abs=3)


def test_variance_is_the_textbook_one_of_a_crossed_design() -> None:
    # For seed effect + image effect, Var(mean) = s_seed^2 / seeds + s_image^2 / images.
    rng = np.random.default_rng(3)
    seed, image = rng.normal(0, 0.05, 4), rng.normal(0, 0.1, 15)
    values = 0.5 + seed[:, None] + image
    expected = seed.var(ddof=1) / 4 + image.var(ddof=1) / 15
    draws = bootstrap(grid(values[None, None]), rng, 40_000).draws
    assert draws.var() == pytest.approx(expected, rel=0.03)
    assert draws.mean() == pytest.approx(values.mean(), abs=0.001)


def test_draws_are_paired_between_methods() -> None:
    rng = np.random.default_rng(4)
    first = rng.uniform(0.2, 0.7, (1, 3, 4, 9))
    sample = bootstrap(grid(np.concatenate([first, first + 0.05])), rng, 200)
    gain = gains(sample.draws, 0, larger_is_better=True)[:, 1]
    assert sample.draws[:, 0].std() > 0.01
    np.testing.assert_allclose(gain, 0.05, rtol=0, atol=1e-8)


def test_identical_methods_tie_exactly_in_every_draw() -> None:
    rng = np.random.default_rng(5)
    values = rng.uniform(0, 1, (7, 3, 3, 37))
    values[5] = values[1]
    sample = bootstrap(grid(values), rng, 500)
    gain = gains(sample.draws, 1, larger_is_better=True)[:, 5]
    assert (gain == 0).all()
    assert [float(end) for end in interval(gain)] == [0, 0]
    drawn = ranks(sample.draws, larger_is_better=True)
    assert (drawn[:, 1] == drawn[:, 5]).all()


def test_equal_means_tie_exactly_whatever_the_order_of_their_scores() -> None:
    rng = np.random.default_rng(5)
    values = np.repeat(rng.uniform(0, 1, (1, 20, 3, 37)), 2, axis=0)
    values[1] = values[1, :, ::-1, rng.permutation(37)].transpose(1, 2, 0)
    means = bootstrap(grid(values), rng, 5).means
    assert (means[0] == means[1]).all()


def test_a_tasks_draws_do_not_depend_on_the_other_methods() -> None:
    values = np.random.default_rng(6).uniform(0, 1, (3, 2, 3, 8))
    few = bootstrap(grid(values[:1]), np.random.default_rng(0), 50)
    many = bootstrap(grid(values), np.random.default_rng(0), 50)
    np.testing.assert_array_equal(few.draws[:, 0], many.draws[:, 0])


def test_same_generator_same_draws_and_global_state_untouched() -> None:
    values = np.random.default_rng(7).uniform(0, 1, (2, 2, 3, 8))
    before = np.random.get_state()[1].tolist()  # type: ignore[index] # noqa: NPY002
    a, b, c = (bootstrap(grid(values), np.random.default_rng(s), 50).draws for s in (0, 0, 1))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index] # noqa: NPY002


def test_one_seed_resamples_images_only_and_says_so() -> None:
    image = np.random.default_rng(8).uniform(0, 1, 20)
    sample = bootstrap(grid(image[None, None, None]), np.random.default_rng(0), 40_000)
    assert sample.covers == "seeds = 1: interval covers test images only"
    assert sample.draws.var() == pytest.approx(image.var(ddof=1) / 20, rel=0.03)


def test_tasks_with_fewer_seeds_are_named() -> None:
    values = np.random.default_rng(8).uniform(0, 1, (2, 2, 3, 5))
    values[:, 1, 1:] = np.nan
    assert "on t1 test images only" in bootstrap(grid(values), np.random.default_rng(0), 9).covers


@pytest.mark.parametrize("seeds", [1, 5])
def test_one_image_gives_no_interval(seeds: int) -> None:
    values = np.random.default_rng(9).uniform(0, 1, (2, 1, seeds, 1))
    sample = bootstrap(grid(values), np.random.default_rng(0), 20)
    assert np.isnan(sample.draws).all()
    assert np.isnan(interval(sample.draws)).all()
    assert "no intervals" in sample.covers
    np.testing.assert_allclose(sample.means[:, 0], values.mean(axis=(1, 2, 3)), atol=1e-8)


def test_one_undefined_draw_forbids_the_interval() -> None:
    ends = np.array(interval(np.array([[0.1, 0.2], [np.nan, 0.3], [0.3, 0.4]])))
    assert np.isnan(ends).all(axis=0).tolist() == [True, False]


def test_means_leave_out_padding_and_undefined_scores() -> None:
    values = np.full((1, 2, 2, 3), np.nan)
    values[0, 0] = [[1, 2, 3], [4, np.nan, 6]]
    values[0, 1, :, :2] = [[10, 20], [30, 40]]
    means = bootstrap(grid(values, may_be_undefined=True), np.random.default_rng(0), 5).means
    np.testing.assert_allclose(means, [[16 / 5, 25]])


def test_an_incomplete_method_has_a_mean_and_no_interval() -> None:
    values = np.random.default_rng(10).uniform(0, 1, (2, 1, 3, 6))
    values[1, 0, 2] = np.nan
    sample = bootstrap(grid(values), np.random.default_rng(0), 20)
    assert np.isfinite(sample.means).all()
    assert np.isfinite(sample.draws[:, 0]).all()
    assert np.isnan(sample.draws[:, 1]).all()


def test_the_number_of_draws_must_be_positive() -> None:
    with pytest.raises(ValueError, match="not 0"):
        bootstrap(grid(np.zeros((1, 1, 1, 2))), np.random.default_rng(0), 0)


@pytest.mark.parametrize("larger_is_better", [True, False])
def test_ranks_against_counting(larger_is_better: bool) -> None:
    means = np.random.default_rng(11).integers(0, 4, (30, 6, 5)) / 4
    sign = 1 if larger_is_better else -1
    mine = sign * means[:, :, None, :]
    other = sign * means[:, None, :, :]
    # Average rank: those ahead, plus half of those level with it other than itself, plus one.
    expected = (other > mine).sum(axis=2) + ((other == mine).sum(axis=2) - 1) / 2 + 1
    np.testing.assert_array_equal(ranks(means, larger_is_better=larger_is_better), expected)


def test_gains_are_positive_where_a_method_is_better() -> None:
    means = np.array([[0.5, 0.7], [0.6, 0.5]])
    np.testing.assert_allclose(gains(means, 0, larger_is_better=True), [0, -0.05])
    np.testing.assert_allclose(gains(means, 0, larger_is_better=False), [0, 0.05])


def test_wins_and_ties() -> None:
    # Columns: a clear win, a difference of exactly the tie, three level, the second ahead.
    means = np.array([[0.9, 0.605, 0.4, 0.1], [0.5, 0.6, 0.4, 0.3], [0.1, 0.59, 0.4, 0.2]])
    won, tied = wins(means, 0.005, larger_is_better=True)
    assert (won.tolist(), tied.tolist()) == ([1, 1, 0], [2, 2, 1])
    won, tied = wins(means, 0.005, larger_is_better=False)
    assert (won.tolist(), tied.tolist()) == ([1, 0, 2], [1, 1, 1])


def test_a_full_table_is_quick() -> None:
    rng = np.random.default_rng(12)
    start = time.perf_counter()
    sample = bootstrap(grid(rng.uniform(0, 1, (20, 12, 5, 100))), rng, 2000)
    interval(ranks(sample.draws, larger_is_better=True).mean(axis=-1))
    assert time.perf_counter() - start < 20
