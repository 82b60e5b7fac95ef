"""Image files to arrays, with errors that name the file."""

from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, UnidentifiedImageError

from methods.errors import InputError

#: Sides of raw radiographs that are accepted; JSRT's own are 2048, phantoms are smaller.
RAW_SIDES = (256, 512, 1024, 2048)
#: What a folder of somebody's own images may hold.
SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".ppm", ".gif", ".bmp", ".dcm", ".img")
#: What Pillow raises on files that are no image, are cut off or damaged.
UNREADABLE = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
)

Pixels = UInt8[np.ndarray, "height width channels"]
Mask = UInt8[np.ndarray, "height width"]


class ImageError(InputError, ValueError):
    """A file that cannot be used; names it and says why."""


def opened(path: Path) -> Image.Image:
    """Decode a file completely.

    Raises:
        ImageError: If it is not a readable image.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return image.copy()
    except UNREADABLE as error:
        raise ImageError(f"{path} cannot be read as an image: {error}") from error


def read_image(path: Path, channels: int) -> Pixels:
    """Grey levels 0 to 255, uint8, shape (height, width, channels).

    Args:
        path: JPEG, PNG, TIFF, or a raw ``.IMG`` radiograph.
        channels: 1 or 3. A colour file whose channels are equal serves as a grey one.

    Raises:
        ImageError: If the file is unreadable or has other channels.
    """
    if path.suffix.lower() == ".img":
        return read_raw(path)
    image = opened(path)
    bands = np.asarray(image.convert("RGB") if image.mode in ("P", "RGBA") else image)
    if bands.dtype != np.uint8:
        raise ImageError(f"{path} holds {bands.dtype} values; 8-bit images are read")
    if bands.ndim == 2:
        bands = bands[:, :, None]
    if channels == 1 and bands.shape[2] > 1 and (bands == bands[:, :, :1]).all():
        bands = bands[:, :, :1]
    if bands.shape[2] != channels:
        raise ImageError(f"{path} has {bands.shape[2]} channels, the task reads {channels}")
    return bands


def read_mask(path: Path) -> Mask:
    """A mask's grey levels, uint8, shape (height, width); palettes are resolved to luma.

    Raises:
        ImageError: If the file is unreadable, or holds more than 8 bits, which would be cut off.
    """
    image = opened(path)
    if image.mode[0] in "IF":
        raise ImageError(f"{path} holds {np.asarray(image).dtype} values; 8-bit masks are read")
    return np.asarray(image.convert("L"))


def read_raw(path: Path) -> Pixels:
    """A JSRT radiograph: big-endian 16-bit, square, inverted, scaled min..max to 0..255.

    Raises:
        ImageError: If the size is none of a square image of known side, or all values are equal.
    """
    levels = np.fromfile(path, dtype=">u2")
    side = int(np.sqrt(levels.size))
    if path.stat().st_size % 2 or side * side != levels.size or side not in RAW_SIDES:
        raise ImageError(
            f"{path} holds {path.stat().st_size} bytes; a square of 16-bit values with a side of "
            f"{', '.join(map(str, RAW_SIDES))} is read"
        )
    values = -levels.reshape(side, side).astype(np.float64)
    spread = values.max() - values.min()
    if spread == 0.0:
        raise ImageError(f"{path} holds one value only")
    scaled = (values - values.min()) / spread * 255.0
    levels_8bit: Pixels = scaled.round().astype(np.uint8)[:, :, None]
    return levels_8bit
