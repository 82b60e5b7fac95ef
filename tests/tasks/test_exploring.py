"""Which patches are asked about, and which are found, against slow loops."""

from itertools import product
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from methods.errors import DivergedError
from methods.ld import LocalDiscrimination
from methods.ld.losses import patch_vectors as z_of
from methods.ld.losses import pixel_vectors
from methods.networks import Encoder
from methods.pretrain import build
from tasks.exploring.found import AloneError, Found, search
from tasks.exploring.patches import (
    apart,
    centre,
    patch_at,
    patch_vectors,
    shows,
    spread_out,
    standardised,
)
from tasks.exploring.seeing import Seeing
from tasks.probing.pictures import overlaid, palette


def unit(*shape: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=shape)
    found: np.ndarray = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return found.astype(np.float32)


@pytest.mark.parametrize(("side", "grid"), [(8, 4), (10, 4), (6, 6)])
def test_a_patchs_vector_is_the_unit_mean_of_its_pixels(side: int, grid: int) -> None:
    maps = torch.randn(2, 5, side, side, generator=torch.Generator().manual_seed(0))
    found = patch_vectors(maps, grid)
    for image, (row, column) in product(range(2), product(range(grid), repeat=2)):
        # As PyTorch pools adaptively: a cell begins at the floor and ends at the ceiling.
        rows, columns = (
            slice(place * side // grid, -(-(place + 1) * side // grid)) for place in (row, column)
        )
        mean = maps[image, :, rows, columns].double().mean(dim=(1, 2))
        expected = (mean / mean.norm()).float()
        torch.testing.assert_close(found[image, row * grid + column], expected)


def test_patches_of_pixel_vectors_are_those_that_ld_tells_apart() -> None:
    v = pixel_vectors(torch.randn(3, 4, 16, 16, generator=torch.Generator().manual_seed(1)))
    torch.testing.assert_close(patch_vectors(v, 8), z_of(v, 8).flatten(2).transpose(1, 2))


def test_standardised_features_are_scikit_learns_as_unit_vectors() -> None:
    columns = np.random.default_rng(0).gamma(2.0, size=(3, 9, 4)).astype(np.float32)
    weights = np.array([1.0, 0.5, 2.0, 1.0])
    scaled = StandardScaler().fit_transform(columns.reshape(-1, 4).astype(np.float64)) * weights
    expected = (scaled / np.linalg.norm(scaled, axis=1, keepdims=True)).reshape(3, 9, 4)
    np.testing.assert_allclose(standardised(columns, weights), expected, atol=1e-6)
    stretched = columns * np.float32(4.0) + np.float32(7.0)
    np.testing.assert_allclose(standardised(stretched, weights), expected, atol=1e-5)


def test_a_channel_that_does_not_vary_counts_for_nothing() -> None:
    columns = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    columns[:, :, 1] = 0.1
    found = standardised(columns, np.ones(3))
    assert (found[:, :, 1] == 0.0).all()
    flat = standardised(np.full((2, 4, 3), 0.1, dtype=np.float32), np.ones(3))
    assert (flat == 0.0).all()


def test_dark_corners_show_nothing_unless_everything_is_dark() -> None:
    image = np.zeros((3, 8, 8), dtype=np.uint8)
    assert shows(image, 2).all()
    image[1, :4, :4] = 200
    image[2, 4:, :1] = 200  # a quarter of the third patch
    assert shows(image, 2).tolist() == [True, False, False, False]


def test_patches_are_spread_by_the_seed_over_what_is_allowed() -> None:
    allowed = np.ones(64, dtype=bool)
    allowed[[0, 7, 56, 63]] = False
    chosen = [spread_out(allowed, 4, seed) for seed in range(5)]
    assert chosen[0] == spread_out(allowed, 4, 0)
    assert len({tuple(patches) for patches in chosen}) > 1
    for patches in chosen:
        assert patches == sorted(set(patches))
        assert len(patches) == 4
        assert allowed[patches].all()
        quadrants = {(patch // 8 // 4, patch % 8 // 4) for patch in patches}
        assert len(quadrants) >= 3
    assert spread_out(allowed, 8, 0) == sorted(set(spread_out(allowed, 8, 0)))


def test_where_few_patches_are_allowed_all_are_chosen() -> None:
    assert spread_out(np.eye(1, 16, 5, dtype=bool)[0], 4, 0) == [5]


def test_places_and_patches_belong_together() -> None:
    assert [patch_at(*centre(patch, 5), 5) for patch in range(25)] == list(range(25))
    assert (patch_at(0.0, 0.0, 8), patch_at(1.0, 0.0, 8), patch_at(1.0, 1.0, 8)) == (0, 7, 63)


def test_patches_that_touch_are_not_apart() -> None:
    assert np.flatnonzero(~apart(0, 4)).tolist() == [0, 1, 4, 5]
    assert np.flatnonzero(~apart(6, 4)).tolist() == [1, 2, 3, 5, 6, 7, 9, 10, 11]


def test_the_nearest_patch_is_the_loops() -> None:
    vectors = unit(4, 9, 6)
    found = search(vectors, [2, 7], 3)
    assert found.searched == (1, 2, 3)
    total = []
    for (number, query), (place, image) in product(enumerate([2, 7]), enumerate([1, 2, 3])):
        cosines = [float(vectors[0, query] @ vectors[image, patch]) for patch in range(9)]
        total += cosines
        assert found.patches[number, place] == int(np.argmax(cosines))
        assert found.similarities[number, place] == pytest.approx(max(cosines), abs=1e-6)
    assert found.average == pytest.approx(np.mean(total), abs=1e-6)


def test_a_patch_that_moved_is_found_where_it_went() -> None:
    first = unit(1, 16, 8)
    moved = np.random.default_rng(3).permutation(16)
    found = search(np.concatenate([first, first[:, moved]]), range(16), 4)
    assert found.patches[:, 0].tolist() == np.argsort(moved).tolist()
    np.testing.assert_allclose(found.similarities, 1.0, atol=1e-6)
    went = np.argsort(moved)
    steps = [
        max(abs(a - b) for a, b in zip(divmod(patch, 4), divmod(int(went[patch]), 4), strict=True))
        for patch in range(16)
    ]
    assert found.stayed() == sum(step <= 1 for step in steps)


def test_in_an_image_alone_patches_are_sought_away_from_themselves() -> None:
    vectors = unit(1, 16, 8)
    found = search(vectors, [0, 15], 4)
    assert found.searched == (0,)
    for number, query in enumerate([0, 15]):
        cosines = np.where(apart(query, 4), vectors[0] @ vectors[0, query], -np.inf)
        assert found.patches[number, 0] == int(cosines.argmax())
    assert [mark[:2] for mark in found.marks(0)][:2] == [(1, 0), (2, 15)]
    assert len(found.marks(0)) == 4
    with pytest.raises(AloneError, match=r"3 x 3 patches .* second IMAGE"):
        search(vectors[:, :9], [4], 3)


def test_images_that_answer_best_come_in_the_images_order() -> None:
    similarities = np.array([[0.1, 0.9, 0.5], [0.2, 0.7, 0.6]])
    found = Found(4, (3, 8), (1, 2, 3), np.zeros((2, 3), dtype=int), similarities, 0.0)
    assert found.best(2) == [2, 3]
    assert found.best(9) == [1, 2, 3]
    assert found.marks(0) == [(1, 3, None), (2, 8, None)]
    assert found.marks(2) == [(1, 0, 0.9), (2, 0, 0.7)]


class Colours(nn.Module):
    """A pixel's vector is its colour; two regions, of red and not."""

    def embed(self, images: Tensor) -> Tensor:
        return pixel_vectors(images)

    def masks(self, images: Tensor) -> Tensor:
        return torch.stack([images[:, 0], 1.0 - images[:, 0]], dim=1)


def seeing(model: object, grid: int = 4) -> Seeing:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Seeing(Encoder("tiny", 3).eval(), model, lambda images: images, grid)


def images(count: int, seed: int = 0) -> list[np.ndarray]:
    levels = np.random.default_rng(seed).integers(0, 256, (count, 3, 32, 32), dtype=np.uint8)
    return [*levels]


def test_a_model_is_asked_for_what_it_has() -> None:
    seen, some = seeing(Colours()), images(9)  # more than pass at once
    assert seen.embeds
    assert seen.divides
    pixels = torch.from_numpy(np.stack(some)) / 255.0
    expected = patch_vectors(pixel_vectors(pixels), 4)
    np.testing.assert_allclose(seen.vectors(some), expected, atol=1e-6)
    np.testing.assert_allclose(np.stack(seen.shares(some))[:, 0], pixels[:, 0], atol=1e-6)


def test_lds_window_weighs_the_patches_that_are_compared() -> None:
    some = images(2)
    pixels = torch.from_numpy(np.stack(some)) / 255.0
    found = []
    for window in (0.0, 0.1):
        config = LocalDiscrimination.Config(grid=4, window=window)
        model: Any = build(LocalDiscrimination, config, "tiny", 3, seed=0).eval()
        vectors = seeing(model).vectors(some)
        with torch.no_grad():
            z = model.patches(model.embed(pixels)).flatten(2).transpose(1, 2)
        np.testing.assert_allclose(vectors, z, atol=1e-6)
        found.append(vectors)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_an_encoder_alone_answers_with_its_features() -> None:
    seen = seeing(None)
    assert not seen.embeds
    assert not seen.divides
    assert seen.shares(images(1)) == []
    same = images(1) * 3 + images(1, seed=1)
    vectors = seen.vectors(same)
    assert vectors.shape == (4, 16, 16 + 32 + 64 + 128 + 128)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=2), 1.0, atol=1e-5)
    found = search(vectors, [5, 10], 4)
    assert found.patches[:, :2].tolist() == [[5, 5], [10, 10]]
    np.testing.assert_allclose(found.similarities[:, :2], 1.0, atol=1e-5)


class Broken(Colours):
    def embed(self, images: Tensor) -> Tensor:
        return super().embed(images) * torch.nan

    def masks(self, images: Tensor) -> Tensor:
        return super().masks(images) * torch.nan


def test_what_is_not_finite_is_said_so() -> None:
    with pytest.raises(DivergedError, match="features are not finite"):
        seeing(Broken()).vectors(images(2))
    with pytest.raises(DivergedError, match="shares are not finite"):
        seeing(Broken()).shares(images(2))


def test_regions_lie_over_the_picture_in_grey() -> None:
    picture = np.full((4, 4, 3), 100, dtype=np.uint8)
    shares = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]])
    drawn = overlaid(picture, shares)
    first, second = np.rint(0.6 * palette(2) + 0.4 * 100).astype(np.uint8)
    assert (drawn[:2, :2] == first).all()
    assert (drawn[:2, 2:] == second).all()
    assert (drawn[2:, :2] == second).all()
    assert (drawn[2:, 2:] == first).all()
