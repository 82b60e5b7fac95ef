"""SIIM-ACR's run-length masks: text to pixels and back."""

import numpy as np
from jaxtyping import Bool

from methods.errors import InputError

#: What stands for "no pneumothorax" in the place of runs.
NEGATIVE = "-1"


class RleError(InputError, ValueError):
    """Run lengths that describe no mask; says why."""


def decode(text: str, height: int, width: int) -> Bool[np.ndarray, "height width"]:
    """A mask from pairs of gap and length, zero-based and column-major.

    From p = 0, for each (gap, length): p += gap, the pixels p to p + length are set, p += length.

    Args:
        text: Numbers with blanks between them, or "-1" for an empty mask.
        height: Of the image, in pixels.
        width: Of the image, in pixels.

    Raises:
        RleError: If the text is no list of pairs or runs past the end of the image.
    """
    mask = np.zeros(height * width, dtype=bool)
    if text.strip() == NEGATIVE:
        return mask.reshape(height, width)
    try:
        numbers = [int(word) for word in text.split()]
    except ValueError as error:
        raise RleError(f"run lengths must be whole numbers: {error}") from error
    if not numbers or len(numbers) % 2 or min(numbers) < 0:
        raise RleError(f"run lengths must be pairs of gap and length, not {len(numbers)} numbers")
    place = 0
    for gap, length in zip(numbers[::2], numbers[1::2], strict=True):
        place += gap + length
        if place > mask.size:
            raise RleError(f"a run ends at pixel {place} of a mask of {width} x {height}")
        mask[place - length : place] = True
    return mask.reshape(width, height).T


def encode(mask: Bool[np.ndarray, "height width"]) -> str:
    """The inverse of ``decode``; "-1" for an empty mask."""
    flat = np.concatenate([[False], mask.T.ravel(), [False]])
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    if not len(edges):
        return NEGATIVE
    starts, ends = edges[::2], edges[1::2]
    gaps = starts - np.concatenate([[0], ends[:-1]])
    return " ".join(f"{gap} {length}" for gap, length in zip(gaps, ends - starts, strict=True))
