"""Curves over label fractions, and their areas."""

import numpy as np
import pandas as pd
import pytest

from benchmark.report.label_efficiency import Efficiency, area, label_efficiency
from tests.benchmark.figures.made_up import METHODS, made_up, tasks, without

FRACTIONS = (0.1, 0.4, 1.0)


def curves(frame: pd.DataFrame, draws: int = 300) -> tuple[Efficiency, ...]:
    rng = np.random.default_rng(0)
    return label_efficiency(frame, rng, stage="frozen", metric="dice", draws=draws)


def test_area_of_known_curves() -> None:
    x = np.array(FRACTIONS)
    assert area(np.full(3, 0.7), x) == pytest.approx(0.7)
    assert area(x, x) == pytest.approx(0.55)  # a line's mean height is that of its middle
    by_hand = ((0.2 + 0.5) / 2 * 0.3 + (0.5 + 0.6) / 2 * 0.6) / 0.9
    assert area(np.array([[0.2, 0.5, 0.6]]), x)[0] == pytest.approx(by_hand)


def test_curves_are_means_of_the_scores() -> None:
    frame = made_up(3, 2, fractions=FRACTIONS)
    mean, first, second = curves(frame)
    assert (mean.tasks, first.tasks, second.tasks) == (
        tuple(tasks(2)),
        (tasks(2)[0],),
        (tasks(2)[1],),
    )
    assert (mean.name, first.name) == ("mean over 2 tasks", tasks(1)[0])
    here = frame[frame["stage"] == "frozen"]
    for one in (mean, first, second):
        assert one.methods == tuple(sorted(METHODS[:3]))
        for m, method in enumerate(one.methods):
            own = here[(here["method"] == method) & here["task"].isin(one.tasks)]
            expected = own.groupby("fraction")["score"].mean()
            assert one.values[m] == pytest.approx(expected.to_numpy())
            assert one.areas[m].value == pytest.approx(area(one.values[m], np.array(FRACTIONS)))
        assert (one.low <= one.values).all()
        assert (one.values <= one.high).all()


def test_fractions_are_resampled_together() -> None:
    """The images' part is common, so the area varies as much as each of its points."""
    frame = made_up(1, 1, seeds=1, images=30, fractions=(0.1, 1.0), noise=0.0)
    shift = np.random.default_rng(5).normal(0, 0.05, 30)
    frame["score"] += frame["image"].map({f"i{i}": shift[i] for i in range(30)}).astype(float)
    (one,) = curves(frame, 2000)
    width = (one.high - one.low)[0]
    assert width[0] == pytest.approx(width[1])
    assert one.areas[0].high - one.areas[0].low == pytest.approx(width[0])


def test_only_seeds_that_all_fractions_have_count() -> None:
    frame = made_up(2, 1, fractions=FRACTIONS)
    few = frame[(frame["fraction"] == 1.0) | (frame["seed"] < 2)]
    (one,) = curves(few)
    own = few[(few["fraction"] == 1.0) & (few["seed"] < 2) & (few["stage"] == "frozen")]
    expected = own.groupby("method")["score"].mean()
    assert one.values[:, -1] == pytest.approx([expected[m] for m in one.methods])
    assert np.isfinite(one.low).all()


def test_methods_with_missing_cells_are_left_out_where_they_lack_them() -> None:
    frame = without(made_up(3, 2, fractions=FRACTIONS), METHODS[2], tasks(1)[0])
    mean, first, second = curves(frame)
    for one in (mean, first):
        assert (one.methods, one.left_out) == ((METHODS[1], METHODS[0]), (METHODS[2],))
    assert (len(second.methods), second.left_out) == (3, ())


def test_tasks_with_other_fractions_have_no_common_mean() -> None:
    frame = made_up(2, 3, fractions=FRACTIONS)
    last = frame["task"] == tasks(3)[2]
    frame = frame[~last | (frame["fraction"] == 1.0)]  # one fraction: no curve
    assert [one.name for one in curves(frame)] == ["mean over 2 tasks", *tasks(2)]
    frame = frame[(frame["task"] != tasks(2)[1]) | (frame["fraction"] > 0.2)]
    assert [(one.name, one.fractions) for one in curves(frame)] == [
        (tasks(1)[0], FRACTIONS),
        (tasks(2)[1], FRACTIONS[1:]),
    ]


def test_nothing_is_made_up_of_one_fraction_one_image_or_nothing() -> None:
    assert curves(made_up(2, 2)) == ()
    assert curves(made_up(2, 2).iloc[:0]) == ()
    failed = made_up(2, 1, fractions=FRACTIONS).assign(status="failed", score=np.nan)
    assert curves(failed) == ()
    (one,) = curves(made_up(2, 1, images=1, fractions=FRACTIONS))
    assert np.isfinite(one.values).all()
    assert np.isnan([one.low, one.high]).all()
    assert np.isnan([estimate.low for estimate in one.areas]).all()
