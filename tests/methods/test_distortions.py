"""The distortions of Models Genesis against slow versions of the published code."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from methods.base import Draws
from methods.models_genesis.distortions import (
    bezier,
    covered,
    rectangles,
    shuffled,
    shuffled_places,
)


def published_curve(x: np.ndarray, controls: list[list[float]], falling: bool) -> np.ndarray:
    """nonlinear_transformation: 100,000 points, sorted; unsorted y makes the curve fall."""
    t = np.linspace(0.0, 1.0, 100_000)
    points = np.array([[0.0, 0.0], *controls, [1.0, 1.0]])
    weights = [t**3, 3.0 * t**2 * (1.0 - t), 3.0 * t * (1.0 - t) ** 2, (1.0 - t) ** 3]
    xs, ys = points.T @ np.array(weights)
    bent: np.ndarray = np.interp(x, np.sort(xs), ys if falling else np.sort(ys))
    return bent


def test_the_curve_is_the_published_one() -> None:
    draws = Draws(0, 0, torch.arange(20))
    images = draws.uniform("image", shape=(3, 24, 24))
    images[:, :, 0, :2] = torch.tensor([0.0, 1.0])
    controls, falling = draws.uniform("controls", shape=(2, 2)), draws.chance("falling", 0.5)
    got = bezier(images, controls, falling, 4096)

    def error(change: Callable[[np.ndarray, list[list[float]], bool], np.ndarray]) -> float:
        rows = zip(images, controls, falling.tolist(), got, strict=True)
        return max(
            float(np.abs(out.numpy() - change(image.double().numpy(), inner.tolist(), falls)).max())
            for image, inner, falls, out in rows
        )

    assert error(published_curve) < 0.1 / 255
    for wrong in (
        error(lambda x, inner, falls: published_curve(x, inner, not falls)),
        error(lambda x, inner, falls: published_curve(x, inner[::-1], falls)),
        # Falling curves are not rising ones upside down.
        error(lambda x, inner, falls: 1.0 - published_curve(x, inner, not falls)),
    ):
        assert wrong > 10 / 255


def test_the_curve_keeps_or_reverses_the_order_of_values_and_has_both_ends() -> None:
    line = torch.linspace(0.0, 1.0, 1024).reshape(1, 1, 32, 32).expand(64, 3, -1, -1)
    draws = Draws(0, 0, torch.arange(64))
    controls = draws.uniform("controls", shape=(2, 2))
    controls[:4] = torch.tensor(
        [[[1.0, 0.0], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]], [[1, 0], [1, 0]], [[0, 1], [1, 0]]]
    )
    for falls in (False, True):
        out = bezier(line, controls, torch.full((64,), falls), 4096)[:, 1].flatten(1)
        steps = out.diff(dim=1)
        assert bool((steps <= 1e-6 if falls else steps >= -1e-6).all())
        ends = (1.0, 0.0) if falls else (0.0, 1.0)
        torch.testing.assert_close(out[:, [0, -1]], torch.tensor(ends).expand(64, 2))


def shuffled_by_loops(
    corners: list[list[int]], sizes: list[list[int]], keys: list[int], side: int, wrong: str = ""
) -> list[int]:
    """local_pixel_shuffling block by block; a window's order is the order of its keys."""
    original = list(range(side * side))
    out, used = original.copy(), 0
    written: set[int] = set()
    for (r, c), (h, w) in zip(corners, sizes, strict=True):
        pixels = [(r + y) * side + c + x for y in range(h) for x in range(w)]
        window = sorted(range(h * w), key=keys[used : used + h * w].__getitem__)
        used += h * w
        source = out.copy() if wrong == "reads what was shuffled" else original
        for pixel, place in zip(pixels, window, strict=True):
            if wrong != "the first block writes" or pixel not in written:
                out[pixel] = source[pixels[place]]
        written.update(pixels)
    return out


def test_blocks_are_shuffled_as_published() -> None:
    rng = np.random.default_rng(0)
    side, sizes = 20, rng.integers(1, 6, (40, 2))
    corners = rng.integers(0, side - sizes + 1)
    keys = rng.integers(0, 2**63, int(sizes.prod(1).sum())).astype(np.uint64)
    got = shuffled_places(side, corners, sizes, keys).tolist()
    lists = corners.tolist(), sizes.tolist(), keys.tolist()
    assert got == shuffled_by_loops(*lists, side)
    for wrong in ("reads what was shuffled", "the first block writes"):
        assert got != shuffled_by_loops(*lists, side, wrong)


def places(blocks: int, largest: int, count: int = 200, side: int = 40) -> Tensor:
    """Where pixels came from, as (batch, row or column, side, side)."""
    line = torch.arange(side).float()
    images = torch.stack(torch.meshgrid(line, line, indexing="ij")).expand(count, -1, -1, -1)
    rows = torch.ones(count, dtype=torch.bool)
    return shuffled(images, Draws(0, 0, torch.arange(count)), rows, blocks, largest)


def test_pixels_stay_in_their_block_and_channels_together() -> None:
    still = places(1, 1)[0]
    moved = places(200, 4, count=20) - still
    assert float(moved.abs().max()) == 3.0
    alone = places(1, 8)
    for image in alone:
        changed = (image != still).any(0)
        pixels = still[:, changed].T.tolist()
        assert sorted(image[:, changed].T.tolist()) == sorted(pixels)  # a permutation
        if pixels:
            spread = torch.tensor(pixels).amax(0) - torch.tensor(pixels).amin(0)
            assert float(spread.max()) <= 7.0
    # All but one of a block's pixels leave their places, on average.
    left = (alone != still).any(1).sum((1, 2)).float().mean()
    assert float(left) == pytest.approx(4.5**2 - 1.0, abs=3.0)


def test_rectangles_may_have_every_size_and_place() -> None:
    corners, sizes = rectangles(Draws(0, 0, torch.arange(3000)), 64, (10, 21), 5, 3)
    assert set(sizes.unique().tolist()) == set(range(10, 22))
    assert int(corners.min()) == 3
    assert int((corners + sizes).max()) == 64 - 3
    room = (corners - 3).float() / (64 - sizes - 6)
    assert float(room.mean()) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("side", [16, 32, 48])
def test_covered_pixels(side: int) -> None:
    draws = Draws(0, 0, torch.arange(30))
    corners, sizes = rectangles(draws, side, (side // 6, side // 3), 3, 1)
    used = draws.uniform("used", shape=(3,)) < 0.5
    expected = torch.zeros(30, 1, side, side, dtype=torch.bool)
    for image, box in used.nonzero().tolist():
        (r, c), (h, w) = corners[image, box].tolist(), sizes[image, box].tolist()
        expected[image, 0, r : r + h, c : c + w] = True
    assert torch.equal(covered(corners, sizes, used, side), expected)
