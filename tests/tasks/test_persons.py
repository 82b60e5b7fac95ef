"""A person's images stay in one part, where ids reveal the person."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks import EXTRAS, TASKS
from tasks.segmentation import SegmentationTask
from tasks.splits import FractionError, Split, read_split, whole_persons

MakeTask = Callable[[str], SegmentationTask]
EVERY = (*TASKS, *EXTRAS)
#: Those whose ids reveal the person.
REVEALING = ("chasedb1_vessel",)


@pytest.mark.parametrize("name", EVERY)
def test_no_person_is_in_two_parts_at_any_fraction(name: str, make_task: MakeTask) -> None:
    task = make_task(name)
    split = read_split(task.split_name or name)
    tested = 0
    for hundredth in range(1, 101):
        try:
            train, validation = split.fraction(hundredth / 100, task.person)
        except FractionError:
            continue  # too few images, or one person's only
        tested += 1
        parts = [set(map(task.person, part)) - {None} for part in (train, validation, split.test)]
        assert sum(map(len, parts)) == len(set.union(*parts))
        assert all(parts) == (name in REVEALING)
        assert train
        assert validation
    assert tested > 70


@pytest.mark.parametrize("name", EVERY)
def test_what_ids_say_of_persons_is_noted(name: str, make_task: MakeTask) -> None:
    note = make_task(name).info.note
    assert "person" in note or "child" in note
    assert "\n" not in note


def test_both_eyes_of_a_child_stay_together() -> None:
    split = read_split("chasedb1_vessel")
    train, validation = split.fraction(1.0)
    parts = [{eye[:-1] for eye in part} for part in (train, validation, split.test)]
    assert [len(children) for children in parts] == [8, 2, 4]
    assert len(set.union(*parts)) == 14


@pytest.mark.parametrize(
    ("fraction", "held_out", "labelled"),
    [(0.2, 2, 4), (0.3, 2, 6), (0.5, 2, 10), (0.55, 2, 11), (0.75, 4, 15), (1.0, 4, 20)],
)
def test_fractions_of_chase(
    fraction: float, held_out: int, labelled: int, make_task: MakeTask
) -> None:
    task = make_task("chasedb1_vessel")
    train, validation = read_split(task.name).fraction(fraction, task.person)
    assert (len(validation), len(train) + len(validation)) == (held_out, labelled)


def test_one_child_cannot_train_and_validate(make_task: MakeTask) -> None:
    split = read_split("chasedb1_vessel")
    with pytest.raises(FractionError, match=r"fraction 0.1 of 20 .* one person"):
        split.fraction(0.1, make_task("chasedb1_vessel").person)
    assert split.fraction(0.1) == (("Image_01R",), ("Image_01L",))


def test_hrf_numbers_photographs_not_persons(make_task: MakeTask) -> None:
    task = make_task("hrf_vessel")
    split = read_split(task.name)
    assert "09_dr" in split.train
    assert {"09_g", "09_h"} < set(split.test)
    assert all(word in task.info.note for word in ("09_dr", "09_g", "09_h"))
    assert {task.person(image) for image in split.train + split.test} == {None}


images = st.lists(st.sampled_from("abcde?"), min_size=1, max_size=30)


@settings(deadline=None, derandomize=True)
@given(images, st.data())
def test_the_least_number_that_parts_nobody(letters: list[str], data: st.DataObject) -> None:
    names = tuple(f"{letter}{place}" for place, letter in enumerate(letters))
    count = data.draw(st.integers(1, len(names)))

    def person(image: str) -> str | None:
        return None if image[0] == "?" else image[0]

    def parts_nobody(leading: int) -> bool:
        one, other = ({person(n) for n in part} for part in (names[:leading], names[leading:]))
        return not (one & other) - {None}

    expected = next(n for n in range(count, len(names) + 1) if parts_nobody(n))
    assert whole_persons(names, count, person) == expected


@settings(deadline=None, derandomize=True)
@given(images, st.floats(0.01, 1.0), st.floats(0.01, 1.0))
def test_smaller_fractions_are_prefixes_for_persons_too(
    letters: list[str], one: float, other: float
) -> None:
    names = tuple(f"{letter}{place}" for place, letter in enumerate(sorted(letters)))
    split = Split(names, ())
    validations = []
    for fraction in sorted((one, other)):
        try:
            validations.append(split.fraction(fraction, lambda image: image[0])[1])
        except FractionError:
            return
    assert validations[0] == validations[1][: len(validations[0])]
