"""Swapped patches against a slow loop, what swapping preserves, and the error that is charged."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from methods.base import Draws, Images, Progress
from methods.context_restoration import ContextRestoration, Disordered, apart, swapped
from methods.pretrain import build

PROGRESS = Progress("pretraining", 0, 10)
CPU = torch.device("cpu")
SIDE, SIZE = 14, 4


@pytest.fixture
def method() -> ContextRestoration:
    made = build(ContextRestoration, ContextRestoration.Config(), "tiny", 3, seed=0)
    assert isinstance(made, ContextRestoration)
    return made


@pytest.fixture
def views(method: ContextRestoration, make_images: Callable[..., Images]) -> Disordered:
    index = torch.arange(3)
    return method.views(make_images(side=64).batch(index, CPU), Draws(0, 0, index))


def drawn(count: int, swaps: int = 6) -> Tensor:
    corners = Draws(0, 0, torch.arange(count)).integers(
        "corners", SIDE - SIZE + 1, (swaps, 10, 2, 2)
    )
    return apart(corners, SIZE)


def by_loops(image: Tensor, pairs: list[list[list[int]]], wrong: str = "") -> Tensor:
    """Algorithm 1: one pair after the other."""
    original, out = image.clone(), image.clone()
    for pair in pairs:
        source = original if wrong == "copies of the original" else out.clone()
        (r, c), (s, d) = (place[::-1] if wrong == "columns first" else place for place in pair)
        for y in range(SIZE):
            for x in range(SIZE):
                out[:, r + y, c + x] = source[:, s + y, d + x]
                if wrong != "one way":
                    out[:, s + y, d + x] = source[:, r + y, c + x]
    return out


def test_patches_change_places_one_pair_after_the_other() -> None:
    images = torch.rand(5, 2, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    before, corners = images.clone(), drawn(5)
    got = swapped(images, corners, SIZE)
    assert torch.equal(images, before)
    for image, pairs, out in zip(images, corners.tolist(), got, strict=True):
        assert torch.equal(out, by_loops(image, pairs))
        for wrong in ("copies of the original", "columns first", "one way"):
            assert not torch.equal(out, by_loops(image, pairs, wrong))


def test_no_pixel_is_lost_and_swapping_back_restores() -> None:
    images = torch.rand(8, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    corners = drawn(8)
    got = swapped(images, corners, SIZE)
    assert not torch.equal(got, images)
    assert torch.equal(got.flatten(2).sort().values, images.flatten(2).sort().values)
    assert torch.equal(swapped(got, corners.flip(1), SIZE), images)
    # Channels move together.
    together = swapped(images[:, :1].expand(-1, 3, -1, -1), corners, SIZE)
    assert torch.equal(together[:, 0], together[:, 2])


def test_a_pair_does_not_overlap() -> None:
    corners = drawn(300)
    assert corners.shape == (300, 6, 2, 2)
    for (r, c), (s, d) in corners.flatten(0, 1).tolist():
        assert abs(r - s) >= SIZE or abs(c - d) >= SIZE
    assert set(corners[..., 0].flatten().tolist()) == set(range(SIDE - SIZE + 1))


def test_the_first_try_that_fits_is_taken_and_none_leaves_the_image() -> None:
    touching = [[0, 0], [0, 4]]
    tries = torch.tensor([[[[[0, 0], [3, 3]], touching, [[9, 9], [0, 0]]]]])
    assert apart(tries, SIZE).tolist() == [[touching]]
    hopeless = apart(tries[:, :, :1], SIZE)
    assert hopeless.tolist() == [[[[0, 0], [0, 0]]]]
    image = torch.rand(1, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    assert torch.equal(swapped(image, hopeless, SIZE), image)


def test_swaps_depend_on_the_image_and_the_step_alone(
    method: ContextRestoration, images: Images
) -> None:
    def views(*index: int, step: int = 0) -> Disordered:
        chosen = torch.tensor(index)
        return method.views(images.batch(chosen, CPU), Draws(0, step, chosen))

    both = views(3, 7)
    assert torch.equal(views(7).swapped, both.swapped[1:])
    assert not torch.equal(views(3, 7, step=1).swapped, both.swapped)


def test_ten_swaps_move_a_quarter_of_the_image(make_images: Callable[..., Images]) -> None:
    method = build(ContextRestoration, ContextRestoration.Config(), "tiny", 1, seed=0)
    assert isinstance(method, ContextRestoration)
    index = torch.arange(16)
    pool = make_images(side=128, channels=1)
    views = method.views(pool.batch(index, CPU), Draws(0, 0, index))
    moved = (views.whole != views.swapped).float().mean((1, 2, 3))
    assert float(moved.max()) <= 20 * (14 / 112) ** 2
    assert 0.2 < float(moved.mean()) < 0.3


def test_a_step_is_the_squared_error_of_the_whole_image(
    method: ContextRestoration, views: Disordered
) -> None:
    def error(seen: Tensor, aim: Tensor, power: int = 2, where: Tensor | None = None) -> float:
        with torch.no_grad():
            restored = method.decoder(method.encoder(seen), ("image",))["image"]
        rows = zip(restored.flatten().tolist(), aim.flatten().tolist(), strict=True)
        errors = [abs(a - b) ** power for a, b in rows]
        if where is not None:
            errors = [e for e, used in zip(errors, where.flatten().tolist(), strict=True) if used]
        return math.fsum(errors) / len(errors)

    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(error(views.swapped, views.whole), rel=1e-5)
    moved = views.whole != views.swapped
    for wrong in (
        error(views.whole, views.whole),  # nothing swapped
        error(views.swapped, views.swapped),  # nothing restored
        error(views.swapped, views.whole, power=1),
        error(views.swapped, views.whole, where=moved),  # the swapped part only
    ):
        assert loss != pytest.approx(wrong, rel=1e-3)
