"""Friedman and Nemenyi against published values, another library and permuted methods."""

import numpy as np
import pytest
from scikit_posthocs import posthoc_nemenyi_friedman
from scipy.stats import friedmanchisquare

from benchmark.report.rank_tests import RankTest, critical_difference, groups, rank_test
from benchmark.report.scales import SCALES
from benchmark.report.scores import DIRECT, Scores
from tests.benchmark.made_up_scores import grid

DICE = SCALES["dice"]


def of_means(means: np.ndarray) -> RankTest:
    """The test of task means (methods, tasks), each on one seed and two images."""
    return rank_test(grid(np.repeat(means[:, :, None, None], 2, axis=3)), scale=DICE)


def test_critical_difference_against_published_values() -> None:
    assert critical_difference(19, 12) == pytest.approx(8.08, abs=0.005)
    # Demsar 2006, Table 5a: q at 5 % for 2 to 10 classifiers; the table has three decimals.
    table = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]
    for k, q in enumerate(table, start=2):
        assert critical_difference(k, 1) / np.sqrt(k * (k + 1) / 6) == pytest.approx(q, abs=0.0015)
    # His example: four classifiers, 14 data sets.
    assert critical_difference(4, 14) == pytest.approx(1.25, abs=0.005)


@pytest.mark.parametrize("decimals", [6, 1])  # without and with ties
def test_against_scikit_posthocs_and_scipy(decimals: int) -> None:
    means = np.round(np.random.default_rng(0).uniform(0, 1, (7, 9)), decimals)
    found = of_means(means)
    order = [int(name[1:]) for name in found.methods]
    expected = posthoc_nemenyi_friedman(-means[order].T).to_numpy()
    np.testing.assert_allclose(found.pairwise, expected, atol=1e-9)
    statistic, p = friedmanchisquare(*means)
    assert [found.statistic, found.p] == pytest.approx([statistic, p])
    assert (np.diff(found.mean_ranks) >= 0).all()
    assert found.mean_ranks.mean() == pytest.approx((7 + 1) / 2)


def test_friedman_from_its_formula() -> None:
    means = np.random.default_rng(1).uniform(0, 1, (5, 8))
    found = of_means(means)
    # Friedman 1937: 12 N / (k (k + 1)) * (sum of squared mean ranks - k (k + 1)^2 / 4).
    expected = 12 * 8 / 30 * ((found.mean_ranks**2).sum() - 5 * 36 / 4)
    assert found.statistic == pytest.approx(expected)


def test_pairwise_and_critical_difference_agree() -> None:
    rng = np.random.default_rng(2)
    found = of_means(np.linspace(0.9, 0.1, 8)[:, None] + rng.normal(0, 0.1, (8, 12)))
    apart = np.abs(found.mean_ranks[:, None] - found.mean_ranks)
    np.testing.assert_array_equal(found.pairwise < 0.05, apart > found.critical)
    assert found.methods[0] == "m0"
    assert not found.warnings


def test_groups_against_every_subset() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        means = np.sort(rng.integers(0, 12, 7) / 2)
        critical = float(rng.uniform(0, 4))
        runs = [
            (a, b) for a in range(7) for b in range(a + 1, 7) if means[b] <= means[a] + critical
        ]
        largest = [
            (a, b)
            for a, b in runs
            if not any(c <= a and b <= d and (a, b) != (c, d) for c, d in runs)
        ]
        assert list(groups(means, critical)) == largest


def test_methods_exactly_a_critical_difference_apart_are_not_told_apart() -> None:
    assert groups(np.array([1.0, 2.0, 3.5, 4.5]), 1.0) == ((0, 1), (2, 3))


def test_a_difference_too_small_to_separate_anything_is_told() -> None:
    found = of_means(np.random.default_rng(4).uniform(0, 1, (19, 3)))
    assert found.warnings[0].startswith("Nothing is separated: 19 methods on 3 tasks need 16.16")
    assert found.groups == (found.methods,)


def test_permuted_methods_are_separated_at_most_at_the_nominal_rate() -> None:
    # 500 tables at 5 %: the binomial standard deviation is 1 point, and three are allowed. The
    # chi-square approximation and Nemenyi's test are conservative, so there is no lower end.
    rng = np.random.default_rng(5)
    found = [of_means(rng.uniform(0, 1, (6, 12))) for _ in range(500)]
    friedman = np.mean([f.p <= 0.05 for f in found])
    nemenyi = np.mean([(f.pairwise <= 0.05).any() for f in found])
    print(f"false wins: Friedman {friedman:.3f}, any Nemenyi pair {nemenyi:.3f}")  # noqa: T201
    assert 0.01 < friedman <= 0.08
    assert nemenyi <= 0.08


def test_smaller_is_better_reverses_the_ranks() -> None:
    values = np.random.default_rng(6).uniform(0, 1, (4, 5, 2, 3))
    up, down = (rank_test(grid(values), scale=SCALES[name]) for name in ("dice", "hd95"))
    upside = dict(zip(up.methods, up.mean_ranks, strict=True))
    assert {m: 5 - r for m, r in zip(down.methods, down.mean_ranks, strict=True)} == upside
    assert up.statistic == pytest.approx(down.statistic)


def test_incomplete_methods_and_the_direct_floor_are_left_out() -> None:
    values = np.random.default_rng(7).uniform(0, 1, (5, 4, 2, 3))
    values[1, 2, 1, 0] = np.nan
    values[:, 3] = np.nan
    scores = Scores(("a", "b", "c", "d", DIRECT), tuple("tuvw"), (0, 1), values, False)
    found = rank_test(scores, scale=DICE)
    assert sorted(found.methods) == ["a", "c", "d"]
    assert found.tasks == ("t", "u", "v")
    assert found.warnings[0] == "Without rank, because cells are missing: b."
    assert not found.reason


@pytest.mark.parametrize(
    ("shape", "reason"),
    [
        ((1, 5), "too few methods with every cell: 1, not 3"),
        ((2, 5), "too few methods with every cell: 2, not 3"),
        ((4, 1), "too few tasks: 1, not 2"),
    ],
)
def test_too_few_methods_or_tasks(shape: tuple[int, int], reason: str) -> None:
    found = of_means(np.random.default_rng(8).uniform(0, 1, shape))
    assert found.reason == reason
    assert np.isnan([found.statistic, found.p, found.critical]).all()
    assert np.isnan(found.pairwise).all()


def test_all_equal_or_no_scores_give_no_test() -> None:
    assert of_means(np.full((4, 5), 0.5)).reason.startswith("all methods tie on every task")
    assert of_means(np.full((4, 5), np.nan)).reason == "no scores"
    empty = Scores(("m0", DIRECT), (), (), np.empty((2, 0, 0, 0)), False)
    assert rank_test(empty, scale=DICE).reason == "no scores"


@pytest.mark.parametrize("shape", [(4, 5, 1, 6), (4, 5, 3, 1)])
def test_one_seed_or_image_can_be_ranked(shape: tuple[int, ...]) -> None:
    found = rank_test(grid(np.random.default_rng(9).uniform(0, 1, shape)), scale=DICE)
    assert np.isfinite(found.p)
