"""What the readers of all file formats share: the arrays they give, their error, their limits."""

from pathlib import Path

import numpy as np
from jaxtyping import Integer, UInt8

from methods.errors import InputError

Pixels = UInt8[np.ndarray, "height width channels"]
Mask = UInt8[np.ndarray, "height width"]
Levels = Integer[np.ndarray, "height width"]

#: Pixels above which a header is not believed: three times the largest photograph of EyePACS
#: (5184 x 3456), and 192 MB in colour.
LARGEST = 64_000_000


class ImageError(InputError, ValueError):
    """A file that cannot be used; names it and says why."""


def admit(path: Path, width: int, height: int) -> None:
    """Refuse a size that its header declares, before memory is spent on it.

    Raises:
        ImageError: If there are no pixels, or more than ``LARGEST``.
    """
    if width < 1 or height < 1:
        raise ImageError(f"{path} cannot be read as an image: it is {width} x {height} px")
    if width * height > LARGEST:
        raise ImageError(
            f"{path} declares {width} x {height} px, more than the {LARGEST} that are read: "
            "it is damaged, or to be made smaller first"
        )


def stretched(path: Path, levels: Levels) -> Mask:
    """Grey levels of more than 8 bits, scaled min..max to 0..255 and rounded.

    The rule of the LD reference for JSRT, its one data set of more than 8 bits. A file does not
    say how many of its 16 bits are used, and radiographs use 10 to 14: dividing by 257 would turn
    a 12-bit one into sixteen shades of black.

    Raises:
        ImageError: If all levels are equal, so that there is nothing to scale.
    """
    values = levels.astype(np.float64)
    low, high = float(values.min()), float(values.max())
    if low == high:
        raise ImageError(f"{path} holds one value only, {low:g}: there is nothing to see")
    scaled: Mask = ((values - low) * (255.0 / (high - low))).round().astype(np.uint8)
    return scaled
