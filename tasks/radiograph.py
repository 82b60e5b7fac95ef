"""JSRT's raw radiographs (``.IMG``): no header, big-endian 16 bits, dark where bone is."""

import math
from pathlib import Path

import numpy as np

from tasks.pixels import ImageError, Pixels, stretched

#: Sides of raw radiographs that are accepted; JSRT's own are 2048, phantoms are smaller.
RAW_SIDES = (256, 512, 1024, 2048)


def read_raw(path: Path) -> Pixels:
    """A JSRT radiograph: square, inverted, scaled min..max to 0..255.

    Raises:
        ImageError: If the size is none of a square image of known side, or all values are equal.
    """
    try:
        size = path.stat().st_size
        side = math.isqrt(size // 2)
        if size != 2 * side * side or side not in RAW_SIDES:
            raise ImageError(
                f"{path} holds {size} bytes; a square of 16-bit values with a side of "
                f"{', '.join(map(str, RAW_SIDES))} is read"
            )
        levels = np.fromfile(path, dtype=">u2").reshape(side, side)
    except OSError as error:
        raise ImageError(f"{path} cannot be read as an image: {error}") from error
    return stretched(path, -levels.astype(np.int32))[:, :, None]
