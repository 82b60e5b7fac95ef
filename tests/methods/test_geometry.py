"""Placements against exact flips and turns, crops against torchvision's RandomResizedCrop."""

import math
from collections.abc import Callable
from itertools import product

import pytest
import torch
from scipy import stats
from torch import Tensor
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms import functional as TF

from methods.draws import Draws
from methods.geometry import (
    crops,
    flips,
    grid,
    half_and_quarter_turns,
    rotations,
    sample,
    turned,
    turned_back,
)

MANY = 400
#: Ranges of area and aspect: SimCLR's, in-painting's, LD's, and one that often needs a fallback.
RANGES = [
    ((0.08, 1.0), (3 / 4, 4 / 3)),
    ((0.5, 1.0), (3 / 4, 4 / 3)),
    ((0.9, 1.0), (3 / 4, 4 / 3)),
    ((0.95, 1.0), (1 / 4, 4.0)),
]


@pytest.fixture
def picture() -> Tensor:
    """Images without any symmetry."""
    return torch.rand(4, 2, 12, 12, generator=torch.Generator().manual_seed(0))


def truth(*values: bool) -> Tensor:
    return torch.tensor(values)


@pytest.mark.parametrize("mode", ["nearest", "bilinear"])
def test_flips_are_exact_flips(picture: Tensor, mode: str) -> None:
    horizontal, vertical = truth(False, True, False, True), truth(False, False, True, True)
    out = sample(picture, flips(horizontal, vertical), 12, mode)
    expected = [picture[0], picture[1].flip(-1), picture[2].flip(-2), picture[3].flip(-1, -2)]
    torch.testing.assert_close(out, torch.stack(expected), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_right_angles_are_exact_turns(picture: Tensor, quarters: int) -> None:
    # Nearest would decide ties by rounding, bilinear does not mind.
    out = sample(picture, rotations(torch.full((4,), 90.0 * quarters)), 12, "bilinear")
    torch.testing.assert_close(out, picture.rot90(quarters, (-2, -1)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("degrees", [-137.0, -2.0, 1.0, 30.0, 75.0])
def test_rotations_are_torchvisions(picture: Tensor, degrees: float) -> None:
    image = torch.nn.functional.interpolate(picture, size=32)
    out = sample(image, rotations(torch.full((4,), degrees)), 32, "nearest")
    expected = TF.rotate(image, degrees)  # nearest, zero fill
    # Rounding decides where a pixel centre falls on an edge: all but a few pixels are equal.
    assert float((out == expected).float().mean()) > 0.995


def test_rotations_fill_with_zeros() -> None:
    out = sample(torch.ones(1, 1, 32, 32), rotations(torch.tensor([45.0])), 32, "nearest")
    assert float(out[0, 0, 0, 0]) == float(out[0, 0, -1, 0]) == 0.0
    assert float(out[0, 0, 16, 16]) == 1.0
    # A square and its 45 degree turn share an octagon of area 2 (sqrt(2) - 1).
    assert float(out.mean()) == pytest.approx(2 * (math.sqrt(2) - 1), abs=0.02)


def test_later_steps_multiply_from_the_right(picture: Tensor) -> None:
    first, second = (
        flips(truth(*[True] * 4), truth(*[False] * 4)),
        rotations(torch.full((4,), 90.0)),
    )
    one_by_one = sample(sample(picture, first, 12, "bilinear"), second, 12, "bilinear")
    at_once = sample(picture, first @ second, 12, "bilinear")
    torch.testing.assert_close(at_once, one_by_one, rtol=1e-4, atol=1e-5)
    other_order = sample(picture, second @ first, 12, "bilinear")
    assert not torch.allclose(at_once, other_order, atol=1e-2)


def test_grid_holds_pixel_centres() -> None:
    identity = torch.eye(3)[None]
    centres = torch.tensor([-0.75, -0.25, 0.25, 0.75])
    coordinates = grid(identity, 4)
    torch.testing.assert_close(coordinates[0, :, :, 0], centres.expand(4, 4))  # x along the row
    torch.testing.assert_close(coordinates[0, :, :, 1], centres[:, None].expand(4, 4))


@pytest.mark.parametrize(("flip", "quarters"), list(product([False, True], range(4))))
def test_turned_is_flip_then_rot90(picture: Tensor, flip: bool, quarters: int) -> None:
    flipped, turns = truth(*[flip] * 4), torch.full((4,), quarters)
    out = turned(picture, flipped, turns)
    expected = torch.rot90(torch.flip(picture, (-2, -1)) if flip else picture, quarters, (-2, -1))
    assert torch.equal(out, expected)
    assert torch.equal(turned_back(out, flipped, turns), picture)
    assert torch.equal(turned(turned_back(picture, flipped, turns), flipped, turns), picture)
    placed = sample(picture, half_and_quarter_turns(flipped, turns), 12, "bilinear")
    torch.testing.assert_close(placed, out, rtol=1e-5, atol=1e-6)


def test_turned_treats_each_image_by_itself(picture: Tensor) -> None:
    flipped, turns = truth(True, False, True, False), torch.tensor([0, 1, 3, 2])
    out = turned(picture, flipped, turns)
    for n in range(4):
        alone = turned(picture[n : n + 1], flipped[n : n + 1], turns[n : n + 1])
        assert torch.equal(out[n : n + 1], alone)
    assert torch.equal(turned_back(out, flipped, turns), picture)


def sides(placement: Tensor) -> tuple[Tensor, Tensor]:
    """Width and height of a crop as shares of the image's side."""
    return placement[:, 0, 0], placement[:, 1, 1]


@pytest.mark.parametrize(("area", "aspect"), RANGES)
def test_crops_keep_their_ranges(area: tuple[float, float], aspect: tuple[float, float]) -> None:
    placement = crops(Draws(0, 0, torch.arange(MANY)), area, aspect)
    width, height = sides(placement)
    x, y = placement[:, 0, 2], placement[:, 1, 2]
    assert bool((x.abs() + width <= 1.0 + 1e-6).all())
    assert bool((y.abs() + height <= 1.0 + 1e-6).all())
    whole = (width == 1.0) & (height == 1.0)  # the fallback
    share, ratio = (width * height)[~whole], (width / height)[~whole]
    assert float(share.min()) >= area[0] - 1e-6
    assert float(share.max()) <= area[1] + 1e-6
    assert float(ratio.min()) >= aspect[0] - 1e-6
    assert float(ratio.max()) <= aspect[1] + 1e-6
    off_diagonal = placement[:, [0, 1, 2, 2], [1, 0, 0, 1]]
    assert not bool(off_diagonal.any())


def summary(of: Callable[[int], tuple[float, float, float, float]]) -> tuple[Tensor, Tensor]:
    """Means and standard errors of width, height, left, top and products that tie them."""
    rows = torch.tensor([of(n) for n in range(MANY)], dtype=torch.float64)
    w, h, left, top = rows.unbind(1)
    slack_x, slack_y = 1.0 - w, 1.0 - h
    whole = ((w > 0.999) & (h > 0.999)).double()
    columns = [w, h, w * h, (w / h).log().abs(), left, top, left * slack_x, top * slack_y, whole]
    values = torch.stack(columns)
    return values.mean(1), values.std(1) / MANY**0.5


@pytest.mark.parametrize(("area", "aspect"), RANGES)
def test_crops_are_torchvisions(area: tuple[float, float], aspect: tuple[float, float]) -> None:
    placement = crops(Draws(5, 0, torch.arange(MANY)), area, aspect).double()
    side = 1000  # px, so that torchvision's whole pixels do not matter
    blank = torch.zeros(1, side, side)

    def ours(n: int) -> tuple[float, float, float, float]:
        w, h, x, y = (float(placement[n, i, j]) for i, j in ((0, 0), (1, 1), (0, 2), (1, 2)))
        return w, h, (x - w + 1.0) / 2.0, (y - h + 1.0) / 2.0

    def theirs(n: int) -> tuple[float, float, float, float]:
        top, left, h, w = RandomResizedCrop.get_params(blank, list(area), list(aspect))
        return w / side, h / side, left / side, top / side

    with torch.random.fork_rng():
        torch.manual_seed(0)
        expected, expected_error = summary(theirs)
    found, found_error = summary(ours)
    allowed = 4.0 * (found_error**2 + expected_error**2).sqrt() + 1.0 / side
    assert bool(((found - expected).abs() < allowed).all()), (found, expected, allowed)


def test_crops_are_log_uniform_in_aspect_and_uniform_in_area_and_place() -> None:
    """Where every try fits, nothing is rejected and the distributions are the drawn ones."""
    placement = crops(Draws(2, 0, torch.arange(4 * MANY)), (0.05, 0.15), (1 / 4, 4.0)).double()
    width, height = sides(placement)
    log_ratio, span = (width / height).log().numpy(), math.log(4.0)
    assert stats.kstest(log_ratio, stats.uniform(-span, 2 * span).cdf).pvalue > 1e-4
    assert stats.kstest((width * height).numpy(), stats.uniform(0.05, 0.1).cdf).pvalue > 1e-4
    for centre, size in ((placement[:, 0, 2], width), (placement[:, 1, 2], height)):
        place = (centre / (1.0 - size)).numpy()  # -1 touches one border, 1 the other
        assert stats.kstest(place, stats.uniform(-1.0, 2.0).cdf).pvalue > 1e-4


def test_a_crop_that_never_fits_is_the_whole_image() -> None:
    placement = crops(Draws(0, 0, torch.arange(8)), (0.99, 1.0), (3.0, 4.0))
    assert torch.equal(placement, torch.eye(3).expand(8, 3, 3))


def test_the_whole_image_is_a_crop() -> None:
    placement = crops(Draws(0, 0, torch.arange(8)), (1.0, 1.0), (1.0, 1.0))
    assert torch.equal(placement, torch.eye(3).expand(8, 3, 3))
