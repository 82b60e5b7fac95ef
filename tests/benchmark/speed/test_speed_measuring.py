"""Pairs, medians and ratios against numbers worked out by hand; nothing is timed."""

import pytest

from benchmark.speed.measuring import (
    Ratio,
    alternating,
    images_a_second,
    ratio,
    seconds_a_step,
    turns,
)
from benchmark.speed.table import COLUMNS, Measured, lines
from benchmark.speed.work import steps_at
from benchmark.speed.written import table


def test_the_first_steps_are_not_counted() -> None:
    assert seconds_a_step([0.0, 9.0, 10.0, 12.0], 2) == pytest.approx(1.5)


@pytest.mark.parametrize("steps", [0, 3, 4])
def test_a_step_without_a_beginning_is_refused(steps: int) -> None:
    with pytest.raises(ValueError, match="do not bound"):
        seconds_a_step([1.0, 2.0, 3.0], steps)


def test_order_alternates() -> None:
    assert list(turns(["a", "b"], 3)) == ["a", "b", "b", "a", "a", "b"]


def test_every_block_is_measured_once_a_pair() -> None:
    called: list[str] = []

    def block(name: str, seconds: float) -> float:
        called.append(name)
        return seconds

    got = alternating({"a": lambda: block("a", 1.0), "b": lambda: block("b", 2.0)}, 2)
    assert got == {"a": [1.0, 1.0], "b": [2.0, 2.0]}
    assert called == ["a", "b", "b", "a"]


def test_a_ratio_is_the_median_of_pairs_not_of_medians() -> None:
    # Quotients 2, 4, 3.
    assert ratio([1.0, 2.0, 3.0], [2.0, 8.0, 9.0]) == Ratio(3.0, 2.0, 4.0)


@pytest.mark.parametrize(("ours", "other"), [([], []), ([1.0], [1.0, 2.0])])
def test_measurements_that_are_no_pairs_are_refused(ours: list[float], other: list[float]) -> None:
    with pytest.raises(ValueError, match="no pairs"):
        ratio(ours, other)


def test_rate_is_of_images_not_steps() -> None:
    assert images_a_second([1.0, 4.0, 2.0], 32) == pytest.approx(16.0)


@pytest.mark.parametrize(("size", "steps"), [(32, 20), (64, 20), (128, 10), (224, 6), (512, 6)])
def test_larger_images_are_timed_over_fewer_steps(size: int, steps: int) -> None:
    assert steps_at(size) == steps


def test_table_has_a_row_a_rival_and_dashes_where_nothing_was_measured() -> None:
    seconds = {"A": [2.0], "ours": [1.0], "E": [0.5]}
    (row,) = lines(Measured("simclr", 64, 48, 32, seconds, {"A": 10.4}))
    assert row[4:8] == ["A", "16.0", "32.0", "64.0"]
    assert row[8:] == ["2.00 (2.00-2.00)", "-", "0.50 (0.50-0.50)", "-", "10", "-"]
    text = table(COLUMNS, [row]).splitlines()
    assert len(text) == 3
    assert all(line.count("|") == len(COLUMNS) + 1 for line in text)


def test_a_method_without_a_rival_has_a_row() -> None:
    (row,) = lines(Measured("jigsaw", 64, 48, 32, {"ours": [1.0], "E": [0.8]}, {}))
    assert row[4] == "-"
    assert row[10].startswith("0.80")
