"""Wilcoxon's test against all sign patterns, Holm's correction against its definition; nulls."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from scipy.stats import rankdata, wilcoxon
from statsmodels.stats.multitest import multipletests

from benchmark.report.pairing import pairs
from benchmark.report.scales import SCALES
from benchmark.report.scores import DIRECT, Scores
from benchmark.report.significance import PairedTest, holm, paired_tests
from tests.benchmark.made_up_scores import grid

DICE = SCALES["dice"]


def rows_of(scores: Scores, method: str = "m0", task: str | None = None) -> tuple[PairedTest, ...]:
    return paired_tests(scores, method, scale=DICE, task=task).rows


def by_counting(differences: np.ndarray) -> float:
    """Wilcoxon's p from all 2**n ways to choose the signs of the non-zero differences."""
    d = differences[differences != 0]
    rank = rankdata(np.abs(d))
    sums = np.array([rank @ np.array(signs) for signs in product((0, 1), repeat=d.size)])
    seen, middle = rank @ (d > 0), rank.sum() / 2
    return float((np.abs(sums - middle) >= abs(seen - middle) - 1e-9).mean())


@pytest.mark.parametrize("decimals", [6, 1])  # without and with tied and zero differences
def test_small_samples_against_counting_every_sign(decimals: int) -> None:
    rng = np.random.default_rng(0)
    for _ in range(8):
        values = np.round(rng.uniform(0, 1, (3, 1, 1, 11)), decimals)
        for row, rival in zip(rows_of(grid(values)), values[1:, 0, 0], strict=True):
            d = np.round(values[0, 0, 0] - rival, decimals)
            assert row.p == pytest.approx(by_counting(d), abs=1e-12)
            assert (row.persons, row.equal) == (11, (d == 0).sum())
            assert row.difference == pytest.approx(d.mean(), abs=1e-8)


def test_seeds_are_averaged_and_tasks_pooled() -> None:
    rng = np.random.default_rng(1)
    values = rng.uniform(0, 1, (2, 3, 4, 40))
    values[:, 1, :, 20:] = np.nan
    d = (values[0] - values[1]).mean(axis=1)
    for task, expected in (("t0", d[0]), ("t1", d[1, :20]), (None, d[np.isfinite(d)])):
        (row,) = rows_of(grid(values), task=task)
        assert row.persons == expected.size
        assert row.p == pytest.approx(wilcoxon(expected).pvalue, rel=1e-6)


def test_positive_is_better_and_sides_mirror() -> None:
    rng = np.random.default_rng(2)
    scores = grid(rng.uniform(0, 1, (2, 1, 2, 30)))
    (ahead,), (behind,) = rows_of(scores, "m0"), rows_of(scores, "m1")
    assert (ahead.difference, ahead.p) == (-behind.difference, behind.p)
    (hd,) = paired_tests(scores, "m0", scale=SCALES["hd95"]).rows
    assert (hd.difference, hd.p) == (-ahead.difference, ahead.p)


def test_same_scores_in_another_order_of_seeds_are_exactly_equal() -> None:
    values = np.random.default_rng(3).uniform(0, 1, (1, 1, 5, 30))
    (row,) = rows_of(grid(np.concatenate([values, values[:, :, ::-1]])))
    assert (row.equal, row.p, row.difference, row.caveat) == (30, 1, 0, "")
    (row,) = rows_of(grid(np.repeat(values, 2, axis=0)))
    assert (row.equal, row.p) == (30, 1)
    assert row.caveat.startswith("all scores are equal")


def test_holm_against_its_definition_and_statsmodels() -> None:
    rng = np.random.default_rng(4)
    for n in (1, 2, 7, 19):
        p = np.round(rng.uniform(0, 0.3, n), 2)
        corrected = holm(p)
        np.testing.assert_allclose(corrected, multipletests(p, method="holm")[1], atol=1e-12)
        for level in (0.01, 0.05, 0.2, 0.5):
            # Reject from the smallest on, until the first that exceeds level / tests left.
            rejected = set()
            for step, i in enumerate(np.argsort(p, kind="stable")):
                if p[i] * (n - step) > level:
                    break
                rejected.add(i)
            assert set(np.flatnonzero(corrected <= level)) == rejected


def test_holm_does_not_count_what_was_not_tested() -> None:
    corrected = holm(np.array([0.01, np.nan, 0.04]))
    np.testing.assert_allclose(corrected, [0.02, np.nan, 0.04])
    assert holm(np.empty(0)).size == 0


def test_shuffled_labels_win_at_the_nominal_rate() -> None:
    # 2000 tests at 5 %: the binomial standard deviation is 0.5 points, and three are allowed.
    rng = np.random.default_rng(5)
    values = rng.beta(6, 3, (2, 2000, 3, 30))
    values[1] = np.clip(values[1] + 0.1, 0, 1)
    swapped = rng.random((2000, 1, 30)) < 0.5
    shuffled = grid(np.where(swapped, values[::-1], values))
    p = _by_task(shuffled)
    print(f"false wins on shuffled labels: {(p <= 0.05).mean():.3f}")  # noqa: T201
    assert (p <= 0.05).mean() == pytest.approx(0.05, abs=0.015)
    (row,) = rows_of(shuffled, task="t7")
    assert row.p == p[7]


