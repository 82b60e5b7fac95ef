import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.transform import resize

from tasks.chasedb1 import ChaseDb1Vessel
from tasks.hrf import HrfVessel
from tasks.preparation import (
    SIDE,
    area_average,
    binarised,
    cropped,
    field_of_view,
    resized,
    smaller_image,
    smaller_mask,
)
from tasks.segmentation import Example

#: Largest distance from an exact value to its grey level, with room for float32.
ROUNDING = 0.5 + 1e-3


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)


def bilinear(plane: np.ndarray, side: int) -> np.ndarray:
    """The slow loop: pixel centres at halves, four neighbours, the edge repeated."""
    height, width = plane.shape
    out = np.zeros((side, side))
    for row in range(side):
        for column in range(side):
            y = (row + 0.5) * height / side - 0.5
            x = (column + 0.5) * width / side - 0.5
            top, left = math.floor(y), math.floor(x)
            for i in (top, top + 1):
                for j in (left, left + 1):
                    level = float(plane[min(max(i, 0), height - 1), min(max(j, 0), width - 1)])
                    out[row, column] += (1.0 - abs(y - i)) * (1.0 - abs(x - j)) * level
    return out


@pytest.mark.parametrize("shape", [(7, 13), (40, 51), (24, 24), (48, 24), (1, 1), (200, 31)])
def test_resized_is_a_bilinear_loop(shape: tuple[int, int]) -> None:
    image = noise(*shape, 3)
    out = resized(image, 24)
    assert out.shape == (24, 24, 3)
    assert out.dtype == np.uint8
    for channel in range(3):
        expected = bilinear(image[:, :, channel], 24)
        assert np.abs(out[:, :, channel] - expected).max() <= ROUNDING


@pytest.mark.parametrize("shape", [(96, 144), (960, 999), (1300, 700)])
def test_resized_is_what_scikit_image_gives(shape: tuple[int, int]) -> None:
    image = noise(*shape)
    expected = resize(
        image,
        (SIDE, SIDE),
        order=1,
        mode="edge",
        anti_aliasing=False,
        preserve_range=True,
    )
    assert np.abs(resized(image[:, :, None])[:, :, 0] - expected).max() <= ROUNDING


def test_resized_by_hand() -> None:
    row = np.array([[0, 100]], dtype=np.uint8)[:, :, None]
    assert resized(row, 4)[:, :, 0].tolist() == [[0, 25, 75, 100]] * 4
    # No anti-aliasing: of every four pixels the outer two are never looked at.
    stripes = np.tile(np.array([200, 10, 30, 90], dtype=np.uint8), (32, 8))[:, :, None]
    assert (resized(stripes, 8) == 20).all()


def test_resized_takes_what_cannot_be_written() -> None:
    image = noise(9, 9, 3)
    image.flags.writeable = False
    before = image.copy()
    resized(image, 16)
    assert np.array_equal(image, before)


def dark(height: int = 120, width: int = 160) -> np.ndarray:
    """A picture at the grey level that still counts as outside the field of view."""
    return np.full((height, width, 3), 20, dtype=np.uint8)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_field_of_view_has_a_margin_of_16(channel: int) -> None:
    image = dark()
    image[40:60, 50:90] = 0  # the brightest channel decides, not their mean
    image[40:60, 50:90, channel] = 21
    assert field_of_view(image) == (24, 76, 34, 106)


def test_field_of_view_is_clipped() -> None:
    image = dark()
    image[5:118, 10:155] = 80
    assert field_of_view(image) == (0, 120, 0, 160)


def test_no_field_of_view() -> None:
    assert field_of_view(dark()) is None


def test_the_largest_component_wins() -> None:
    image = dark()
    image[20:30, 20:30] = 255
    image[60:71, 100:110] = 30  # larger, not brighter
    assert field_of_view(image) == (44, 87, 84, 126)


def test_components_that_touch_at_a_corner_are_one() -> None:
    image = dark()
    image[40:50, 40:50] = 90
    image[50:60, 50:60] = 90
    image[90:100, 100:112] = 90  # larger than either, smaller than both
    assert field_of_view(image) == (24, 76, 24, 76)


def test_cropped() -> None:
    image = noise(30, 40, 3)
    assert np.array_equal(cropped(image, (3, 20, 5, 31)), image[3:20, 5:31])
    assert cropped(image, None) is image


def test_binarised_strictly_above_a_share_of_255() -> None:
    levels = np.arange(256, dtype=np.uint8)
    for level in levels:
        mask = np.full((2, 2), level, dtype=np.uint8)
        assert binarised(mask, 0.3).all() == (level >= 77)  # 0.3 x 255 = 76.5
        assert binarised(mask, 0.01).all() == (level >= 3)  # 2.55
        assert binarised(mask, 0.2).all() == (level >= 52)  # exactly 51


def test_binarised_at_512() -> None:
    mask = np.zeros((256, 256), dtype=np.uint8)
    mask[:, 128:] = 255
    # Columns 255 and 256 of 512 hold a quarter and three quarters.
    assert np.array_equal(np.flatnonzero(binarised(mask, 0.3)[0]), np.arange(256, 512))
    assert np.array_equal(np.flatnonzero(binarised(mask, 0.01)[0]), np.arange(255, 512))


