"""Views come from where they say, and change nothing but themselves."""

from dataclasses import replace

import pytest
import torch
from scipy import stats
from torch import Tensor

from methods.augmentation import Augmentation
from methods.base import Batch, Draws
from methods.ld.views import ld_views
from methods.views import one_view, several_views, two_views, view_side
from tests.methods.made_up_views import (
    COLOURED,
    CROPPED,
    LD,
    MANY,
    PLAIN,
    SIDE,
    SMALLER,
    UNIT,
    batch_of,
    displacement,
    draws_for,
    flat,
)


@pytest.mark.parametrize(
    ("side", "expected"),
    [(1024, 448), (512, 448), (256, 224), (128, 112), (64, 48), (32, 16), (19, 16)],
)
def test_view_side(side: int, expected: int) -> None:
    assert view_side(side) == expected


@pytest.mark.parametrize("side", [1, 18])
def test_view_side_refuses_small_images(side: int) -> None:
    with pytest.raises(ValueError, match=f"at least 19 px a side to be cropped, not {side}"):
        view_side(side)


def test_one_view_comes_from_its_coordinates(coordinates: Batch) -> None:
    view = one_view(coordinates, draws_for(coordinates), CROPPED, "a")
    assert view.images.shape == (64, 3, 48, 48)
    off, inside = displacement(view)
    assert float(inside.float().mean()) > 0.8
    # Bilinear sampling of a ramp is exact.
    assert float(off[inside].abs().max()) < 1e-3
    signs = {(float(p[0, 0]) > 0, float(p[1, 1]) > 0) for p in view.placement}
    assert len(signs) == 4  # all four combinations of mirror images occurred
    assert not bool(view.flipped.any())
    assert not bool(view.turns.any())


@pytest.mark.parametrize("side", [64, 128])
def test_crops_mix_no_black_in_at_the_edge(side: int) -> None:
    white = batch_of(torch.ones(50, 3, side, side))
    cropped = one_view(white, draws_for(white), CROPPED, "a").images
    assert torch.allclose(cropped, torch.ones_like(cropped))
    views = ld_views(white, draws_for(white), SMALLER)
    assert torch.allclose(views.first.images, torch.ones_like(views.first.images))


def test_one_view_changes_its_share_of_colours() -> None:
    batch = flat(MANY)
    for name, strengths, share in (
        ("jitter", Augmentation(jitter=(0.4, 0.4, 0.4, 0.1), jitter_probability=0.3), 0.3),
        ("grey", Augmentation(grey=0.2), 0.2),
    ):
        colour = one_view(batch, draws_for(batch), strengths, "a").images[:, :, 8, 8]
        changed = (colour != batch.images[:, :, 0, 0]).any(1)
        assert stats.binomtest(int(changed.sum()), MANY, share).pvalue > 1e-4, name


@pytest.mark.parametrize("which", ["flip", "flip_vertical"])
def test_one_view_mirrors_one_way_or_the_other(which: str) -> None:
    batch = flat(8)
    view = one_view(batch, draws_for(batch), Augmentation(**{which: 1.0}), "a")  # type: ignore[arg-type]
    x, y = (-1.0, 1.0) if which == "flip" else (1.0, -1.0)
    assert torch.equal(view.placement, torch.diag(torch.tensor([x, y, 1.0])).expand(8, 3, 3))


def test_one_view_blurs_by_a_share_of_its_side() -> None:
    """A white point's spread, 0.05 of 48 px, besides the resizing's own."""
    images = torch.zeros(4, 1, SIDE, SIDE)
    images[..., 31:33, 31:33] = 1.0
    batch = Batch(images, torch.arange(4), (0.0,), (1.0,))
    variances = []
    for probability in (0.0, 1.0):
        blur = Augmentation(blur=(0.05, 0.05), blur_probability=probability)
        profile = one_view(batch, draws_for(batch), blur, "a").images[:, 0].sum(1)
        share = profile / profile.sum(1, keepdim=True)
        variances.append(float((share * (torch.arange(48) - 23.5) ** 2).sum(1).mean()))
    assert variances[1] - variances[0] == pytest.approx((0.05 * 48) ** 2, rel=0.05)


