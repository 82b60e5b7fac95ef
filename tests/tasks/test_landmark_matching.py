"""Landmarks are found where slow formulas say; so are those of the rivals."""

import math

import numpy as np
import pytest
import torch
from skimage.feature import match_template

from tasks.landmarks.dense import hypercolumn
from tasks.landmarks.matching import distances, highest, similarity, support_vector, unit
from tasks.landmarks.rivals import SPREAD, correlation, patch_around, patch_side


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def slow_query(v: np.ndarray, place: tuple[float, float], window: float) -> np.ndarray:
    """q at a place (x, y), by a loop over all pixels."""
    dim, height, width = v.shape
    total = np.zeros(dim)
    for row in range(height):
        for column in range(width):
            away = math.hypot((column + 0.5) / width - place[0], (row + 0.5) / height - place[1])
            total += math.exp(-(away**2) / (2 * window**2)) * v[:, row, column]
    return total / np.linalg.norm(total)


def test_similarity_is_the_slow_formula_at_every_pixel() -> None:
    v, other, window = unit(drawn(5, 6, 6), 0), unit(drawn(5, 8, 8), 0), 0.12
    points = np.array([[0.31, 0.64], [0.9, 0.05]])
    supports = torch.stack([support_vector(other, point, window) for point in points])
    for point, support in zip(points, supports, strict=True):
        slow = slow_query(other.numpy(), (point[0], point[1]), window)
        np.testing.assert_allclose(support.numpy(), slow, atol=1e-6)
    size = 40  # more than a strip
    maps = similarity(v, supports, window, size)
    for row, column in ((0, 0), (5, 33), (39, 39), (31, 2), (32, 17)):
        place = ((column + 0.5) / size, (row + 0.5) / size)
        expected = supports.numpy() @ slow_query(v.numpy(), place, window)
        np.testing.assert_allclose(maps[:, row, column], expected, atol=1e-5)


def test_the_highest_pixel_is_the_answer() -> None:
    maps = np.zeros((2, 4, 8))
    maps[0, 1, 6] = maps[1, 3, 0] = 1.0
    found = highest(maps)
    np.testing.assert_allclose(found, [[6.5 / 8, 1.5 / 4], [0.5 / 8, 3.5 / 4]])
    assert distances(found, np.array([6.5 / 8, 0.5 / 4])).tolist() == [
        0.25,
        pytest.approx(math.hypot(0.75, 0.75)),
    ]


def test_hypercolumns_weigh_every_level_alike() -> None:
    levels = [drawn(2, 3, 16, 16).float(), 100.0 * drawn(2, 7, 8, 8).float()]
    column = hypercolumn(levels, 8)
    assert column.shape == (2, 10, 8, 8)
    torch.testing.assert_close(column.norm(dim=1), torch.ones(2, 8, 8))
    smaller = hypercolumn([levels[0], levels[1] / 1000.0], 8)
    torch.testing.assert_close(column, smaller, rtol=1e-4, atol=1e-5)


def test_a_template_is_found_where_it_was_cut_out() -> None:
    image = np.random.default_rng(0).integers(0, 255, (3, 48, 48), dtype=np.uint8)
    point = np.array([(30 + 0.5) / 48, (11 + 0.5) / 48])
    patch = patch_around(image, point, 7)
    assert np.array_equal(patch, image[:, 8:15, 27:34])
    found = highest(correlation(image, patch)[None])
    np.testing.assert_allclose(found[0], point)


def test_correlation_is_scikit_images_mean_over_channels() -> None:
    rng = np.random.default_rng(0)
    image, patch = (rng.integers(0, 255, (2, n, n), dtype=np.uint8) for n in (20, 5))
    expected = np.mean([match_template(a, b) for a, b in zip(image, patch, strict=True)], axis=0)
    np.testing.assert_allclose(correlation(image, patch)[2:-2, 2:-2], expected, atol=1e-6)


@pytest.mark.parametrize("point", [(0.0, 0.0), (1.0, 1.0), (0.01, 0.99)])
def test_a_template_at_the_border_is_whole(point: tuple[float, float]) -> None:
    image = np.arange(3 * 16 * 16, dtype=np.uint8).reshape(3, 16, 16)
    assert patch_around(image, np.array(point), 9).shape == (3, 9, 9)


def test_a_flat_image_correlates_with_nothing() -> None:
    flat = np.full((1, 16, 16), 9, dtype=np.uint8)
    assert not correlation(flat, flat[:, :5, :5]).any()


@pytest.mark.parametrize(("window", "size"), [(0.036, 512), (0.036, 48), (0.001, 32), (1.0, 64)])
def test_a_templates_side_is_odd_and_spreads_as_the_window(window: float, size: int) -> None:
    side = patch_side(window, size)
    assert side % 2 == 1
    assert 3 <= side <= size
    if 3 < side < size - 1:
        assert abs(side - window * SPREAD * size) <= 1.0
