"""Which word an image shows, where its crop lies, and what the four distortions do to it."""

from collections import Counter
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from methods.base import Draws, Images
from methods.transvw.distortions import GENESIS, distorted
from methods.transvw.views import NEARBY, PLAIN, Nearby, crop_side, crops, crops_at
from methods.transvw.words import scattered, word_of

SIDE, VIEW = 64, 48
COUNT = 200


def test_words_lie_apart_within_their_room() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        places = scattered(40, 0.5, 0.1, 200)
        crowded = scattered(40, 0.01, 0.1, 5)
    distances = torch.cdist(places, places).fill_diagonal_(9.0)
    assert float(distances.min()) >= 0.1
    assert float(places.abs().max()) <= 0.5
    assert float(places.min()) < -0.4
    assert float(places.max()) > 0.4
    assert crowded.shape == (40, 2)  # no room is no reason to fail
    assert float(crowded.abs().max()) <= 0.01


def test_an_image_shows_each_of_its_words_equally_often() -> None:
    holders = torch.tensor([[0, 1, 2], [1, 3, 0], [1, 5, 6]])
    held = {0: {0, 1}, 1: {0, 1, 2}, 2: {0}, 3: {1}, 4: {-1}, 5: {2}, 6: {2}, 900: {-1}}
    index = torch.tensor(list(held))
    shown: dict[int, Counter[int]] = {image: Counter() for image in held}
    for step in range(COUNT):
        for image, word in zip(
            held, word_of(index, holders, Draws(0, step, index)).tolist(), strict=True
        ):
            shown[image][word] += 1
    for image, words in held.items():
        assert set(shown[image]) == words
        assert min(shown[image].values()) > 0.6 * COUNT / len(words)
    nothing = torch.full((3, 3), -1)
    assert word_of(index, nothing, Draws(0, 0, index)).tolist() == [-1] * len(held)


def test_an_exact_crop_is_the_part_of_the_image_at_its_place(
    make_images: Callable[..., Images],
) -> None:
    index = torch.arange(6)
    batch = make_images(side=SIDE).batch(index, torch.device("cpu"))
    corners = torch.tensor([[0, 0], [16, 0], [0, 16], [3, 11], [7, 7], [16, 16]])
    centres = (2.0 * corners + VIEW) / SIDE - 1.0
    exact = Nearby(1.0, NEARBY.sizes, NEARBY.shift)
    got = crops(batch, Draws(0, 0, index), centres, VIEW / SIDE, exact, PLAIN)
    for crop, image, (x, y) in zip(got, batch.images, corners.tolist(), strict=True):
        torch.testing.assert_close(crop, image[:, y : y + VIEW, x : x + VIEW], rtol=0, atol=1e-5)
    never = Nearby(0.0, NEARBY.sizes, NEARBY.shift)
    other = crops(batch, Draws(0, 0, index), centres, VIEW / SIDE, never, PLAIN)
    assert all(not torch.allclose(a, b, atol=1e-3) for a, b in zip(got, other, strict=True))


@pytest.mark.parametrize(
    ("side", "share", "expected"),
    [(128, 3 / 8, 48), (512, 1 / 8, 64), (512, 3 / 8, 192), (64, 3 / 8, 32), (48, 1 / 8, 32)],
)
def test_crops_are_not_enlarged(side: int, share: float, expected: int) -> None:
    assert crop_side(side, share) == expected


