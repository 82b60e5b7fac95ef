import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import EXTRAS, TASKS
from tasks.segmentation import SegmentationTask
from tasks.splits import Split, read_split

MakeTask = Callable[[str], SegmentationTask]
EVERY = (*TASKS, *EXTRAS)

#: Training and test images that each data set's owner, or the LD reference, published, in the
#: order of the reference's table; then the start of the SHA-256 of all ids in order, for where the
#: published lists are absent.
PUBLISHED = {
    "idrid_optic_disc": (54, 27, "b46a43bd6303de2a"),
    "rite_vessel": (20, 20, "a8c6bb0660e11d8b"),
    "drishti_optic_cup": (50, 51, "1365bb9570c81797"),
    "drishti_optic_disc": (50, 51, "1365bb9570c81797"),
    "stare_vessel": (10, 10, "9a7bfd153ebf3579"),
    "idrid_hard_exudates": (54, 27, "b46a43bd6303de2a"),
    "chasedb1_vessel": (20, 8, "3e1921b30d7fed8e"),
    "hrf_vessel": (25, 20, "fc25519978fa1395"),
    "siim_pneumothorax": (1334, 1335, "bd8fc28dde209ca8"),
    "scr_heart": (124, 123, "b2b8a2a846724bbc"),
    "scr_lung": (124, 123, "b2b8a2a846724bbc"),
    "scr_clavicle": (124, 123, "b2b8a2a846724bbc"),
    "extra_idrid_microaneurysms": (54, 27, "b46a43bd6303de2a"),
    "extra_idrid_haemorrhages": (53, 27, "544f82f7e9558a08"),
    "extra_idrid_soft_exudates": (26, 14, "81427f14eda32e25"),
}

repeatable = settings(deadline=None, derandomize=True)
fractions = st.floats(0.0, 1.0, exclude_min=True)


def ids(count: int) -> tuple[str, ...]:
    return tuple(f"image {number}" for number in range(count))


@pytest.fixture
def split(task: str, make_task: MakeTask) -> Split:
    return read_split(make_task(task).split_name or task)


def test_the_twelve_in_the_published_order_then_the_extras() -> None:
    assert list(PUBLISHED) == list(EVERY)
    assert len(TASKS) == 12
    assert all(name.startswith("extra_idrid_") for name in EXTRAS)


@pytest.mark.parametrize("task", EVERY)
def test_counts(task: str, split: Split) -> None:
    assert (len(split.train), len(split.test)) == PUBLISHED[task][:2]


@pytest.mark.parametrize("task", EVERY)
@pytest.mark.parametrize("fraction", [0.2, 0.4, 0.6, 0.8, 1.0])
def test_no_image_is_in_two_parts(
    task: str, fraction: float, split: Split, make_task: MakeTask
) -> None:
    train, validation = split.fraction(fraction, make_task(task).person)
    parts = train + validation + split.test
    assert len(set(parts)) == len(parts)
    assert validation + train == split.train[: int(fraction * len(split.train))]


@pytest.mark.parametrize("task", EVERY)
def test_equal_to_the_published_lists(task: str, split: Split, shared: Path) -> None:
    published = json.loads((shared / "spec" / "splits.json").read_text(encoding="utf-8"))
    assert published.keys() == set(EVERY)
    assert list(split.train) == published[task]["train"]
    assert list(split.test) == published[task]["test"]


@pytest.mark.parametrize("task", EVERY)
def test_order(task: str, split: Split) -> None:
    digest = hashlib.sha256(" ".join(split.train + split.test).encode()).hexdigest()
    assert digest[:16] == PUBLISHED[task][2]


@pytest.mark.parametrize("task", EVERY)
def test_stored_lists_name_their_source(task: str, make_task: MakeTask) -> None:
    folder = Path(__file__).parents[2] / "tasks" / "splits"
    name = make_task(task).split_name or task
    record = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    assert "arXiv:2108.09440" in record["source"]


def test_unknown_split() -> None:
    with pytest.raises(FileNotFoundError):
        read_split("no_such_task")


def test_scr_trains_on_odd_and_tests_on_even_ids() -> None:
    split = read_split("scr")
    assert all(int(image[-3:]) % 2 == 1 for image in split.train)
    assert all(int(image[-3:]) % 2 == 0 for image in split.test)


@pytest.mark.parametrize("task", EVERY)
def test_at_the_whole_list_the_published_rule_holds(
    task: str, split: Split, make_task: MakeTask
) -> None:
    train, validation = split.fraction(1.0, make_task(task).person)
    assert validation == split.train[: int(0.2 * len(split.train))]
    assert train == split.train[len(validation) :]


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


@repeatable
@given(st.integers(1, 200), st.integers(1, 200), fractions, st.integers(4, 300))
def test_a_limit_cuts_what_the_scale_leaves(train: int, test: int, scale: float, most: int) -> None:
    whole = Split(ids(train), ids(test))
    part = whole.scaled(scale)
    assert whole.scaled(scale, most) == Split(part.train[:most], part.test[: most // 2])
    assert whole.scaled(scale, None) == part


@pytest.mark.parametrize("most", [3, 0, -4])
def test_refuses_limits_that_leave_too_little(most: int) -> None:
    with pytest.raises(ValueError, match=f"most must be at least 4, not {most}"):
        Split(ids(10), ids(10)).scaled(1.0, most)
