"""Files that lie about their size, expand without end or are no image at all."""

import gzip
import struct
import tracemalloc
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tasks import pictures
from tasks.pixels import LARGEST
from tasks.reading import ImageError, read_image, read_mask

#: Pillow warns about some broken TIFFs before it gives up, and about large pictures.
warned = pytest.mark.filterwarnings("ignore::UserWarning:PIL", "ignore::RuntimeWarning:PIL")
#: More than this is not spent on refusing a file, in bytes.
LITTLE = 4_000_000


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(11).integers(0, 256, shape, dtype=np.uint8)


def ppm(levels: np.ndarray) -> bytes:
    kind = b"P6" if levels.ndim == 3 else b"P5"
    return kind + b"\n%d %d\n255\n" % levels.shape[1::-1] + levels.tobytes()


def png_header(width: int, height: int) -> bytes:
    """The start of a PNG of any size, with data that inflates for ever."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    out = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1_000_000)))):
        check = struct.pack(">I", zlib.crc32(kind + data))
        out += struct.pack(">I", len(data)) + kind + data + check
    return out


def tiff_header(width: int, height: int) -> bytes:
    """A grey TIFF that is a header only."""
    entries = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1)]
    entries += [(273, 4, 8), (278, 4, height), (279, 4, width * height % 2**32)]
    tags = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(entries)) + tags + bytes(4)


def refused(path: Path, channels: int = 3) -> str:
    """The message with which a file is refused; it names the file, and little memory is spent."""
    tracemalloc.start()
    try:
        with pytest.raises(ImageError) as caught:
            read_image(path, channels)
        with pytest.raises(ImageError):
            read_mask(path)
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


@warned
@pytest.mark.parametrize("side", [9000, 12000, 60000])
@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.ppm", "a.gif", "a.ppm.gz"])
def test_headers_of_bombs(
    tmp_path: Path, name: str, side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: object) -> None:
        raise AssertionError("memory was asked for")

    monkeypatch.setattr(Image.core, "new", no_memory)  # Pillow's own, which tracemalloc misses
    gif = b"GIF89a" + struct.pack("<HH", side, side) + bytes(3)
    gif += b"," + struct.pack("<HHHH", 0, 0, side, side) + b"\0\x08" + bytes(40)
    content = {
        "a.png": png_header(side, side),
        "a.tif": tiff_header(side, side),
        "a.ppm": b"P6\n%d %d\n255\n" % (side, side) + bytes(1000),
        "a.gif": gif,
        "a.ppm.gz": gzip.compress(b"P6\n%d %d\n255\n" % (side, side) + bytes(1000)),
    }
    (tmp_path / name).write_bytes(content[name])
    message = refused(tmp_path / name)
    assert f"{side} x {side} px, more than the {LARGEST}" in message or "bomb" in message


def test_the_largest_photographs_are_admitted() -> None:
    assert LARGEST > 4288 * 2848 * 5  # IDRiD
    assert LARGEST > 5184 * 3456 * 3  # the largest of EyePACS


@pytest.mark.parametrize("shape", [(20, 31), (20, 31, 3)])
@pytest.mark.parametrize("name", ["a.ppm", "a.ppm.gz", "a.PPM.GZ"])
def test_ppm_with_and_without_gzip(tmp_path: Path, name: str, shape: tuple[int, ...]) -> None:
    levels = noise(*shape)
    content = ppm(levels)
    (tmp_path / name).write_bytes(
        gzip.compress(content, mtime=0) if "z" in name.lower() else content
    )
    image = read_image(tmp_path / name, 3 if len(shape) == 3 else 1)
    assert np.array_equal(image.squeeze(), levels)
    if len(shape) == 2:
        assert np.array_equal(read_mask(tmp_path / name), levels)


def test_a_zipped_picture_that_goes_on_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "a.ppm.gz"
    with gzip.open(path, "wb") as file:
        file.write(ppm(noise(20, 31, 3)))
        for _ in range(40):
            file.write(bytes(1_000_000))
    assert path.stat().st_size < 100_000
    assert "expands to more than" in refused(path)


def test_a_zipped_header_that_goes_on_for_ever(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "a.ppm.gz", "wb") as file:
        file.write(b"P6\n#")
        for _ in range(40):
            file.write(b"#" * 1_000_000)
    assert "cannot be read as an image" in refused(tmp_path / "a.ppm.gz")


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
def test_truncated_gzip(tmp_path: Path, share: float) -> None:
    whole = gzip.compress(ppm(noise(50, 60, 3)))
    (tmp_path / "a.ppm.gz").write_bytes(whole[: int(share * len(whole))])
    assert "cannot be read as an image" in refused(tmp_path / "a.ppm.gz")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_pictures_in_whole_gzip(tmp_path: Path, share: float) -> None:
    whole = ppm(noise(50, 60, 3))
    (tmp_path / "a.ppm.gz").write_bytes(gzip.compress(whole[: int(share * len(whole))]))
    assert "cannot be read as an image" in refused(tmp_path / "a.ppm.gz")


@pytest.mark.parametrize(
    "content", [b"", b"no gzip", ppm(noise(4, 5, 3)), gzip.compress(b"text", mtime=0)]
)
def test_what_is_only_called_gzip(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.ppm.gz").write_bytes(content)
    assert "cannot be read as an image" in refused(tmp_path / "a.ppm.gz")


def test_damaged_gzip(tmp_path: Path) -> None:
    whole = gzip.compress(ppm(noise(12, 15, 3)))
    refusals = 0
    for place in range(0, len(whole), 3):
        (tmp_path / "a.ppm.gz").write_bytes(whole[:place] + b"\x07" + whole[place + 1 :])
        try:
            read_image(tmp_path / "a.ppm.gz", 3)
        except ImageError as error:
            refusals += 1
            assert "a.ppm.gz" in str(error)  # noqa: PT017  (some damages do not show)
    assert refusals > 100


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.gif", "a.ppm", "a.IMG", "a.dcm"])
@pytest.mark.parametrize("content", [b"", bytes(300), b"<html>not found</html>" * 30])
def test_no_image_by_any_name(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    path = tmp_path / name
    with pytest.raises(ImageError, match=name):
        read_image(path, 1)


@pytest.mark.parametrize("name", ["a.png", "a.IMG", "a.dcm", "a.ppm.gz"])
def test_folders_and_missing_files(tmp_path: Path, name: str) -> None:
    with pytest.raises(ImageError, match=rf"{name} .*No such file"):
        read_image(tmp_path / name, 1)
    (tmp_path / name).mkdir()
    with pytest.raises(ImageError, match=name):
        read_image(tmp_path / name, 1)


@pytest.mark.parametrize("kind", ["PDF", "EPS", "ICO", "WEBP"])
def test_other_formats_are_not_tried(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(noise(20, 20, 3)).save(path, format=kind)
    assert kind not in pictures.FORMATS
    assert "cannot be read as an image" in refused(path)


def test_a_huge_raw_file_is_not_loaded(tmp_path: Path) -> None:
    with (tmp_path / "a.IMG").open("wb") as file:
        file.truncate(10_000_000_000)  # a hole: no disk is used
    tracemalloc.start()
    with pytest.raises(ImageError, match="holds 10000000000 bytes"):
        read_image(tmp_path / "a.IMG", 1)
    assert tracemalloc.get_traced_memory()[1] < LITTLE
    tracemalloc.stop()