def test_crops_near_a_place_move_and_grow_from_their_corner() -> None:
    """In pixels of an image of 512 with crops of 64, as published: x + dx : x + dx + side."""
    corners = torch.tensor([[100, 200], [100, 200], [448, 0], [300, 40]])
    sides, shifts = (
        torch.tensor([64, 50, 80, 80]),
        torch.tensor([[0, 0], [-10, 9], [5, -5], [3, 2]]),
    )
    centres = (2.0 * corners + 64) / 512 - 1.0
    placement = crops_at(centres, 64 / 512, sides / 64, shifts / 64)
    first = (placement @ torch.tensor([-1.0, -1.0, 1.0]) + 1.0) * 256
    last = (placement @ torch.tensor([1.0, 1.0, 1.0]) + 1.0) * 256
    # The third would reach over two edges and is moved back.
    expected = torch.tensor([[100.0, 200.0], [90.0, 209.0], [432.0, 0.0], [303.0, 42.0]])
    torch.testing.assert_close(first[:, :2], expected, rtol=0, atol=1e-3)
    torch.testing.assert_close(last[:, :2], expected + sides[:, None].float(), rtol=0, atol=1e-3)


@pytest.fixture(scope="module")
def pair(make_images: Callable[..., Images]) -> tuple[Tensor, Tensor, Tensor]:
    """Crops, the same distorted, and which of the four it was."""
    index = torch.arange(COUNT)
    images = (
        make_images(count=COUNT, side=VIEW, held_out=0).batch(index, torch.device("cpu")).images
    )
    draws = Draws(0, 0, index)
    return images, distorted(images, draws, GENESIS), draws.integers("distortion", 4)


def test_each_distortion_is_drawn_as_often(pair: tuple[Tensor, Tensor, Tensor]) -> None:
    images, got, which = pair
    counts = torch.bincount(which, minlength=4)
    assert int(counts.min()) > COUNT / 4 * 0.7
    assert float((images != got).flatten(1).any(1).float().mean()) == 1.0
    assert 0.0 <= float(got.min()) <= float(got.max()) <= 1.0
    few = torch.tensor([7, 3])
    again = distorted(images[few], Draws(0, 0, few), GENESIS)
    assert torch.equal(again, got[few])  # by image and step alone


def test_shuffling_keeps_the_pixels_near(pair: tuple[Tensor, Tensor, Tensor]) -> None:
    images, got, which = pair
    for before, after in zip(images[which == 0], got[which == 0], strict=True):
        pixels, moved = before.flatten(1).T, after.flatten(1).T
        assert {tuple(row) for row in moved.tolist()} <= {tuple(row) for row in pixels.tolist()}
        assert float((before != after).any(0).float().mean()) > 0.3
        assert float((before - after).abs().mean()) < 0.1


def test_bending_is_a_monotone_function_of_the_grey_level(
    pair: tuple[Tensor, Tensor, Tensor],
) -> None:
    images, got, which = pair
    directions = set()
    for before, after in zip(images[which == 1], got[which == 1], strict=True):
        values, order = before.flatten().sort()
        steps = after.flatten()[order].diff()
        assert not bool(steps[values.diff() == 0.0].any())
        rising, falling = bool((steps >= -1e-6).all()), bool((steps <= 1e-6).all())
        assert rising != falling
        directions.add(rising)
    assert directions == {True, False}


@pytest.mark.parametrize(("number", "sides"), [(2, (8, 16)), (3, (21, 28))])
def test_painting_replaces_a_rectangle_or_all_else(
    number: int, sides: tuple[int, int], pair: tuple[Tensor, Tensor, Tensor]
) -> None:
    images, got, which = pair
    seen = set()
    for before, after in zip(images[which == number], got[which == number], strict=True):
        changed = (before != after).any(0)
        inside = changed if number == 2 else ~changed
        rows, columns = inside.any(1).nonzero()[:, 0], inside.any(0).nonzero()[:, 0]
        height, width = int(rows[-1] - rows[0]) + 1, int(columns[-1] - columns[0]) + 1
        assert int(inside.sum()) == height * width
        assert sides[0] <= min(height, width) <= max(height, width) <= sides[1]
        assert min(int(rows[0]), int(columns[0])) >= 2
        assert max(int(rows[-1]), int(columns[-1])) < VIEW - 2
        noise = after[:, changed]
        assert float(noise.std()) == pytest.approx(12**-0.5, abs=0.06)
        seen.add((int(rows[0]), int(columns[0]), height, width))
    assert len(seen) > COUNT / 4 * 0.6
