import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import TASKS
from tasks.splits import Split, read_split

#: Training and test images that each data set's owner, or the LD reference, published.
COUNTS = {
    "idrid_optic_disc": (54, 27),
    "idrid_hard_exudates": (54, 27),
    "chasedb1_vessel": (20, 8),
    "hrf_vessel": (25, 20),
    "scr_lung": (124, 123),
}

#: The published order, as the SHA-256 of all ids, for where the published lists are absent.
ORDERS = {
    "idrid_optic_disc": "b46a43bd6303de2a",
    "idrid_hard_exudates": "b46a43bd6303de2a",
    "chasedb1_vessel": "3e1921b30d7fed8e",
    "hrf_vessel": "fc25519978fa1395",
    "scr_lung": "b2b8a2a846724bbc",
}

repeatable = settings(deadline=None, derandomize=True)
fractions = st.floats(0.0, 1.0, exclude_min=True)


def ids(count: int) -> tuple[str, ...]:
    return tuple(f"image {number}" for number in range(count))


def test_every_task_has_published_counts() -> None:
    assert COUNTS.keys() == TASKS.keys()


@pytest.mark.parametrize("task", TASKS)
def test_counts(task: str) -> None:
    split = read_split(task)
    assert (len(split.train), len(split.test)) == COUNTS[task]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("fraction", [0.2, 0.4, 0.6, 0.8, 1.0])
def test_no_image_is_in_two_parts(task: str, fraction: float) -> None:
    split = read_split(task)
    train, validation = split.fraction(fraction)
    parts = train + validation + split.test
    assert len(set(parts)) == len(parts)
    assert set(train + validation) <= set(split.train)


@pytest.mark.parametrize("task", TASKS)
def test_equal_to_the_published_lists(task: str, shared: Path) -> None:
    published = json.loads((shared / "spec" / "splits.json").read_text(encoding="utf-8"))[task]
    split = read_split(task)
    assert list(split.train) == published["train"]
    assert list(split.test) == published["test"]


@pytest.mark.parametrize("task", TASKS)
def test_order(task: str) -> None:
    split = read_split(task)
    digest = hashlib.sha256(" ".join(split.train + split.test).encode()).hexdigest()
    assert digest[:16] == ORDERS[task]


def test_unknown_task() -> None:
    with pytest.raises(FileNotFoundError):
        read_split("no_such_task")


def test_both_eyes_of_a_child_stay_together() -> None:
    split = read_split("chasedb1_vessel")
    train, validation = split.fraction(1.0)
    parts = [{eye[:-1] for eye in part} for part in (train, validation, split.test)]
    assert [len(children) for children in parts] == [8, 2, 4]
    assert len(set.union(*parts)) == 14


def test_scr_trains_on_odd_and_tests_on_even_ids() -> None:
    split = read_split("scr")
    assert all(int(image[-3:]) % 2 == 1 for image in split.train)
    assert all(int(image[-3:]) % 2 == 0 for image in split.test)


@pytest.mark.parametrize("count", range(2, 200))
def test_the_first_fifth_is_validation(count: int) -> None:
    train, validation = Split(ids(count), ids(1)).fraction(1.0)
    assert validation == ids(count)[: max(1, count // 5)]
    assert validation + train == ids(count)


@pytest.mark.parametrize(
    ("percent", "labelled", "held_out"),
    [(20, 24, 4), (40, 49, 9), (60, 74, 14), (80, 99, 19), (100, 124, 24)],
)
def test_published_fractions_of_scr(percent: int, labelled: int, held_out: int) -> None:
    train, validation = read_split("scr").fraction(percent / 100)
    assert (len(train) + len(validation), len(validation)) == (labelled, held_out)


@repeatable
@given(st.integers(1, 300), fractions, fractions)
def test_smaller_fractions_are_prefixes(count: int, one: float, other: float) -> None:
    split = Split(ids(count), ids(1))
    small, large = sorted((one, other))
    if int(small * count) < 2:
        with pytest.raises(ValueError, match="at least 2"):
            split.fraction(small)
        return
    parts = [split.fraction(fraction) for fraction in (small, large)]
    few, many = (validation + train for train, validation in parts)
    assert len(few) == int(small * count)
    assert few == many[: len(few)] == split.train[: len(few)]
    assert parts[0][1] == parts[1][1][: len(parts[0][1])]
    for train, validation in parts:
        assert train
        assert len(validation) == max(1, (len(train) + len(validation)) // 5)


@repeatable
@given(st.one_of(st.floats(max_value=0.0), st.floats(min_value=1.0, exclude_min=True)))
def test_refuses_fractions_out_of_range(fraction: float) -> None:
    with pytest.raises(ValueError, match="label fraction must lie in"):
        Split(ids(10), ids(1)).fraction(fraction)


def test_refuses_a_fraction_that_is_no_number() -> None:
    with pytest.raises(ValueError, match="nan"):
        Split(ids(10), ids(1)).fraction(float("nan"))


@repeatable
@given(st.integers(1, 200), st.integers(1, 200), fractions)
def test_scaled_splits_are_prefixes(train: int, test: int, scale: float) -> None:
    whole = Split(ids(train), ids(test))
    part = whole.scaled(scale)
    assert part.train == whole.train[: len(part.train)]
    assert part.test == whole.test[: len(part.test)]
    assert len(part.train) == min(train, max(4, round(scale * train)))
    assert len(part.test) == min(test, max(2, round(scale * test)))
    assert whole.scaled(1.0) == whole


@pytest.mark.parametrize("scale", [0.0, -1.0, 1.01, float("nan")])
def test_refuses_scales_out_of_range(scale: float) -> None:
    with pytest.raises(ValueError, match=str(scale)):
        Split(ids(10), ids(10)).scaled(scale)
