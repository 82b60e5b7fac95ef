"""Bell-shaped windows against slow loops, and LD's patches under them."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter1d

from methods.ld import LocalDiscrimination
from methods.ld.losses import center_vectors, patch_vectors, pixel_vectors
from methods.networks import Encoder
from methods.windows import bell, cell_centres, weighted


def maps(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_weights_are_a_gaussian_that_sums_to_one() -> None:
    centres = torch.tensor([0.1, 0.5, 0.93], dtype=torch.float64)
    weights = bell(centres, 7, 0.2)
    for centre, row in zip(centres.tolist(), weights.tolist(), strict=True):
        slow = [math.exp(-(((n + 0.5) / 7 - centre) ** 2) / (2 * 0.2**2)) for n in range(7)]
        assert row == pytest.approx([value / sum(slow) for value in slow], rel=1e-12)


def test_every_pixel_is_scipys_gaussian_where_the_border_is_far() -> None:
    line = maps(1, 1, 1, 101).numpy()
    smooth = weighted(torch.from_numpy(line), torch.ones(1, 1), bell(cell_centres(101), 101, 0.03))
    expected = gaussian_filter1d(line, 0.03 * 101, truncate=12.0)
    inside = slice(40, 61)
    np.testing.assert_allclose(smooth.numpy()[..., inside], expected[..., inside], rtol=1e-5)


def test_a_window_narrower_than_a_pixel_holds_the_nearest() -> None:
    assert bell(torch.tensor([0.3]), 4, 1e-6).tolist() == [[0.0, 1.0, 0.0, 0.0]]


@pytest.mark.parametrize("width", [0.0, -0.1, math.nan])
def test_a_window_without_width_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        bell(torch.tensor([0.5]), 4, width)


def test_patches_are_the_slow_sums_over_all_pixels() -> None:
    v, grid, window = pixel_vectors(maps(2, 3, 8, 6)), 2, 0.15
    z = center_vectors(v, grid, window)
    for row in range(grid):
        for column in range(grid):
            total = torch.zeros(2, 3, dtype=torch.float64)
            for y in range(8):
                for x in range(6):
                    away_y = (y + 0.5) / 8 - (row + 0.5) / grid
                    away_x = (x + 0.5) / 6 - (column + 0.5) / grid
                    weight = math.exp(-(away_y**2 + away_x**2) / (2 * window**2))
                    total += weight * v[:, :, y, x]
            slow = total / torch.linalg.vector_norm(total, dim=1, keepdim=True)
            torch.testing.assert_close(z[:, :, row, column], slow, rtol=1e-6, atol=1e-6)


def test_a_turned_image_has_turned_patches() -> None:
    v = pixel_vectors(maps(1, 4, 8, 8))
    turned = center_vectors(v.rot90(1, (2, 3)), 4, 0.1)
    torch.testing.assert_close(turned, center_vectors(v, 4, 0.1).rot90(1, (2, 3)))


def test_ld_without_a_window_keeps_the_uniform_mean_to_the_bit() -> None:
    v = pixel_vectors(maps(2, 4, 16, 16).float())
    plain, bells = (
        LocalDiscrimination(Encoder("tiny", 1), LocalDiscrimination.Config(window=window))
        for window in (0.0, 0.05)
    )
    assert torch.equal(plain.patches(v), patch_vectors(v, 8))
    assert torch.equal(bells.patches(v), center_vectors(v, 8, 0.05))


@pytest.mark.parametrize("window", [-0.1, 1.5])
def test_ld_refuses_a_window_that_is_none(window: float) -> None:
    with pytest.raises(ValueError, match="window must lie in 0 to 1"):
        LocalDiscrimination.Config(window=window)