def test_views_of_one_image_differ(noise: Batch) -> None:
    views = two_views(noise, draws_for(noise), COLOURED, COLOURED)
    assert not bool((views.a.placement == views.b.placement).flatten(1).all(1).any())
    assert not bool((views.a.images == views.b.images).flatten(1).all(1).any())


def test_two_views_use_an_augmentation_each(noise: Batch) -> None:
    still = Augmentation()
    views = two_views(noise, draws_for(noise), still, CROPPED)
    identity = torch.eye(3).expand(8, 3, 3)
    assert torch.equal(views.a.placement, identity)
    assert not torch.equal(views.b.placement, identity)


def test_names_separate_views(noise: Batch) -> None:
    draws = draws_for(noise)
    a, again, b = (one_view(noise, draws, COLOURED, name).images for name in ("a", "a", "b"))
    assert torch.equal(a, again)
    assert not torch.equal(a, b)


def test_views_are_normalised_last(noise: Batch) -> None:
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 0.75)
    other = Batch(noise.images, noise.index, mean, std)
    plain = one_view(noise, draws_for(noise), COLOURED, "a").images
    view = one_view(other, draws_for(noise), COLOURED, "a").images
    expected = (plain - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
    torch.testing.assert_close(view, expected)


@pytest.mark.parametrize("kind", ["one", "two", "ld"])
def test_views_leave_the_images_unchanged(noise: Batch, kind: str) -> None:
    before, draws = noise.images.clone(), draws_for(noise)
    if kind == "one":
        one_view(noise, draws, COLOURED, "a")
    elif kind == "two":
        two_views(noise, draws, COLOURED, COLOURED)
    else:
        ld_views(noise, draws, LD)
    assert torch.equal(noise.images, before)


def test_views_that_differ_in_blur_alone_are_coloured_in_one_pass(
    noise: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows: list[int] = []

    def counted(images: Tensor, *_: object) -> Tensor:
        rows.append(len(images))
        return images

    monkeypatch.setattr("methods.views.tint_", counted)
    sharp, other = replace(COLOURED, blur_probability=0.0), replace(COLOURED, grey=0.9)
    several_views(noise, draws_for(noise), {"a": COLOURED, "b": COLOURED, "c": sharp})
    several_views(noise, draws_for(noise), {"a": COLOURED, "b": other})
    assert rows == [24, 8, 8]


@pytest.mark.parametrize("kind", ["one", "ld"])
def test_a_view_does_not_depend_on_the_batch(noise: Batch, kind: str) -> None:
    rows = [3, 0, 5, 1]
    part = Batch(noise.images[rows], noise.index[rows], PLAIN, UNIT)

    def views(batch: Batch) -> list[Tensor]:
        if kind == "one":
            return [one_view(batch, draws_for(batch), COLOURED, "a").images]
        both = ld_views(batch, draws_for(batch), LD)
        return [both.first.images, both.second.images]

    for whole, some in zip(views(noise), views(part), strict=True):
        torch.testing.assert_close(some, whole[rows], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "recipes",
    [
        {},
        {"a": COLOURED, "b": COLOURED, "c": COLOURED},
        {"a": COLOURED, "b": replace(COLOURED, blur_probability=1.0)},
        {"a": COLOURED, "b": replace(COLOURED, blur=(0.5 / 224, 1.0 / 224))},
        {"a": COLOURED, "b": replace(COLOURED, grey=0.9)},
        {"a": COLOURED, "b": CROPPED},
    ],
)
def test_several_views_are_those_made_one_by_one(
    noise: Batch, recipes: dict[str, Augmentation]
) -> None:
    draws = Draws(3, 5, noise.index).named("outer")
    before = noise.images.clone()
    for (name, recipe), view in zip(
        recipes.items(), several_views(noise, draws, recipes, 32), strict=True
    ):
        alone = one_view(noise, draws, recipe, name, 32)
        assert torch.equal(view.images, alone.images)
        assert torch.equal(view.placement, alone.placement)
    assert torch.equal(noise.images, before)
