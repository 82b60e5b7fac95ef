from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from methods.errors import InputError
from tasks.chasedb1 import ChaseDb1Vessel
from tasks.reading import ImageError, read_image, read_mask
from tasks.scr import ScrLung
from tasks.segmentation import Example

#: Pillow warns about some broken TIFFs before it gives up.
broken_tiff = pytest.mark.filterwarnings("ignore::UserWarning:PIL.TiffImagePlugin")


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(11).integers(0, 256, shape, dtype=np.uint8)


def smooth(height: int, width: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    channels = [100 + 60 * np.sin(x / 9), 90 + 50 * np.cos(y / 7), 40 + x / 2 + y / 3]
    return np.stack(channels, axis=2).astype(np.uint8)


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.tiff", "a.PNG", "a.ppm"])
@pytest.mark.parametrize("channels", [1, 3])
def test_lossless_images_keep_their_levels(tmp_path: Path, name: str, channels: int) -> None:
    levels = noise(20, 31, channels)
    Image.fromarray(levels if channels == 3 else levels[:, :, 0]).save(tmp_path / name)
    image = read_image(tmp_path / name, channels)
    assert image.dtype == np.uint8
    assert np.array_equal(image, levels)


@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg(tmp_path: Path, progressive: bool) -> None:
    levels = smooth(48, 80)
    path = tmp_path / "a.JPG"
    Image.fromarray(levels).save(path, format="JPEG", quality=95, progressive=progressive)
    image = read_image(path, 3)
    assert image.shape == (48, 80, 3)
    assert np.abs(image.astype(int) - levels).mean() < 3.0


def test_colour_modes_that_serve(tmp_path: Path) -> None:
    levels = smooth(24, 24)
    Image.fromarray(levels).convert("RGBA").save(tmp_path / "alpha.png")
    assert np.array_equal(read_image(tmp_path / "alpha.png", 3), levels)
    few = (levels // 64 * 64).astype(np.uint8)
    Image.fromarray(few).quantize(64).save(tmp_path / "palette.png")
    assert np.array_equal(read_image(tmp_path / "palette.png", 3), few)
    grey = noise(24, 24)
    Image.fromarray(np.stack([grey] * 3, axis=2)).save(tmp_path / "grey.png")
    assert np.array_equal(read_image(tmp_path / "grey.png", 1)[:, :, 0], grey)
    assert read_image(tmp_path / "grey.png", 3).shape == (24, 24, 3)


def marked() -> np.ndarray:
    mask = np.zeros((30, 40), dtype=bool)
    mask[4:19, 7:33] = True
    return mask


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate"])
def test_grey_tiff_masks(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "a.tif"
    Image.fromarray(marked() * np.uint8(76)).save(path, compression=compression)
    assert np.array_equal(read_mask(path), marked() * np.uint8(76))


@pytest.mark.parametrize("compression", [None, "tiff_lzw"])
def test_palette_tiff_masks_as_in_idrid(tmp_path: Path, compression: str | None) -> None:
    image = Image.fromarray(marked().astype(np.uint8)).convert("P")
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.save(tmp_path / "a.tif", compression=compression)
    with Image.open(tmp_path / "a.tif") as stored:
        assert stored.mode == "P"
    # Index 1 is red, and red is 0.299 x 255 bright.
    assert np.array_equal(read_mask(tmp_path / "a.tif"), marked() * np.uint8(76))


def test_gif_masks(tmp_path: Path) -> None:
    Image.fromarray(marked() * np.uint8(255)).save(tmp_path / "a.gif")
    assert np.array_equal(read_mask(tmp_path / "a.gif"), marked() * np.uint8(255))


def test_first_picture_of_a_gif(tmp_path: Path) -> None:
    first, second = (Image.fromarray(mask * np.uint8(255)) for mask in (marked(), ~marked()))
    first.save(tmp_path / "a.gif", save_all=True, append_images=[second])
    assert np.array_equal(read_mask(tmp_path / "a.gif"), marked() * np.uint8(255))


def test_one_bit_png_masks(tmp_path: Path) -> None:
    Image.fromarray(marked()).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as stored:
        assert stored.mode == "1"
    assert np.array_equal(read_mask(tmp_path / "a.png"), marked() * np.uint8(255))


@pytest.mark.parametrize("name", ["a.IMG", "a.img"])
@pytest.mark.parametrize("side", [256, 1024])
def test_raw_radiographs(tmp_path: Path, name: str, side: int) -> None:
    raw = np.random.default_rng(2).integers(300, 3900, (side, side))
    raw[0, 1], raw[2, 0] = 100, 4000
    (tmp_path / name).write_bytes(raw.astype(">u2").tobytes())
    image = read_image(tmp_path / name, 1)
    assert image.shape == (side, side, 1)
    assert image.dtype == np.uint8
    assert (image[0, 1, 0], image[2, 0, 0]) == (255, 0)
    expected = 255.0 * (4000 - raw) / 3900.0
    assert np.abs(image[:, :, 0] - expected).max() <= 0.5 + 1e-9


def test_raw_radiographs_of_16_bits(tmp_path: Path) -> None:
    raw = np.zeros((256, 256), dtype=">u2")
    raw[0, :3] = 0, 32767, 65535
    raw[1:] = 1
    (tmp_path / "a.IMG").write_bytes(raw.tobytes())
    assert read_image(tmp_path / "a.IMG", 1)[0, :3, 0].tolist() == [255, 128, 0]


def refused(path: Path, channels: int = 3) -> str:
    """The message with which a file is refused; it names the file."""
    with pytest.raises(ImageError) as caught:
        read_image(path, channels)
    message = str(caught.value)
    assert str(path) in message
    assert message != str(path)
    return message


def test_the_error_is_the_users_mistake() -> None:
    assert issubclass(ImageError, InputError)
    assert issubclass(ImageError, ValueError)


@broken_tiff
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.gif"])
@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 0.9])
def test_truncated_files(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / name
    Image.fromarray(noise(40, 50, 3)).save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    assert "cannot be read as an image" in refused(path)
    with pytest.raises(ImageError, match=name):
        read_mask(path)


@broken_tiff
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.gif"])
def test_damaged_headers(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    Image.fromarray(noise(12, 15, 3)).save(path)
    whole = path.read_bytes()
    refusals = 0
    for place in range(min(160, len(whole))):
        for value in (0, 1, 5, whole[place] ^ 1):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                read_mask(path)
            except ImageError as error:
                refusals += 1
                assert str(path) in str(error)  # noqa: PT017  (many damages do not show)
    assert refusals > 20


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.gif", "a.IMG"])
def test_empty_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    refused(tmp_path / name, 1)


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.gif"])
def test_text_called_an_image(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("<html>404: not found</html>\n" * 50, encoding="utf-8")
    assert "cannot be read as an image" in refused(tmp_path / name)


def test_missing_files(tmp_path: Path) -> None:
    assert "No such file" in refused(tmp_path / "a.jpg")


def test_wrong_channels(tmp_path: Path) -> None:
    Image.fromarray(noise(20, 20)).save(tmp_path / "grey.png")
    assert "has 1 channels, not 3" in refused(tmp_path / "grey.png", 3)
    Image.fromarray(noise(20, 20, 3)).save(tmp_path / "colour.png")
    assert "has 3 channels, not 1" in refused(tmp_path / "colour.png", 1)
    Image.fromarray(noise(20, 20, 4), "CMYK").save(tmp_path / "print.jpg")
    assert "has 4 channels, not 3" in refused(tmp_path / "print.jpg", 3)


@pytest.mark.parametrize(
    "size", [2, 64, 255 * 255 * 2, 256 * 256 * 2 - 1, 256 * 256 * 2 + 1, 256 * 256 * 2 + 2]
)
def test_raw_radiographs_of_a_wrong_size(tmp_path: Path, size: int) -> None:
    (tmp_path / "a.IMG").write_bytes(bytes(range(2)) * (size // 2) + bytes(size % 2))
    message = refused(tmp_path / "a.IMG", 1)
    assert f"holds {size} bytes" in message
    assert "2048" in message


def test_raw_radiographs_of_one_value(tmp_path: Path) -> None:
    (tmp_path / "a.IMG").write_bytes(np.full((256, 256), 700, dtype=">u2").tobytes())
    assert "one value only" in refused(tmp_path / "a.IMG", 1)


def test_a_mask_of_another_size_than_its_image(tmp_path: Path) -> None:
    Image.fromarray(noise(60, 80, 3)).save(tmp_path / "a.png")
    Image.fromarray(noise(80, 60)).save(tmp_path / "mask.png")
    example = Example("a", tmp_path / "a.png", (tmp_path / "mask.png",))
    with pytest.raises(ImageError, match="must match") as caught:
        ChaseDb1Vessel().planes(example, 3, 64)
    for part in (str(tmp_path / "mask.png"), "60 x 80 px", "a.png", "80 x 60 px"):
        assert part in str(caught.value)


def test_masks_of_two_sizes(tmp_path: Path) -> None:
    raw = np.arange(256 * 256).reshape(256, 256) % 4096
    (tmp_path / "a.IMG").write_bytes(raw.astype(">u2").tobytes())
    masks = (tmp_path / "left.gif", tmp_path / "right.gif")
    for path, side in zip(masks, (128, 127), strict=True):
        Image.fromarray(noise(side, side)).save(path)
    with pytest.raises(ImageError, match="must match") as caught:
        ScrLung().planes(Example("a", tmp_path / "a.IMG", masks), 1, 64)
    for part in (str(masks[1]), "127 x 127 px", "left.gif", "128 x 128 px"):
        assert part in str(caught.value)
    assert "a.IMG" not in str(caught.value)


def test_radiographs_and_their_masks_may_differ_in_size(tmp_path: Path) -> None:
    raw = np.arange(256 * 256).reshape(256, 256) % 4096
    (tmp_path / "a.IMG").write_bytes(raw.astype(">u2").tobytes())
    left, right = (np.zeros((128, 128), dtype=np.uint8) for _ in range(2))
    left[32:64, 32:64] = 255
    right[32:64, 64:96] = 255
    masks = (tmp_path / "left.gif", tmp_path / "right.gif")
    for path, mask in zip(masks, (left, right), strict=True):
        Image.fromarray(mask).save(path)
    planes = ScrLung().planes(Example("a", tmp_path / "a.IMG", masks), 1, 128)
    assert np.array_equal(planes[1] > 0, (left | right) > 0)
