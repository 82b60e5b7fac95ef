"""The parts of a probe against slow loops and known cases."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from methods.base import MaskPredictor
from tasks.metrics import dice
from tasks.probing.choice import LOGITS, THRESHOLDS, chosen, dice_at, enlarged
from tasks.probing.classifiers import VOTERS, neighbours, voting
from tasks.probing.features import SIDE, Frozen, grid_side, hypercolumns, level_weights
from tasks.probing.pictures import feature_colours, median_image, palette, region_colours
from tasks.probing.representation import alignment, representation, uniformity
from tasks.probing.sampling import IMAGES, cover, drawn, marked
from tests.tasks.squares import encoder, small

RNG = np.random.default_rng(0)


def test_a_grid_is_no_finer_than_its_limit() -> None:
    assert [grid_side(size) for size in (32, 100, SIDE, 512)] == [32, 100, SIDE, SIDE]


def test_hypercolumns_against_loops() -> None:
    maps = [torch.rand(2, 3, 8, 8), torch.rand(2, 2, 4, 4), torch.rand(2, 1, 2, 2)]
    found = hypercolumns(maps, 4).numpy()
    assert found.shape == (2, 6, 4, 4)
    for row in range(4):
        for column in range(4):
            block = maps[0][:, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
            assert np.allclose(found[:, :3, row, column], block.mean(dim=(2, 3)))
            # Centres of the coarse cells lie at 0.5 and 2.5 of the grid's.
            y, x = (min(max((place - 0.5) / 2, 0.0), 1.0) for place in (row, column))
            (a, b), (c, d) = maps[2][0, 0].tolist()
            mixed = (a * (1 - x) + b * x) * (1 - y) + (c * (1 - x) + d * x) * y
            assert found[0, 5, row, column] == pytest.approx(mixed, abs=1e-6)
    assert np.array_equal(found[:, 3:5], maps[1].numpy())


def test_levels_weigh_alike() -> None:
    weights = level_weights((4, 16))
    assert np.allclose([(weights[:4] ** 2).sum(), (weights[4:] ** 2).sum()], 1.0)


def test_small_foreground_is_kept() -> None:
    masks = np.zeros((3, 16, 16), dtype=bool)
    masks[0, 3, 3] = True  # one pixel of a cell's sixteen
    masks[1, :4, :4] = True
    masks[1, 4, 0] = True  # a cell beside a full one
    shares = cover(masks, 4)
    assert (shares[0, 0, 0], shares[1, 0, 0], shares[1, 1, 0]) == (1 / 16, 1.0, 1 / 16)
    found = marked(shares)
    assert np.argwhere(found).tolist() == [[0, 0, 0], [1, 0, 0]]
    # Where cells are pixels, foreground is the mask.
    assert np.array_equal(marked(cover(masks, 16)), masks)


def test_cells_are_drawn_once_each_and_stratified() -> None:
    foreground = RNG.random((5, 20, 20)) < 0.1
    sample = drawn(foreground, 100, np.random.default_rng(1))
    assert sample.foreground.sum() == 50
    assert len(sample) == 100
    flat = foreground.reshape(5, -1)
    assert np.array_equal(flat[sample.image, sample.cell], sample.foreground)
    assert len(set(zip(sample.image.tolist(), sample.cell.tolist(), strict=True))) == 100
    # Where there are fewer, all are taken; each is as likely as any other.
    rare = np.zeros((2, 20, 20), dtype=bool)
    rare[1, 0, 0] = True
    assert drawn(rare, 100, np.random.default_rng(1)).foreground.sum() == 1
    counts = np.zeros(25)
    for seed in range(400):
        one = drawn(np.zeros((1, 5, 5), dtype=bool), 10, np.random.default_rng(seed))
        counts[one.cell] += 1
    assert abs(counts / 400 - 0.2).max() < 0.08


def test_many_images_are_not_all_passed() -> None:
    foreground = np.zeros((IMAGES + 20, 2, 2), dtype=bool)
    foreground[:, 0, 0] = True
    sample = drawn(foreground, 10_000, np.random.default_rng(0))
    assert len(np.unique(sample.image)) == IMAGES
    assert sample.image.max() > IMAGES
    assert sample.foreground.sum() == IMAGES


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_dice_at_thresholds_is_the_metrics(share: float) -> None:
    truth, probabilities = RNG.random((9, 7)) < share, RNG.random((2, 9, 7))
    probabilities[0, 0, 0] = THRESHOLDS[3]
    thresholds = np.append(THRESHOLDS, 1.0)
    found = dice_at(probabilities, truth, thresholds)
    for variant, plane in enumerate(probabilities):
        for place, threshold in enumerate(thresholds):
            (expected,) = dice((plane > threshold)[None], truth[None])
            assert found[variant, place] == pytest.approx(expected, abs=1e-6)


def test_of_equal_thresholds_the_middle_one_is_chosen() -> None:
    assert LOGITS[0] == 0.0
    scores = np.zeros((3, len(THRESHOLDS)))
    assert chosen([scores]).threshold == 0.5
    assert chosen([scores]).variant == 0
    scores[2, 7] = 0.5
    best = chosen([scores, np.zeros_like(scores)])
    assert (best.variant, best.threshold, best.dice) == (2, THRESHOLDS[7], 0.25)


def test_a_grid_as_fine_as_the_image_is_left_as_it_is() -> None:
    plane = RNG.random((2, 16))
    assert np.allclose(enlarged(plane, 4), plane.reshape(2, 4, 4))
    assert enlarged(plane, 9).shape == (2, 9, 9)


def test_no_more_neighbours_vote_than_there_are() -> None:
    features, foreground = RNG.normal(size=(4, 3)), np.array([True, True, False, False])
    few = neighbours(features, foreground, np.ones(3))
    assert few.variants == ({"k": 1.0},)
    assert np.array_equal(few.probabilities(features)[0], foreground)


def test_few_cells_of_one_class_all_vote() -> None:
    foreground = np.zeros(1500, dtype=bool)
    foreground[[3, 700, 701]] = True
    chosen = voting(foreground)
    assert foreground[chosen].sum() == 3
    assert 0.4 * VOTERS < len(chosen) <= VOTERS
    assert len(voting(np.arange(2 * VOTERS) % 2 == 0)) == VOTERS


def test_alignment_and_uniformity_against_loops() -> None:
    a, b = (torch.nn.functional.normalize(torch.randn(7, 4).double(), dim=1) for _ in range(2))
    near = [
        sum((x - y) ** 2 for x, y in zip(*pair, strict=True)) for pair in zip(a, b, strict=True)
    ]
    assert float(alignment(a, b)) == pytest.approx(float(sum(near)) / 7)
    assert float(alignment(a, a)) == 0.0
    assert float(alignment(a, -a)) == pytest.approx(4.0)
    pairs = [math.exp(-2.0 * float(((a[i] - a[j]) ** 2).sum())) for i in range(7) for j in range(i)]
    assert float(uniformity(a)) == pytest.approx(math.log(sum(pairs) / len(pairs)))


def test_uniformity_of_known_points() -> None:
    point = torch.tensor([[1.0, 0.0, 0.0]]).double()
    assert float(uniformity(point.repeat(3, 1))) == 0.0
    assert float(uniformity(torch.cat([point, -point]))) == pytest.approx(-8.0)
    with pytest.raises(ValueError, match="two vectors or more"):
        uniformity(point)
    # On a sphere in three dimensions cosines are uniform: the mean of exp(4 x . y - 4) is known.
    generator = torch.Generator().manual_seed(0)
    many = torch.randn(3000, 3, generator=generator).double()
    expected = math.log(math.sinh(4.0) / 4.0) - 4.0
    found = float(uniformity(torch.nn.functional.normalize(many, dim=1)))
    assert found == pytest.approx(expected, abs=0.02)


def test_a_representation_is_of_training_and_validation_images() -> None:
    data = small()
    frozen = Frozen.of(encoder(), data.training())
    told = representation(frozen, 0)
    assert told == representation(frozen, 0)
    assert 1.0 <= told["effective rank"] <= 7 - 1
    assert 0.0 <= told["alignment"] <= 4.0
    assert -8.0 <= told["uniformity"] <= 0.0
    rows = [
        pooled
        for part in (data.validation, data.train)
        for pooled in frozen.encoder(frozen.inputs(part, list(range(len(part)))))[-1].mean((2, 3))
    ]
    unit = torch.nn.functional.normalize(torch.stack(rows).double(), dim=1).detach().numpy()
    values = np.linalg.svd(unit - unit.mean(axis=0), compute_uv=False)
    shares = values[values > 1e-12] / values.sum()
    expected = math.exp(-(shares * np.log(shares)).sum())
    assert told["effective rank"] == pytest.approx(expected, rel=1e-4)


def test_pictures_are_the_images_size() -> None:
    features = RNG.normal(size=(64, 5)).astype(np.float32)
    picture = feature_colours(features, np.ones(5), 20)
    assert picture.shape == (20, 20, 3)
    assert picture.dtype == np.uint8
    assert picture.std() > 20
    flat = feature_colours(np.ones((64, 5), dtype=np.float32), np.ones(5), 20)
    assert (flat == 128).all()
    line = feature_colours(np.arange(64, dtype=np.float32)[:, None], np.ones(1), 8)
    assert line[..., 0].std() > 50
    assert (line[..., 1:] == 128).all()


def test_the_image_of_median_area_is_shown() -> None:
    masks = np.zeros((3, 4, 4), dtype=bool)
    masks[0], masks[2, 0] = True, True
    assert median_image(masks) == 2


class Halves(torch.nn.Module):
    """Two regions, left and right."""

    def masks(self, images: Tensor) -> Tensor:
        left = torch.zeros_like(images[:, :1])
        left[..., : images.shape[-1] // 2] = 1.0
        return torch.cat([left, 1.0 - left], dim=1)


def test_regions_have_colours_of_their_own() -> None:
    assert isinstance(Halves(), MaskPredictor)
    model = Halves().train()
    picture = region_colours(model, torch.zeros(1, 1, 4, 4))
    assert model.training
    assert picture is not None
    left, right = palette(2)
    assert (picture[:, :2] == left).all()
    assert (picture[:, 2:] == right).all()
    assert region_colours(torch.nn.Identity(), torch.zeros(1, 1, 4, 4)) is None
    assert region_colours(None, torch.zeros(1, 1, 4, 4)) is None
    assert len({tuple(colour) for colour in palette(16).tolist()}) == 16
