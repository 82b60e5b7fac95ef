"""Run-length masks against the slow loop of the specification."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from methods.errors import InputError
from tasks.rle import RleError, decode, encode

repeatable = settings(deadline=None, derandomize=True)
sides = st.integers(1, 12)


def slow(text: str, height: int, width: int) -> np.ndarray:
    """From p = 0, for each gap and length; then mask[y, x] = flat[x * height + y]."""
    numbers = [int(word) for word in text.split()]
    flat = [False] * (height * width)
    p = 0
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        p += gap
        for place in range(p, p + length):
            flat[place] = True
        p += length
    mask = np.zeros((height, width), dtype=bool)
    for y in range(height):
        for x in range(width):
            mask[y, x] = flat[x * height + y]
    return mask


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    height, width = draw(sides), draw(sides)
    bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    return np.array(bits, dtype=bool).reshape(height, width)


@st.composite
def runs(draw: st.DrawFn) -> tuple[str, int, int]:
    """Pairs that fit into an image; gaps and lengths may be 0."""
    height, width = draw(sides), draw(sides)
    room, numbers = height * width, []
    for _ in range(draw(st.integers(1, 6))):
        for _ in range(2):
            numbers.append(draw(st.integers(0, room)))
            room -= numbers[-1]
    return " ".join(map(str, numbers)), height, width


@repeatable
@given(masks())
def test_decoding_undoes_encoding(mask: np.ndarray) -> None:
    assert np.array_equal(decode(encode(mask), *mask.shape), mask)


@repeatable
@given(runs())
def test_decoding_is_the_slow_loop(case: tuple[str, int, int]) -> None:
    text, height, width = case
    assert np.array_equal(decode(text, height, width), slow(text, height, width))


@repeatable
@given(masks())
def test_encoding_is_what_the_slow_loop_reads(mask: np.ndarray) -> None:
    text = encode(mask)
    if mask.any():
        assert np.array_equal(slow(text, *mask.shape), mask)
        lengths = [int(word) for word in text.split()[1::2]]
        assert min(lengths) > 0
        assert sum(lengths) == mask.sum()
    else:
        assert text == "-1"


@repeatable
@given(runs(), st.sampled_from([" {} ", "  {}", "{}\n"]))
def test_blanks_around_do_not_matter(case: tuple[str, int, int], blanks: str) -> None:
    text, height, width = case
    expected = decode(text, height, width)
    assert np.array_equal(decode(blanks.format(text).replace(" ", "  "), height, width), expected)


def test_by_hand() -> None:
    # Columns first: pixels 1 and 2 of the first column, then one further on in the second.
    expected = np.array([[0, 0], [1, 1], [1, 0]], dtype=bool)
    assert np.array_equal(decode("1 2 1 1", 3, 2), expected)
    assert encode(expected) == "1 2 1 1"


@pytest.mark.parametrize("text", ["-1", " -1", "-1 ", " -1\n"])
def test_negatives_in_either_spelling(text: str) -> None:
    assert not decode(text, 4, 5).any()


@repeatable
@given(runs(), st.integers(1, 10**30))
def test_runs_past_the_end(case: tuple[str, int, int], more: int) -> None:
    text, height, width = case
    room = height * width - sum(map(int, text.split()))
    with pytest.raises(RleError, match=f"a run ends at pixel .* of a mask of {width} x {height}"):
        decode(f"{text} {room} {more}", height, width)
    with pytest.raises(RleError, match="a run ends"):
        decode(f"{text} {room + more} 0", height, width)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "pairs"),
        ("   ", "pairs"),
        ("3", "pairs"),
        ("1 2 3", "pairs of gap and length, not 3 numbers"),
        ("1 -2", "pairs"),
        ("-1 -1", "pairs"),
        ("1 2.5", "whole numbers"),
        ("one two", "whole numbers"),
        ("1 2\0", "whole numbers"),
        ("9" * 5000 + " 1", "whole numbers"),
    ],
)
def test_what_is_no_run_lengths(text: str, told: str) -> None:
    with pytest.raises(RleError, match=re.escape(told)) as caught:
        decode(text, 6, 7)
    assert isinstance(caught.value, InputError)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
