"""A metric that an empty mask has not: nobody wins by predicting nothing where it is hard."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from benchmark.report.compared import beside
from benchmark.report.frame import COLUMNS
from benchmark.report.scales import SCALES
from benchmark.report.scores import Scores, scores
from benchmark.report.selection import select
from benchmark.report.statistics import bootstrap
from tests.benchmark.plain_claims import claim, judged, said

EASY, HARD = range(10), range(10, 20)


@pytest.fixture
def frame() -> pd.DataFrame:
    """BYOL is a pixel better where both answer; LD has no answer where BYOL's is 40 px off."""
    rng = np.random.default_rng(0)
    rows = []
    for method, task, seed, image in product(
        ("ld", "byol", "random"), ("hrf_vessel", "stare_vessel"), range(3), (*EASY, *HARD)
    ):
        hard, none = image in HARD, np.nan
        far = {"ld": none if hard else 6.0, "byol": 40.0 if hard else 5.0, "random": 50.0}[method]
        place = (method, task, "d", "real", "finetuned", 1.0, seed, "hd95", f"i{image:02}", "done")
        rows.append((*place, far + rng.normal(0, 0.1)))
    return pd.DataFrame(rows, columns=COLUMNS)


def grid_of(frame: pd.DataFrame) -> Scores:
    return scores(select(frame, "finetuned", "hd95"))


def test_two_are_compared_on_the_images_on_which_both_answered(frame: pd.DataFrame) -> None:
    grid, scale = grid_of(frame), SCALES["hd95"]
    sample = bootstrap(grid, np.random.default_rng(0), 200)
    odds, able = beside(grid, sample, "ld", "byol", scale, None)
    assert odds.difference.value == pytest.approx(-1.0, abs=0.1)
    assert (odds.better, odds.worse) == (0.0, 1.0)
    assert able.difference == odds.difference.value
    assert able.detectable < 1.0
    odds, _ = beside(grid, sample, "byol", "random", scale, None)
    assert odds.difference.value == pytest.approx(27.5, abs=0.1)  # on all twenty


def test_shared_images_are_those_of_a_cell() -> None:
    """Of one seed each has its own; a cell that one lacks leaves the other's as it is."""
    values = np.array([[[[1, np.nan, 3], [1, 2, 3]]], [[[4, 5, np.nan], [np.nan] * 3]]], float)
    grid = Scores(("a", "b"), ("t",), (0, 1), values, may_be_undefined=True)
    kept = np.isfinite(grid.shared(("a", "b", "gone")).values)
    assert kept[0, 0].tolist() == [[True, False, False], [True, True, True]]
    assert kept[1, 0].tolist() == [[True, False, False], [False, False, False]]
    np.testing.assert_array_equal(grid.shared(("a",)).values, values)


def test_where_nothing_is_shared_that_is_said(frame: pd.DataFrame) -> None:
    rest = frame[(frame["method"] == "ld") | frame["image"].isin([f"i{i}" for i in HARD])]
    grid = grid_of(rest)
    sample = bootstrap(grid, np.random.default_rng(0), 20)
    odds, _ = beside(grid, sample, "ld", "byol", SCALES["hd95"], None)
    assert odds.reason == "no image on which both ld and byol have a score"


def test_a_task_on_which_nothing_is_shared_is_named(frame: pd.DataFrame) -> None:
    bare = (frame["task"] == "stare_vessel") & (frame["method"] == "byol")
    rest = frame[~bare | frame["image"].isin([f"i{i}" for i in HARD])]
    grid = grid_of(rest)
    sample = bootstrap(grid, np.random.default_rng(0), 20)
    odds, able = beside(grid, sample, "ld", "byol", SCALES["hd95"], None)
    assert odds.reason == able.reason
    assert odds.reason == "no image of stare_vessel on which both ld and byol have one"
    odds, _ = beside(grid, sample, "ld", "byol", SCALES["hd95"], "hrf_vessel")
    assert odds.difference.value == pytest.approx(-1.0, abs=0.1)
    verdict = judged(claim(wins=">= 2", of=2, tasks=list(grid.tasks), metric="hd95"), rest)
    assert verdict.answer != "holds"


def test_a_claim_is_not_won_by_empty_masks(frame: pd.DataFrame) -> None:
    about = claim(wins=">= 2", of=2, tasks=["hrf_vessel", "stare_vessel"], metric="hd95", ties=0.5)
    verdict = judged(about, frame)
    assert verdict.answer == "fails"
    assert "nobody is charged for empty predictions" in said(verdict)
