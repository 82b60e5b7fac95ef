"""Sizes, areas and order of multi-crop's crops, and which of them share batch statistics."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from methods.augmentation import SWAV, Augmentation
from methods.base import Draws, Images
from methods.multi_crop import PUBLISHED, MultiCrop, SmallCrops, features, multi_crop
from methods.networks import Encoder, pooled


def crops_of(
    images: Images, recipe: Augmentation = SWAV, crops: SmallCrops = PUBLISHED, count: int = 4
) -> MultiCrop:
    index = torch.arange(count)
    return multi_crop(images.batch(index, torch.device("cpu")), Draws(0, 0, index), recipe, crops)


@pytest.mark.parametrize(
    ("side", "large", "small"),
    [(512, 448, 192), (128, 112, 48), (67, 48, 16), (64, 48, 16), (45, 32, 16), (32, 16, 16)],
)
def test_two_large_and_six_small_crops(
    side: int, large: int, small: int, make_images: Callable[..., Images]
) -> None:
    """The published 224 and 96 px, on a grid of 16 px."""
    views = crops_of(make_images(count=2, side=side, held_out=0), count=2)
    assert [crop.images.shape[-1] for crop in views.every] == [large] * 2 + [small] * 6
    assert views.every[:2] == (views.large.a, views.large.b)
    assert views.index.tolist() == [0, 1]
    assert SmallCrops(0, 3 / 7, (0.05, 0.14)).side(224) == 96


def test_areas_are_the_papers(make_images: Callable[..., Images]) -> None:
    """Appendix A.2: 0.14 to 1 and 0.05 to 0.14 of the image, each crop at a place of its own."""
    views = crops_of(make_images(count=64, held_out=0), count=64)
    areas = [crop.placement[:, :2, :2].det().abs() for crop in views.every]
    for large in areas[:2]:
        assert 0.14 <= float(large.min()) < 0.25
        assert 0.75 < float(large.max()) <= 1.0
    for small in areas[2:]:
        assert 0.05 <= float(small.min()) < 0.06
        assert 0.13 < float(small.max()) <= 0.14 + 1e-6
    for one in range(len(areas)):
        assert all(not torch.equal(areas[one], other) for other in areas[one + 1 :])


def test_another_recipe_keeps_the_small_crops_small(images: Images) -> None:
    """``augmentation = "shared"`` replaces the recipe; what small means is the method's."""
    views = crops_of(images, replace(SWAV, area=(0.9, 1.0)))
    assert all(
        float(crop.placement[:, :2, :2].det().abs().max()) <= 0.14 + 1e-6 for crop in views.small
    )


def test_all_crops_are_blurred_by_as_many_pixels(
    make_images: Callable[..., Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[tuple[float, float]] = []

    def blur_(pixels: Tensor, draws: Draws, sigma: tuple[float, float], share: float) -> Tensor:
        got.append(sigma)
        return pixels

    monkeypatch.setattr("methods.views.blur_", blur_)
    crops_of(make_images(count=2, side=128, held_out=0), count=2)
    assert len(got) == 8
    assert all(sigma == pytest.approx((0.1 * 112 / 224, 2.0 * 112 / 224)) for sigma in got)


def test_crops_of_one_size_share_batch_statistics(make_images: Callable[..., Images]) -> None:
    views = crops_of(make_images(side=64))
    torch.manual_seed(0)
    encoder = Encoder("tiny", 3)
    got = features(encoder, views.every)

    def run(*crops: Tensor) -> Tensor:
        return pooled(encoder(torch.cat(crops)))

    large = run(views.large.a.images, views.large.b.images)
    small = run(*(crop.images for crop in views.small))
    torch.testing.assert_close(got, torch.cat([large, small]))
    assert not torch.allclose(got[:4], run(views.large.a.images), rtol=1e-2)
