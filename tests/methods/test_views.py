"""Views come from where they say, and change nothing but themselves."""

import math
from dataclasses import replace

import pytest
import torch
from scipy import stats
from torch import Tensor

from methods.augmentation import Augmentation
from methods.base import Batch, Draws
from methods.geometry import sample, turned_back
from methods.ld.views import LDViews, ViewStrengths, ld_views
from methods.views import View, one_view, several_views, two_views, view_side

SIDE = 64
PIXEL = 2.0 / SIDE  # in coordinates from -1 to 1
PLAIN = (0.0, 0.0, 0.0)
UNIT = (1.0, 1.0, 1.0)
MANY = 400

STILL = ViewStrengths(
    Augmentation(flip=0.5, flip_vertical=0.5), rotation=0.0, tilt=0.0, mix=(0.2, 0.8)
)
SMALLER = replace(STILL, view=replace(STILL.view, area=(0.9, 1.0)))
#: LD's published strengths of place, without colour.
PLACED = replace(SMALLER, rotation=180.0, tilt=2.0)
LD = replace(
    PLACED,
    view=replace(PLACED.view, jitter=(0.4, 0.4, 0.4, 0.02), jitter_probability=1.0, grey=0.2),
)
#: SimCLR's place, without colour.
CROPPED = Augmentation(area=(0.08, 1.0), flip=0.5, flip_vertical=0.5)
COLOURED = replace(
    CROPPED,
    jitter=(0.8, 0.8, 0.8, 0.2),
    jitter_probability=0.8,
    grey=0.2,
    blur=(0.1 / 224, 2.0 / 224),
    blur_probability=0.5,
)


def batch_of(images: Tensor) -> Batch:
    return Batch(images, torch.arange(len(images)), PLAIN, UNIT)


def draws_for(batch: Batch, seed: int = 0) -> Draws:
    return Draws(seed, 0, batch.index)


@pytest.fixture
def coordinates() -> Batch:
    """Images that show each pixel's own x and y, in [0, 1], and 1 to tell inside from outside."""
    centres = (torch.arange(SIDE) + 0.5) / SIDE
    x, y = centres.expand(SIDE, SIDE), centres[:, None].expand(SIDE, SIDE)
    return batch_of(torch.stack([x, y, torch.ones(SIDE, SIDE)]).expand(64, 3, SIDE, SIDE).clone())


@pytest.fixture
def noise() -> Batch:
    return batch_of(torch.rand(8, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0)))


def displacement(view: View) -> tuple[Tensor, Tensor]:
    """How far each pixel's true origin is from where the view says, in pixels; and which count.

    Counted are pixels wholly inside the source and not next to its border, which
    sampling repeats.
    """
    shown = 2.0 * view.images[:, :2].permute(0, 2, 3, 1) - 1.0
    inside = (view.images[:, 2] > 1.0 - 1e-5) & (view.coordinates.abs().amax(-1) < 1.0 - 2 * PIXEL)
    return (shown - view.coordinates) / PIXEL, inside


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


@pytest.mark.parametrize("which", ["first", "second"])
def test_ld_views_come_from_their_coordinates(coordinates: Batch, which: str) -> None:
    views = ld_views(coordinates, draws_for(coordinates), PLACED)
    assert set(views.second.turns.tolist()) == {0, 1, 2, 3}
    assert set(views.second.flipped.tolist()) == {False, True}
    off, inside = displacement(getattr(views, which))
    assert bool((inside.float().mean((1, 2)) > 0.5).all())
    # Two nearest look-ups: half a source pixel in each direction, then half a view pixel of
    # 64 / 48 source pixels turned by up to 45 degrees.
    assert float(off[inside].abs().max()) < 0.5 + 0.5 * (64 / 48) * math.sqrt(2.0) + 0.05
    for n in range(len(off)):
        assert float(off[n][inside[n]].mean(0).abs().max()) < 0.1  # no bias
    assert float(off[inside].square().mean().sqrt()) < 0.6


def test_ld_turns_are_exact_and_undone(coordinates: Batch) -> None:
    views = ld_views(coordinates, draws_for(coordinates), STILL)
    first, second = views.first, views.second
    assert torch.equal(turned_back(second.images, second.flipped, second.turns), first.images)
    place = second.coordinates.permute(0, 3, 1, 2)
    torch.testing.assert_close(
        turned_back(place, second.flipped, second.turns), first.coordinates.permute(0, 3, 1, 2)
    )
    assert not torch.equal(second.images, first.images)
    assert not bool(first.flipped.any())
    assert not bool(first.turns.any())


def test_ld_shares_the_place_but_not_the_tilt(coordinates: Batch) -> None:
    views = ld_views(coordinates, draws_for(coordinates), PLACED)
    second = views.second
    place = turned_back(second.coordinates.permute(0, 3, 1, 2), second.flipped, second.turns)
    apart = (place - views.first.coordinates.permute(0, 3, 1, 2)).norm(dim=1) / PIXEL
    # At most 4 degrees between the two tilts, seen from the corner.
    assert float(apart.max()) < math.radians(4.0) * math.sqrt(2.0) * SIDE / 2 + 0.01
    assert bool((apart.amax((1, 2)) > 0.0).all())


