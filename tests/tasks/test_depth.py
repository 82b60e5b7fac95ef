"""Images and masks of more than 8 bits: scaled by a stated rule, or refused; never clipped."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks.reading import ImageError, read_image, read_mask


def deep(*shape: int, top: int = 65536) -> np.ndarray:
    return np.random.default_rng(3).integers(0, top, shape).astype(np.uint16)


def png(levels: np.ndarray, colour_type: int, size: tuple[int, int] | None = None) -> bytes:
    """A 16-bit PNG written by hand, as Pillow writes no colours of 16 bits."""
    height, width = levels.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in levels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", *(size or (width, height)), 16, colour_type, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def ppm(levels: np.ndarray, top: int) -> bytes:
    kind = b"P6" if levels.ndim == 3 else b"P5"
    size = b"%d %d %d" % (levels.shape[1], levels.shape[0], top)
    return kind + b"\n" + size + b"\n" + levels.astype(">u2").tobytes()


def scaled(levels: np.ndarray) -> np.ndarray:
    """The rule, pixel by pixel: the darkest becomes 0, the brightest 255."""
    low, high = int(levels.min()), int(levels.max())
    flat = [round(255 * (int(level) - low) / (high - low)) for level in levels.ravel()]
    return np.array(flat).reshape(levels.shape)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "lzw.tif", "a.ppm"])
@pytest.mark.parametrize("top", [64000, 3000])
def test_greys_are_scaled_from_darkest_to_brightest(tmp_path: Path, name: str, top: int) -> None:
    levels, path = deep(20, 31, top=top) + np.uint16(900), tmp_path / name
    if name == "a.ppm":
        path.write_bytes(ppm(levels, 65535))
    else:
        options = {"compression": "tiff_lzw"} if name == "lzw.tif" else {}
        Image.fromarray(levels).save(path, **options)
    image = read_image(path, 1)
    assert image.dtype == np.uint8
    assert (image.min(), image.max()) == (0, 255)
    assert np.abs(image[:, :, 0] - scaled(levels)).max() <= 1  # halves may round either way


def test_colours_keep_their_high_byte(tmp_path: Path) -> None:
    levels = deep(9, 12, 3)
    (tmp_path / "a.png").write_bytes(png(levels, 2))
    assert np.array_equal(read_image(tmp_path / "a.png", 3), levels >> 8)
    (tmp_path / "a.ppm").write_bytes(ppm(levels, 65535))
    assert np.abs(read_image(tmp_path / "a.ppm", 3) - levels / 257.0).max() <= 1.0


def test_colours_that_fill_12_of_16_bits_are_no_black_pictures(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(deep(9, 12, 3, top=4096), 2))
    with pytest.raises(ImageError, match=r"a.png .* 15 of 255 levels .* scale it to its full"):
        read_image(tmp_path / "a.png", 3)


def test_one_level_has_nothing_to_see(tmp_path: Path) -> None:
    Image.fromarray(np.full((5, 6), 700, dtype=np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=r"a.png holds one value only, 700"):
        read_image(tmp_path / "a.png", 1)


@pytest.mark.parametrize(("levels", "range_"), [(0.5, "0.5"), (np.int32(70000), "70000")])
def test_fractions_and_more_than_16_bits(tmp_path: Path, levels: float, range_: str) -> None:
    path = tmp_path / "a.tif"
    array = np.zeros((5, 6), dtype=np.float32 if levels == 0.5 else np.int32)
    array[2, 3] = levels
    Image.fromarray(array).save(path)
    for read in (lambda: read_image(path, 1), lambda: read_mask(path)):
        with pytest.raises(ImageError, match=rf"a.tif holds .* to {range_}; whole grey levels"):
            read()


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.ppm"])
@pytest.mark.parametrize("factor", [1, 257])
def test_16_bit_masks_of_which_nothing_is_lost(tmp_path: Path, name: str, factor: int) -> None:
    levels, path = deep(8, 9, top=256), tmp_path / name
    if name == "a.ppm":
        path.write_bytes(ppm(levels * factor, 65535))
    else:
        Image.fromarray((levels * factor).astype(np.uint16)).save(path)
    assert np.array_equal(read_mask(path), levels)


@pytest.mark.parametrize("level", [256, 1000, 65534])
def test_16_bit_masks_of_which_something_is_lost(tmp_path: Path, level: int) -> None:
    levels = np.zeros((8, 9), dtype=np.uint16)
    levels[3, 3] = level
    Image.fromarray(levels).save(tmp_path / "a.png")
    with pytest.raises(ImageError, match=rf"a.png is a mask with levels from 0 to {level}"):
        read_mask(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.png", "a.ppm"])
def test_masks_of_16_bit_colours(tmp_path: Path, name: str) -> None:
    levels = deep(8, 9, 3)
    (tmp_path / name).write_bytes(png(levels, 2) if name == "a.png" else ppm(levels, 65535))
    with pytest.raises(ImageError, match=rf"{name} holds 16-bit colours"):
        read_mask(tmp_path / name)


def test_grey_with_alpha(tmp_path: Path) -> None:
    levels = deep(8, 9, top=256).astype(np.uint8)
    image = Image.fromarray(levels)
    image.putalpha(Image.fromarray(255 - levels))
    image.save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png", 1)[:, :, 0], levels)
    assert np.array_equal(read_mask(tmp_path / "a.png"), levels)


def test_black_and_white(tmp_path: Path) -> None:
    levels = deep(8, 9) > 30000
    Image.fromarray(levels).save(tmp_path / "a.png")
    assert np.array_equal(read_image(tmp_path / "a.png", 1)[:, :, 0], levels * np.uint8(255))
