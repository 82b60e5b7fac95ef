"""Image files to arrays, with errors that name the file."""

from pathlib import Path

import numpy as np
from PIL import Image

from tasks.pictures import opened
from tasks.pixels import ImageError, Levels, Mask, Pixels, stretched
from tasks.radiograph import read_raw

__all__ = ["SUFFIXES", "ImageError", "Mask", "Pixels", "read_image", "read_mask"]

#: What a folder of somebody's own images may hold.
SUFFIXES = (
    *(".jpg", ".jpeg", ".png", ".tif", ".tiff", ".ppm", ".pgm", ".gz"),
    *(".gif", ".bmp", ".dcm", ".img"),
)

#: How each of Pillow's modes enters: grey, colour, or as it is (and then its channels must fit).
CONVERTED = {"1": "L", "LA": "L", "P": "RGB", "PA": "RGB", "RGBA": "RGB", "YCbCr": "RGB"}
#: Brightest level of a 16-bit colour image, after its low bytes went, that is still a picture.
DIMMEST = 32


def read_image(path: Path, channels: int) -> Pixels:
    """Grey levels 0 to 255, uint8, shape (height, width, channels).

    Greys of more than 8 bits are scaled (``pixels.stretched``); of 16-bit colours, which cameras
    fill to the top, the high byte is kept.

    Args:
        path: JPEG, PNG, TIFF, PPM or GIF, gzipped if it ends in ``.gz``; DICOM (``.dcm``); or a
            raw ``.IMG`` radiograph.
        channels: 1 or 3. A colour file whose channels are equal serves as a grey one.

    Raises:
        ImageError: If the file is unreadable or has other channels.
    """
    suffix = path.suffix.lower()
    if suffix == ".img":
        bands = read_raw(path)
    elif suffix == ".dcm":
        from tasks.dicom import read_dicom  # noqa: PLC0415  (pydicom only where it is needed)

        bands = read_dicom(path)
    else:
        bands = read_picture(path)
    if channels == 1 and bands.shape[2] > 1 and (bands == bands[:, :, :1]).all():
        bands = bands[:, :, :1]
    if bands.shape[2] != channels:
        raise ImageError(f"{path} has {bands.shape[2]} channels, not {channels}")
    return bands


def read_picture(path: Path) -> Pixels:
    """An ordinary picture file, with as many channels as it has.

    Raises:
        ImageError: If the file is unreadable, or holds levels that are no grey levels.
    """
    image, deep = opened(path)
    if image.mode[0] in "IF":
        return stretched(path, whole_levels(path, image))[:, :, None]
    bands = np.asarray(image.convert(CONVERTED[image.mode]) if image.mode in CONVERTED else image)
    if deep and bands.max() < DIMMEST:
        raise ImageError(
            f"{path} has colours of 16 bits of which {bands.max()} of 255 levels are left at 8: "
            "scale it to its full range first"
        )
    return bands if bands.ndim == 3 else bands[:, :, None]


def read_mask(path: Path) -> Mask:
    """A mask's grey levels, uint8, shape (height, width); palettes are resolved to luma.

    Raises:
        ImageError: If the file is unreadable, or holds more than 8 bits can tell apart.
    """
    image, deep = opened(path)
    if image.mode[0] in "IF":
        return narrowed(path, whole_levels(path, image))
    if deep:
        raise ImageError(f"{path} holds 16-bit colours; masks of 8 bits or of grey levels are read")
    return np.asarray(image.convert("L"))


def whole_levels(path: Path, image: Image.Image) -> Levels:
    """Grey levels of up to 16 bits, as Pillow's modes I;16 and I give them.

    Raises:
        ImageError: If they are fractions or need more than 16 bits.
    """
    levels = np.asarray(image)
    if levels.dtype.kind == "f" or levels.min() < -(2**15) or levels.max() >= 2**16:
        raise ImageError(
            f"{path} holds {levels.dtype} values from {levels.min()} to {levels.max()}; "
            "whole grey levels of 8 or 16 bits are read"
        )
    return levels


def narrowed(path: Path, levels: Levels) -> Mask:
    """A 16-bit mask in 8 bits, if nothing is lost: levels up to 255, or 257 times such levels.

    Raises:
        ImageError: If something would be lost.
    """
    if levels.min() >= 0 and levels.max() <= 255:
        return levels.astype(np.uint8)
    if levels.min() >= 0 and not (levels % 257).any():
        return (levels // 257).astype(np.uint8)
    raise ImageError(
        f"{path} is a mask with levels from {levels.min()} to {levels.max()}, which 8 bits cannot "
        "hold: store it with levels 0 to 255"
    )