def test_ld_mixes_before_normalisation(noise: Batch) -> None:
    mean, std = (0.2, 0.3, 0.4), (0.5, 0.6, 0.7)
    batch = Batch(noise.images, noise.index, mean, std)
    views = ld_views(batch, draws_for(batch), LD)
    plain = (
        views.first.images * torch.tensor(std)[:, None, None] + torch.tensor(mean)[:, None, None]
    )
    assert float(plain.min()) + 1e-5 >= 0.0
    assert float(plain.max()) <= 1.0 + 1e-5
    assert views.weight.shape == (4,)
    for n in range(4):
        w = float(views.weight[n])
        mixed = w * plain[n] + (1.0 - w) * plain[n + 4]
        expected = (mixed - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
        torch.testing.assert_close(views.mixed[n], expected, rtol=1e-4, atol=1e-4)


@pytest.fixture(scope="module")
def many() -> LDViews:
    """LD's views of many tiny images."""
    batch = batch_of(torch.full((MANY, 3, 32, 32), 0.5))
    return ld_views(batch, draws_for(batch, 3), PLACED)


def test_ld_draws_what_was_published(many: LDViews) -> None:
    assert stats.binomtest(int(many.second.flipped.sum()), MANY, 0.5).pvalue > 1e-4
    assert stats.chisquare(torch.bincount(many.second.turns, minlength=4)).pvalue > 1e-4
    weight = many.weight.numpy()
    assert len(weight) == MANY // 2
    assert stats.kstest(weight, stats.uniform(0.2, 0.6).cdf).pvalue > 1e-4
    for view in (many.first, many.second):
        scale = view.placement[:, :2, :2].double().det()
        # Flips decide the sign, the crop the size.
        assert stats.binomtest(int((scale < 0).sum()), MANY, 0.5).pvalue > 1e-4
        assert float(scale.abs().min()) >= 0.9 - 1e-5
        assert float(scale.abs().max()) <= 1.0 + 1e-5
        # The turn spreads the x axis over the whole circle.
        axis = view.placement[:, 1, 0].atan2(view.placement[:, 0, 0]).double()
        assert stats.kstest(axis.numpy(), stats.uniform(-math.pi, 2 * math.pi).cdf).pvalue > 1e-4


def test_ld_crops_change_the_aspect(many: LDViews) -> None:
    sizes = torch.linalg.svdvals(many.first.placement[:, :2, :2])
    ratio = sizes[:, 0] / sizes[:, 1]
    assert float(ratio.max()) <= 4 / 3 + 1e-4
    # An area of at least 0.9 leaves room for 1 / 0.9 at most where both sides fit.
    assert 1.08 < float(ratio.max()) <= 1.0 / 0.9 + 1e-4


def test_ld_tilts_each_view_by_two_degrees_at_most(many: LDViews) -> None:
    second = many.second
    angle = second.turns.double() * (math.pi / 2) + second.flipped.double() * math.pi
    zero = torch.zeros_like(angle)
    cos, sin, one = angle.cos(), angle.sin(), zero + 1.0
    rows = [cos, -sin, zero, sin, cos, zero, zero, zero, one]
    turn = torch.stack(rows, -1).reshape(-1, 3, 3)
    # first = place @ tilt1 and second = place @ tilt2 @ turn, so this is tilt1^-1 @ tilt2.
    between = many.first.placement.double().inverse() @ second.placement.double() @ turn.mT
    degrees = (between[:, 1, 0].atan2(between[:, 0, 0])).rad2deg()
    assert bool((between[:, :2, 2].abs() < 1e-5).all())
    assert 3.0 < float(degrees.abs().max()) <= 4.0 + 1e-3
    # The difference of two uniform tilts is triangular.
    assert stats.kstest(degrees.numpy(), stats.triang(0.5, -4.0, 8.0).cdf).pvalue > 1e-4


def test_ld_rotates_by_nearest_and_crops_bilinearly(
    noise: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    modes: list[str] = []

    def recorded(images: Tensor, placement: Tensor, side: int, mode: str, *outside: str) -> Tensor:
        modes.append(mode)
        return sample(images, placement, side, mode, *outside)

    monkeypatch.setattr("methods.ld.views.sample", recorded)
    ld_views(noise, draws_for(noise), LD)
    assert modes == ["nearest", "bilinear", "nearest", "nearest"]


@pytest.mark.parametrize("side", [64, 128])
def test_crops_mix_no_black_in_at_the_edge(side: int) -> None:
    white = batch_of(torch.ones(50, 3, side, side))
    cropped = one_view(white, draws_for(white), CROPPED, "a").images
    assert torch.allclose(cropped, torch.ones_like(cropped))
    views = ld_views(white, draws_for(white), SMALLER)
    assert torch.allclose(views.first.images, torch.ones_like(views.first.images))


def flat(count: int) -> Batch:
    """Plain reddish images: only their colour can change."""
    colour = torch.tensor([0.6, 0.4, 0.3])[:, None, None]
    return batch_of(colour.expand(count, 3, 32, 32).clone())


def test_ld_jitters_every_view_and_greys_a_fifth() -> None:
    batch = flat(MANY)
    views = ld_views(batch, draws_for(batch), replace(LD, rotation=0.0, tilt=0.0))
    grey_rows = []
    for view in (views.first, views.second):
        colour = view.images[:, :, 8, 8]
        assert not bool((colour == batch.images[:, :, 0, 0]).all(1).any())
        grey = colour.std(1) < 1e-6
        assert stats.binomtest(int(grey.sum()), MANY, 0.2).pvalue > 1e-4
        grey_rows.append(grey)
    assert not torch.equal(*grey_rows)  # each view on its own


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
