"""LD's pairs of views come from where they say, with the strengths that were published."""

import math
from dataclasses import replace

import pytest
import torch
from scipy import stats
from torch import Tensor

from methods.base import Batch
from methods.geometry import sample, turned_back
from methods.ld.views import LDViews, ld_views
from tests.methods.made_up_views import (
    LD,
    MANY,
    PIXEL,
    PLACED,
    SIDE,
    STILL,
    batch_of,
    displacement,
    draws_for,
    flat,
)


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
