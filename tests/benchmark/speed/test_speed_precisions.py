"""How far two precisions agree, on made-up scores whose answer is known."""

import numpy as np
import pandas as pd
import pytest

from benchmark.plan import read_plan
from benchmark.speed.agreement import Agreement, agreement, mean_ranks
from benchmark.speed.precisions import PLAN, STAGES, SUMMARY, cell_rows, golden, summary
from benchmark.speed.written import table

METHODS, TASKS = ("a", "b", "c"), ("t", "u")


def cells(seed: int = 0) -> np.ndarray:
    base = np.array([0.3, 0.5, 0.7])[:, None, None]
    return np.asarray(base + np.random.default_rng(seed).normal(0, 0.01, (3, 2, 3)))


def frame(values: np.ndarray, stage: str = "frozen") -> pd.DataFrame:
    rows = [
        (method, task, seed, image, stage, "dice", values[m, t, seed] + move)
        for m, method in enumerate(METHODS)
        for t, task in enumerate(TASKS)
        for seed in range(values.shape[2])
        for image, move in (("x", 0.1), ("y", -0.1))
    ]
    names = ["method", "task", "seed", "image", "stage", "metric", "score"]
    return pd.DataFrame(rows, columns=names)


def test_cells_are_means_over_images_whatever_the_order_of_rows() -> None:
    values = cells()
    found = agreement(frame(values), frame(values).sample(frac=1.0, random_state=0), "frozen")
    assert (found.methods, found.tasks) == (METHODS, TASKS)
    np.testing.assert_allclose(found.one, values)
    np.testing.assert_allclose(found.other, values)


def test_the_same_scores_agree_wholly() -> None:
    found = Agreement(METHODS, TASKS, cells(), cells())
    assert (found.largest, found.as_seeds, found.within) == (0.0, 0.0, 6)
    assert found.mean_ranks == pytest.approx((1.0, 1.0))
    assert found.task_ranks == pytest.approx(1.0)


def test_the_largest_difference_is_of_means_over_seeds() -> None:
    one = cells()
    other = one.copy()
    other[1, 0] -= [0.09, 0.0, 0.0]
    found = Agreement(METHODS, TASKS, one, other)
    assert found.largest == pytest.approx(0.03)
    assert found.pooled == pytest.approx(np.sqrt(one.var(axis=2, ddof=1).mean()))
    assert found.within == 5


def test_reversed_scores_have_reversed_ranks() -> None:
    found = Agreement(METHODS, TASKS, cells(), 1.0 - cells())
    assert found.mean_ranks == pytest.approx((-1.0, -1.0))
    assert found.paired_ranks == pytest.approx(-1.0)
    assert found.seed_ranks == pytest.approx(1.0)


def test_other_seeds_differ_as_other_seeds_do() -> None:
    rng = np.random.default_rng(1)
    one, other = rng.normal(0.5, 0.02, (2, 40, 10, 3))
    names = tuple(map(str, range(40)))
    assert Agreement(names, names[:10], one, other).as_seeds == pytest.approx(1.0, abs=0.1)


def test_the_highest_score_has_rank_one_and_ties_share() -> None:
    assert mean_ranks(np.array([[0.9, 0.1], [0.5, 0.1], [0.1, 0.3]])).tolist() == [1.75, 2.25, 2.0]


def test_other_cells_and_single_seeds_are_refused() -> None:
    whole = frame(cells())
    with pytest.raises(ValueError, match="same frozen cells"):
        agreement(whole, whole[whole["method"] != "a"], "frozen")
    single = frame(cells()[:, :, :1])
    with pytest.raises(ValueError, match="two seeds"):
        agreement(single, single, "frozen")


def test_tables_are_whole() -> None:
    found = Agreement(METHODS, TASKS, cells(), cells(1))
    assert len(cell_rows(found)) == 6
    lines = table(SUMMARY, summary([found] * len(STAGES))).splitlines()
    assert {line.count("|") for line in lines} == {4}


def test_the_plan_can_be_read_and_golden_numbers_are_named() -> None:
    assert len(read_plan(PLAN).seeds) == 3
    assert "losses of 19 methods" in golden()
