"""Ordinary picture files (JPEG, PNG, TIFF, PPM, GIF), gzipped or not, decoded by Pillow."""

import gzip
import struct
import zlib
from io import BytesIO
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from tasks.pixels import ImageError, admit

#: Nothing else is tried: fewer decoders see what a stranger packed.
FORMATS = ("JPEG", "PNG", "TIFF", "PPM", "GIF", "BMP")
#: What Pillow and gzip raise on files that are no image, are cut off or damaged.
UNREADABLE = (
    UnidentifiedImageError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    OverflowError,
    struct.error,
    zlib.error,
)
#: Bytes in which the header of a gzipped picture must end.
HEADER = 4096
#: Bytes of a pixel in a gzipped picture, at most: three channels of 16 bits.
PIXEL_BYTES = 6


def opened(path: Path) -> tuple[Image.Image, bool]:
    """Decode a file completely, once its header has been believed.

    Returns:
        The picture, and whether the file holds 16 bits a channel (``is_deep``).

    Raises:
        ImageError: If it is not a readable image, or larger than any image should be.
    """
    try:
        with Image.open(unpacked(path), formats=FORMATS) as image:
            admit(path, *image.size)
            deep = is_deep(image)  # loading empties the list that knows it
            image.load()
            return image, deep
    except ImageError:
        raise
    except UNREADABLE as error:
        raise ImageError(f"{path} cannot be read as an image: {error}") from error


def is_deep(image: Image.Image) -> bool:
    """Whether channels have 16 bits in the file; Pillow gives colours 8 bits without a word."""
    for tile in image.tile:
        codec, arguments = tile[0], tile[3]
        if codec == "ppm" and arguments[1] > 255:
            return True
        if ";16" in str(arguments):
            return True
    return False


def unpacked(path: Path) -> Path | BytesIO:
    """The path itself, or what a ``.gz`` file expands to, up to what its header accounts for.

    Raises:
        ImageError: If it expands to more than that.
    """
    if path.suffix.lower() != ".gz":
        return path
    with gzip.open(path) as file:
        start = file.read(HEADER)
        with Image.open(BytesIO(start), formats=FORMATS) as image:
            admit(path, *image.size)
            bound = image.size[0] * image.size[1] * PIXEL_BYTES + HEADER
        rest = file.read(bound)
        if file.read(1):
            raise ImageError(
                f"{path} expands to more than {bound} bytes, but its header declares "
                f"{image.size[0]} x {image.size[1]} px: it is damaged"
            )
    return BytesIO(start + rest)
