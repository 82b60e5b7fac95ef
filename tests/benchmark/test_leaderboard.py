"""Leaderboards from small frames whose every number can be worked out by hand."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from benchmark.report.leaderboard import Leaderboard, Row, leaderboard

COLUMNS = [
    *("method", "task", "domain", "source", "stage", "fraction"),
    *("seed", "metric", "image", "status", "score"),
]


def cell(
    scores: list[float],
    method: str = "a",
    task: str = "t",
    seed: int = 0,
    stage: str = "frozen",
    metric: str = "dice",
) -> pd.DataFrame:
    """A finished cell: one row per image."""
    rows = [
        (method, task, "disc", "phantom", stage, 1.0, seed, metric, f"i{i}", "done", score)
        for i, score in enumerate(scores)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def failed(method: str, task: str, seed: int, status: str = "failed") -> pd.DataFrame:
    """A cell without scores, as the store gives it."""
    row = (method, task, "disc", "phantom", "frozen", 1.0, seed, "dice", "", status, math.nan)
    return pd.DataFrame([row], columns=COLUMNS)


def drop(frame: pd.DataFrame, method: str, task: str, seed: int) -> pd.DataFrame:
    """The frame without one cell."""
    gone = (frame["method"] == method) & (frame["task"] == task) & (frame["seed"] == seed)
    return frame[~gone]


#: Task means over two seeds of two images. On t: a 0.65, b 0.5, random 0.4, direct 0.45;
#: on u: a 0.604, b 0.605 (level with a), random 0.5, direct 0.7.
PLACES = list(product(("a", "b", "random"), "tu"))
MEANS = dict(zip(PLACES, (0.65, 0.604, 0.5, 0.605, 0.4, 0.5), strict=True))


@pytest.fixture
def frame() -> pd.DataFrame:
    """Three methods, two tasks, two seeds, two images, and the direct floor."""
    cells = [
        cell([mean + 0.1 + 0.02 * seed, mean - 0.1 - 0.02 * seed], method, task, seed)
        for (method, task), mean in MEANS.items()
        for seed in (0, 1)
    ]
    for task, mean in {"t": 0.45, "u": 0.7}.items():
        cells += [cell([mean, mean], "random", task, seed, "direct") for seed in (0, 1)]
    return pd.concat(cells, ignore_index=True)


def board(frame: pd.DataFrame, stage: str = "frozen", metric: str = "dice") -> Leaderboard:
    """With few draws and a fixed seed."""
    return leaderboard(frame, np.random.default_rng(0), stage=stage, metric=metric, draws=200)


def by_name(result: Leaderboard) -> dict[str, Row]:
    return {row.method: row for row in result.rows}


def test_hand_computed_example(frame: pd.DataFrame) -> None:
    result = board(frame)
    assert [row.method for row in result.rows] == ["a", "b", "random"]
    assert result.tasks == ("t", "u")
    rows = by_name(result)
    for (method, task), mean in MEANS.items():
        assert rows[method].scores[task].value == pytest.approx(mean, abs=1e-8)
    # Ranks: a 1 and 2, b 2 and 1, random 3 and 3. On u a is within half a point of b: a tie.
    assert {m: row.rank.value for m, row in rows.items()} == {"a": 1.5, "b": 1.5, "random": 3}
    assert {m: row.wins for m, row in rows.items()} == {"a": 1, "b": 0, "random": 0}
    assert {m: row.ties for m, row in rows.items()} == {"a": 1, "b": 1, "random": 0}
    gain = {m: row.gain.value for m, row in rows.items()}
    assert gain == pytest.approx({"a": 0.177, "b": 0.1025, "random": 0}, abs=1e-8)
    # Direct: 0.45 on t, 0.7 on u.
    gain = {m: row.gain_direct.value for m, row in rows.items()}
    assert gain == pytest.approx({"a": 0.052, "b": -0.0225, "random": -0.125}, abs=1e-8)
    assert result.direct == pytest.approx({"t": 0.45, "u": 0.7}, abs=1e-8)
    assert all(row.missing == 0 for row in result.rows)


def test_intervals_of_differences_are_paired(frame: pd.DataFrame) -> None:
    # All methods differ by constants, so gains and ranks are certain although scores are not.
    row = by_name(board(frame))["a"]
    assert row.scores["t"].high - row.scores["t"].low > 0.15
    assert (row.gain.low, row.gain.high) == pytest.approx((0.177, 0.177), abs=1e-8)
    assert (row.rank.low, row.rank.high) == (1.5, 1.5)
    random = by_name(board(frame))["random"].gain
    assert (random.value, random.low, random.high) == (0, 0, 0)


def test_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(0)
    places = product(["a", "random"], ["t", "u"], range(3))
    cells = [cell(rng.uniform(0, 1, 7).tolist(), m, task, seed) for m, task, seed in places]
    expected = board(pd.concat(cells)).record()
    for seed in range(3):
        assert board(pd.concat(cells).sample(frac=1, random_state=seed)).record() == expected


def test_categorical_columns_are_read_alike(frame: pd.DataFrame) -> None:
    text = ["method", "task", "source", "stage", "metric", "image", "status"]
    coded = frame.astype(dict.fromkeys(text, "category"))
    assert board(coded).record() == board(frame).record()


@pytest.mark.parametrize(
    ("status", "label"), [("failed", "Failed"), ("skipped", "Skipped"), ("missing", "Not run")]
)
def test_a_failed_cell_costs_the_rank(frame: pd.DataFrame, status: str, label: str) -> None:
    result = board(pd.concat([drop(frame, "b", "u", 1), failed("b", "u", 1, status)]))
    assert [row.method for row in result.rows] == ["a", "random", "b"]
    row = by_name(result)["b"]
    assert row.missing == 1
    assert np.isnan([row.rank.value, row.gain.value, row.gain_direct.value]).all()
    assert (row.wins, row.ties) == (None, None)
    assert row.scores["u"].value == pytest.approx(0.605, abs=1e-8)
    assert math.isnan(row.scores["u"].low)
    assert math.isfinite(row.scores["t"].low)
    # Without b, a is best on both tasks.
    assert (by_name(result)["a"].wins, by_name(result)["a"].rank.value) == (2, 1)
    notes = "\n".join(result.notes)
    assert f"{label}: b on u (seed 1)." in notes
    assert "Without rank, because cells are missing: b." in notes


def test_a_cell_that_was_never_run_counts_as_missing(frame: pd.DataFrame) -> None:
    without = drop(drop(frame, "b", "u", 0), "b", "u", 1)
    result = board(without)
    row = by_name(result)["b"]
    assert (row.missing, math.isnan(row.rank.value)) == (1, True)
    assert math.isnan(row.scores["u"].value)
    assert any("No score: b on u (seeds 0, 1)." in note for note in result.notes)


def test_a_cell_that_nobody_has_is_no_ones_fault(frame: pd.DataFrame) -> None:
    cells = [failed(method, "v", 0) for method in ("a", "b", "random")]
    result = board(pd.concat([frame, *cells]))
    assert by_name(result)["a"].rank.value == 1.5
    assert {row.missing for row in result.rows} == {1}
    assert any("No method has a score on v" in note for note in result.notes)


def test_a_missing_image_is_a_missing_cell(frame: pd.DataFrame) -> None:
    # The mean over easier images would be higher.
    hit = (frame["method"] == "b") & (frame["task"] == "u") & (frame["image"] == "i1")
    for damaged in (frame[~hit], frame.assign(score=frame["score"].mask(hit))):
        result = board(damaged)
        assert by_name(result)["b"].missing == 1
        assert math.isnan(by_name(result)["b"].rank.value)
        assert any("Some images without score" in note for note in result.notes)


def test_hd95_is_better_when_smaller_and_counts_what_is_undefined() -> None:
    scores = {"a": [2.0, 4.0, math.nan], "random": [9.0, 5.0, 4.0]}
    cells = [
        cell(values, method, "t", seed, "frozen", "hd95")
        for method, values in scores.items()
        for seed in (0, 1)
    ]
    result = board(pd.concat(cells), metric="hd95")
    row = by_name(result)["a"]
    assert [r.method for r in result.rows] == ["a", "random"]
    assert (row.scores["t"].value, row.gain.value, row.wins) == (3, 3, 1)
    assert any("NaN scores, left out of the means: 2 (a 2)." in note for note in result.notes)
    assert "smaller is better" in "\n".join(result.notes)


def test_the_direct_floor_is_compared_on_the_same_seeds(frame: pd.DataFrame) -> None:
    extra = cell([0.9, 0.9], "random", "t", 2, "direct")
    assert board(pd.concat([frame, extra])).record() == board(frame).record()
    less = frame[~((frame["stage"] == "direct") & (frame["seed"] == 1) & (frame["task"] == "u"))]
    result = board(less)
    assert math.isnan(by_name(result)["a"].gain_direct.value)
    assert by_name(result)["a"].gain.value == pytest.approx(0.177, abs=1e-8)
    assert math.isnan(result.direct["u"])
    assert any("random lacks cells of the direct stage" in note for note in result.notes)


def test_only_the_chosen_label_fraction_is_averaged(frame: pd.DataFrame) -> None:
    tenth = frame.assign(fraction=0.1, score=0.0)
    both = pd.concat([frame, tenth])
    result = board(both)
    assert by_name(result)["a"].gain.value == pytest.approx(0.177, abs=1e-8)
    assert any("Label fraction 1; left out: 0.1." in note for note in result.notes)
    low = leaderboard(both, np.random.default_rng(0), stage="frozen", draws=9, fraction=0.1)
    assert (low.fraction, by_name(low)["a"].scores["t"].value) == (0.1, 0)