@pytest.mark.parametrize("side", [256, 128, 64, 32])
def test_area_average_is_the_mean_of_blocks(side: int) -> None:
    image = noise(SIDE, SIDE, 3)
    step = SIDE // side
    expected = image.reshape(side, step, side, step, 3).mean(axis=(1, 3))
    assert np.allclose(area_average(image, side), expected)
    assert np.abs(smaller_image(image, side) - expected).max() <= ROUNDING


@pytest.mark.parametrize("side", [48, 96, 200])
def test_area_average_at_a_side_that_does_not_divide_512(side: int) -> None:
    image = noise(SIDE, SIDE, 1)
    # Every pixel repeated ``side`` times each way divides evenly; a few rows are enough.
    rows = np.repeat(image[:, :, 0].astype(float), side, axis=1).reshape(SIDE, side, SIDE).mean(2)
    expected = np.repeat(rows, side, axis=0).reshape(side, SIDE, side).mean(1)
    assert np.allclose(area_average(image, side)[:, :, 0], expected)


def test_area_average_leaves_512_alone() -> None:
    image = noise(SIDE, SIDE, 3)
    assert np.array_equal(smaller_image(image, SIDE), image)
    mask = image[:, :, 0] > 99
    assert np.array_equal(smaller_mask(mask, SIDE), mask)


@pytest.mark.parametrize(("side", "least"), [(256, 2), (128, 5), (64, 20)])
def test_smaller_masks_need_more_than_three_tenths(side: int, least: int) -> None:
    step = SIDE // side
    for count in (least - 1, least):
        block = np.arange(step * step) < count
        mask = np.tile(block.reshape(step, step), (side, side))
        assert smaller_mask(mask, side).all() == (count == least)
        assert smaller_mask(mask, side).any() == (count == least)


def photograph(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """A field of view off the centre, with a bright disc in it; and the disc's mask."""
    y, x = np.mgrid[:height, :width]
    image = np.zeros((height, width, 3), dtype=np.uint8)
    image[np.hypot(y - 0.52 * height, x - 0.58 * width) < 0.34 * height] = 80
    mask = np.hypot(y - 0.4 * height, x - 0.66 * width) < 0.11 * height
    image[mask] = 250
    return image, mask


@pytest.mark.parametrize("shape", [(240, 360), (960, 999)])
def test_image_and_mask_are_cropped_alike(shape: tuple[int, int]) -> None:
    image, mask = photograph(*shape)
    box = field_of_view(image)
    assert box is not None
    assert box[2] > 0.1 * shape[1]
    seen = resized(cropped(image, box))[:, :, 0] > 165
    marked = binarised(cropped(mask * np.uint8(255), box), 0.5)
    assert agreement(seen, marked) > 0.99
    # Where nothing is cropped, the disc lies elsewhere: the comparison can fail.
    assert agreement(seen, binarised(mask * np.uint8(255), 0.5)) < 0.5


@pytest.mark.parametrize("size", [512, 128, 64])
def test_a_marked_disc_stays_where_it_is(tmp_path: Path, size: int) -> None:
    image, mask = photograph(480, 640)
    Image.fromarray(image).save(tmp_path / "a.png")
    Image.fromarray(mask).save(tmp_path / "a_mask.png")
    example = Example("a", tmp_path / "a.png", (tmp_path / "a_mask.png",))
    planes = ChaseDb1Vessel().planes(example, 3, size)
    assert planes.shape == (4, size, size)
    assert set(np.unique(planes[3])) == {0, 255}
    # 0.3 of the way from 80 to 250, as the mask is binarised.
    assert agreement(planes[0] > 131, planes[3] > 0) > 0.97


def agreement(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union."""
    return float((a & b).sum() / (a | b).sum())


def test_hrf_counts_whatever_a_resized_mask_touches(tmp_path: Path) -> None:
    image, mask = photograph(240, 360)
    Image.fromarray(image).save(tmp_path / "a.png")
    Image.fromarray(mask).save(tmp_path / "a_mask.png")
    example = Example("a", tmp_path / "a.png", (tmp_path / "a_mask.png",))
    least, most = (task.planes(example, 3, SIDE)[3] > 0 for task in (ChaseDb1Vessel(), HrfVessel()))
    assert most[least].all()
    assert most.sum() > 1.02 * least.sum()


@pytest.mark.parametrize("level", [1, 76, 255])
def test_any_level_of_a_hard_mask_is_foreground(tmp_path: Path, level: int) -> None:
    image, mask = photograph(240, 360)
    Image.fromarray(image).save(tmp_path / "a.png")
    Image.fromarray(mask * np.uint8(level)).save(tmp_path / "a_mask.png")
    example = Example("a", tmp_path / "a.png", (tmp_path / "a_mask.png",))
    planes = ChaseDb1Vessel().planes(example, 3, SIDE)
    assert agreement(planes[0] > 131, planes[3] > 0) > 0.97