def test_a_family_of_rivals_has_a_false_win_at_most_at_the_nominal_rate() -> None:
    # 300 families at 5 %: the binomial standard deviation is 1.3 points, and three are allowed.
    rng = np.random.default_rng(6)
    scores = grid(rng.normal(0.6, 0.1, (7, 300, 2, 20)))
    families = [rows_of(scores, task=task) for task in scores.tasks]
    any_win = np.mean([min(row.corrected for row in family) <= 0.05 for family in families])
    naive = np.mean([min(row.p for row in family) <= 0.05 for family in families])
    print(f"families with a false win: {any_win:.3f}, uncorrected {naive:.3f}")  # noqa: T201
    assert any_win <= 0.05 + 0.038
    assert naive > 0.1


def test_runs_that_differ_make_the_test_find_too_much() -> None:
    # Why the module warns: no difference in truth, yet runs differ more than images do.
    rng = np.random.default_rng(7)
    runs, rest = rng.normal(0, 0.02, (2, 300, 3, 1)), rng.normal(0, 0.05, (2, 300, 3, 50))
    p = _by_task(grid(0.6 + runs + rest))
    print(f"false wins where runs differ: {(p <= 0.05).mean():.2f}")  # noqa: T201
    assert (p <= 0.05).mean() > 0.3


def _by_task(scores: Scores) -> np.ndarray:
    differences = pairs(scores, "m0", scale=DICE).rows[0].differences
    return np.array([wilcoxon(d.mean(axis=0)).pvalue for d in differences])


def test_a_person_counts_once() -> None:
    """With both eyes, and with photographs that two tasks are scored on."""
    values = np.random.default_rng(9).uniform(0, 1, (2, 1, 3, 12))
    (once,) = rows_of(grid(values))
    eyes = replace(grid(np.repeat(values, 2, axis=3)), persons=np.arange(24)[None] // 2)
    tasks = replace(grid(np.repeat(values, 2, axis=1)), persons=np.tile(np.arange(12), (2, 1)))
    assert rows_of(eyes) == rows_of(tasks) == (once,)
    assert once.persons == 12
    few = replace(grid(values), persons=np.arange(12)[None] // 3)
    (row,) = rows_of(few)
    assert row.reason == "too few persons to be tested: 4, not 6"


def test_what_cannot_be_tested_says_why() -> None:
    values = np.random.default_rng(8).uniform(0, 1, (4, 2, 2, 9))
    values[2, 1, 1] = np.nan
    values[3] = np.nan
    scores = grid(values)
    rows = {row.rival: row for row in rows_of(scores)}
    assert (rows["m1"].reason, rows["m1"].corrected) == ("", rows["m1"].p)
    assert rows["m2"].reason == "m2 lacks scores on t1"
    assert rows["m3"].reason == "no scores of m3"
    assert np.isnan([rows["m2"].p, rows["m3"].corrected, rows["m3"].difference]).all()
    assert {row.reason for row in rows_of(scores, "m2")} == {"m2 lacks scores on t1"}
    (row,) = paired_tests(scores, "m0", scale=DICE, rivals=["random"]).rows
    assert row.reason == "no scores of random"
    (row,) = paired_tests(scores, "m0", scale=DICE, rivals=["m0"]).rows
    assert row.reason == "m0 cannot be compared with itself"
    assert {row.reason for row in rows_of(scores, task="t9")} == {"no scores on t9"}
    assert not rows_of(scores, task="t0")[1].reason  # m2 has all of this task


def test_one_method_has_nothing_to_be_compared_with() -> None:
    found = paired_tests(grid(np.ones((1, 2, 2, 9))), "m0", scale=DICE)
    assert (found.rows, found.reason) == ((), "only m0: there is nothing to compare it with")


def test_a_missing_direct_floor_is_a_row_with_a_reason() -> None:
    values = np.random.default_rng(9).uniform(0, 1, (2, 1, 2, 9))
    values[1] = np.nan
    scores = Scores(("m0", DIRECT), ("t0",), (0, 1), values, False)
    assert rows_of(scores)[0].reason == f"no scores of {DIRECT}"


@pytest.mark.parametrize("images", [1, 5])
def test_too_few_images_cannot_be_tested(images: int) -> None:
    values = np.random.default_rng(10).uniform(0, 1, (2, 1, 3, images))
    (row,) = rows_of(grid(values))
    assert row.reason == f"too few persons to be tested: {images}, not 6"
    assert np.isnan([row.p, row.corrected]).all()
    assert row.difference == pytest.approx((values[0] - values[1]).mean(), abs=1e-8)


def test_one_seed_is_tested_with_a_caveat() -> None:
    (row,) = rows_of(grid(np.random.default_rng(11).uniform(0, 1, (2, 1, 1, 9))))
    assert (row.reason, row.caveat[:8]) == ("", "one seed")


def test_undefined_scores_are_left_out_in_pairs() -> None:
    values = np.random.default_rng(12).uniform(0, 9, (2, 1, 2, 20))
    values[0, 0, :, 3] = values[1, 0, 0, 5] = np.nan
    (row,) = paired_tests(grid(values, may_be_undefined=True), "m0", scale=SCALES["hd95"]).rows
    d = (values[1] - values[0])[0]
    d[0, 5] = np.nan
    expected = np.nanmean(np.delete(d, 3, axis=1), axis=0)
    assert row.persons == 19
    assert row.p == pytest.approx(wilcoxon(expected).pvalue, rel=1e-6)
    values[0] = np.where(np.isfinite(values[1]), np.nan, 1.0)
    values[1, 0, 0, 5] = np.nan
    (row,) = paired_tests(grid(values, may_be_undefined=True), "m0", scale=SCALES["hd95"]).rows
    assert row.reason


def test_an_empty_board_has_no_scores() -> None:
    scores = Scores(("m0", DIRECT), (), (), np.empty((2, 0, 0, 0)), False)
    assert rows_of(scores)[0].reason == "no scores"
