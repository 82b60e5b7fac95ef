"""What a leaderboard says about itself, above all where little can be concluded."""

import json
import math
from collections.abc import Callable
from itertools import product

import numpy as np
import pandas as pd
import pytest

from benchmark.report.leaderboard import Leaderboard, Row, leaderboard

COLUMNS = [
    *("method", "task", "domain", "source", "stage", "fraction"),
    *("seed", "metric", "image", "status", "score"),
]


@pytest.fixture
def frame() -> pd.DataFrame:
    """Two methods and both floors on two tasks, two seeds and two images."""
    rng = np.random.default_rng(0)
    rows = [
        (method, task, "disc", "phantom", stage, 1.0, seed, "dice", image, "done", rng.uniform())
        for stage, methods in {"frozen": ("a", "b", "random"), "direct": ("random",)}.items()
        for method, task, seed, image in product(methods, "tu", (0, 1), ("i0", "i1"))
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def board(frame: pd.DataFrame, stage: str = "frozen", metric: str = "dice") -> Leaderboard:
    """With few draws and a fixed seed."""
    return leaderboard(frame, np.random.default_rng(0), stage=stage, metric=metric, draws=200)


def failed(method: str, task: str, seed: int) -> pd.DataFrame:
    """A cell without scores, as the store gives it."""
    row = (method, task, "disc", "phantom", "frozen", 1.0, seed, "dice", "", "failed", math.nan)
    return pd.DataFrame([row], columns=COLUMNS)


def drop(frame: pd.DataFrame, method: str, task: str, seed: int) -> pd.DataFrame:
    """The frame without one cell."""
    gone = (frame["method"] == method) & (frame["task"] == task) & (frame["seed"] == seed)
    return frame[~gone]


def by_name(result: Leaderboard) -> dict[str, Row]:
    return {row.method: row for row in result.rows}


def says(frame: pd.DataFrame, sentence: str, stage: str = "frozen") -> Leaderboard:
    """The board, after checking a note and that every form of it can be made."""
    result = board(frame, stage)
    assert any(sentence in note for note in result.notes), result.notes
    json.dumps(result.record(), allow_nan=False)
    assert sentence in result.markdown()
    assert len(result.table()) == len(result.rows)
    return result


def test_bad_input_says_what_can_be_concluded(frame: pd.DataFrame) -> None:
    empty = says(frame.iloc[:0], "No scores: nothing can be concluded.")
    assert empty.rows == ()
    alone = says(frame[frame["method"] == "a"], "Only a: there is nothing to compare it with")
    assert math.isnan(alone.rows[0].rank.value)
    says(frame[frame["method"] != "random"], "No random in this stage")
    says(frame[frame["seed"] == 0], "seeds = 1: interval covers test images only")
    says(frame[frame["seed"] == 0], "With one seed, nothing shows how much")
    for seeds in ([0], [0, 1]):
        one = says(frame[(frame["image"] == "i0") & frame["seed"].isin(seeds)], "no intervals")
        assert all(math.isnan(row.rank.low) for row in one.rows)
        assert all(math.isnan(row.scores["t"].low) for row in one.rows)
    equal = says(frame.assign(score=0.5), "All scores are equal")
    assert {row.rank.value for row in equal.rows} == {2}
    nothing = says(frame.assign(score=math.nan), "No scores: nothing can be concluded.")
    assert {row.missing for row in nothing.rows} == {2}
    says(failed("a", "t", 0), "Failed: a on t (seed 0).")
    floor = (frame["method"] == "random") & (frame["stage"] == "frozen") & (frame["seed"] == 0)
    floorless = says(frame[~floor], "random lacks cells: no gain over it")
    assert math.isnan(by_name(floorless)["a"].gain.value)
    assert math.isfinite(by_name(floorless)["a"].gain_direct.value)
    broken = pd.concat([drop(frame, "random", "t", 0), failed("b", "u", 0)])
    says(drop(broken, "b", "u", 1), "Fewer than two methods have every cell")


def test_notes_name_sources_and_selection(frame: pd.DataFrame) -> None:
    says(frame, "All images are phantoms")
    says(frame.assign(source="real"), "All images are real.")
    says(frame.assign(source="stand-in"), "All images are stand-ins")
    mixed = frame.assign(source=frame["task"].map({"t": "real", "u": "phantom"}))
    says(mixed, "Sources differ (phantom: u; real: t)")
    says(frame, "Seeds: 2 per task. Test images: 2 per task.")
    says(frame, "A tie is within 0.5 Dice points")
    says(frame, "With 2 seeds the intervals are too narrow")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda f: board(f, stage="probe"), ["'probe'", "frozen"]),
        (lambda f: board(f, stage="finetuned"), ["'finetuned'", "direct, frozen"]),
        (lambda f: board(f, metric="auroc"), ["'auroc'", "present: dice"]),
        (lambda f: board(f, metric="hd95"), ["'hd95'", "present: dice"]),
        (lambda f: board(pd.concat([f, f.iloc[:1]])), ["a has two scores", "'i0'"]),
        (lambda f: board(f.assign(score=1.5)), ["1.5"]),
        (lambda f: board(f.assign(status="lost")), ["'lost'"]),
        (lambda f: board(f.drop(columns="source")), ["source"]),
        (
            lambda f: board(pd.concat([f, f.iloc[:1].assign(method="c", source="real")])),
            ["task t mixes"],
        ),
        (
            lambda f: leaderboard(f, np.random.default_rng(0), stage="frozen", fraction=0.3),
            ["0.3", "1.0"],
        ),
    ],
)
def test_wrong_questions_are_refused_by_name(
    frame: pd.DataFrame, change: Callable[[pd.DataFrame], object], words: list[str]
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the words are checked below
        change(frame)
    assert all(word in str(caught.value) for word in words), caught.value


def test_long_lists_of_cells_are_cut(frame: pd.DataFrame) -> None:
    many = pd.concat([frame, *(failed("b", f"v{i:02d}", 0) for i in range(25))])
    says(many, ", v19, 5 more (seed 0).")


def test_cells_that_lack_alike_are_named_together(frame: pd.DataFrame) -> None:
    lost = [failed(m, t, s) for m in ("b", "c") for t in "vw" for s in (0, 1)]
    lost += [failed("c", "x", 0), failed("d", "v", 1)]
    told = "Failed: b, c on v, w (seeds 0, 1); c on x (seed 0); d on v (seed 1)."
    says(pd.concat([frame, *lost]), told)


def test_persons_shown_more_than_once_are_counted(frame: pd.DataFrame) -> None:
    more = pd.concat([frame, frame.assign(image=frame["image"] + "R")])
    eyes = more.assign(person=more["image"].str.removesuffix("R"))
    notes = board(eyes).notes
    assert "Several images of one person are resampled together; persons: t 2, u 2." in notes
    assert any("(t 2, u 2): intervals there are too narrow" in note for note in notes)
    assert not any("person are" in note for note in board(frame).notes)
    alone = board(frame.assign(person=np.where(frame["task"] == "t", "one", frame["image"])))
    assert "All images of t show one person: intervals are about nobody else." in alone.notes
    assert all(np.isfinite(row.rank.low) for row in alone.rows if row.rank is not None)


def test_tasks_that_show_the_same_persons_are_named(frame: pd.DataFrame) -> None:
    told = "Tasks that show some of the same persons share their draws: t and u."
    assert told in board(frame.assign(person=frame["image"])).notes
    one = frame["image"] == frame["image"].iloc[0]
    some = frame["image"].where(one, frame["task"].astype(str) + frame["image"].astype(str))
    assert told in board(frame.assign(person=some)).notes
    assert told not in board(frame.assign(person="one")).notes
    other = frame.assign(person=frame["task"].astype(str) + frame["image"].astype(str))
    assert told not in board(other).notes
