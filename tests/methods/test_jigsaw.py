"""Where a puzzle's tiles are cut, how they are normalised, and who sees what."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from methods.augmentation import Augmentation
from methods.base import Batch, Draws, Images, Progress
from methods.jigsaw import Jigsaw, Puzzle
from methods.jigsaw.puzzles import hued, standardised
from methods.networks import pooled
from methods.pretrain import build

PROGRESS = Progress("pretraining", 0, 10)
CPU = torch.device("cpu")
WHOLE = Augmentation(aspect=(1.0, 1.0))  # the window is the image


def made(**settings: object) -> Jigsaw:
    method = build(Jigsaw, Jigsaw.Config(**settings), "tiny", 3, seed=0)  # type: ignore[arg-type]
    assert isinstance(method, Jigsaw)
    return method


def ramps(side: int = 96, count: int = 40) -> Batch:
    """Channels that say where a pixel lies, x and y in [-1, 1], and one that is neither."""
    line = (torch.arange(side) + 0.5) / side * 2.0 - 1.0
    y, x = torch.meshgrid(line, line, indexing="ij")
    images = torch.stack([x, y, x + y]).expand(count, -1, -1, -1) / 2.0
    return Batch(images, torch.arange(count), (0.5,) * 3, (0.25,) * 3)


def cut(monkeypatch: pytest.MonkeyPatch, **settings: object) -> tuple[Jigsaw, Puzzle]:
    """Tiles of ``ramps`` before they are normalised, in units of the window."""
    monkeypatch.setattr("methods.jigsaw.standardised", lambda tiles, _: tiles * 2.0)
    method, batch = made(view=WHOLE, **settings), ramps()
    return method, method.views(batch, Draws(0, 0, batch.index))


def test_a_tile_shows_64_of_75_px_of_the_cell_its_permutation_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    method, puzzle = cut(monkeypatch, fringe=0.0)
    gaps = []
    for image, label in enumerate(puzzle.label.tolist()):
        order = method.permutations[label].tolist()
        solved = [order.index(place) for place in range(9)]
        at = {name: [] for name in ("order", "solved")}  # type: dict[str, list[float]]
        for place in range(9):
            tile = puzzle.tiles[image, place]
            x, y = float(tile[0].mean()), float(tile[1].mean())
            for name, cells in (("order", order), ("solved", solved)):
                column, row = cells[place] % 3, cells[place] // 3
                at[name] += [x - (2 * column + 1) / 3 + 1.0, y - (2 * row + 1) / 3 + 1.0]
            # As wide as 64 px, from the centre of the first pixel to that of the last.
            step = 2.0 * 64 / 225 / tile.shape[-1]
            wide = tile[0, 0, -1] - tile[0, 0, 0]
            assert float(wide) == pytest.approx(step * (tile.shape[-1] - 1), abs=0.015)
        gaps += at["order"]
        assert max(map(abs, at["order"])) <= 11 / 225 + 0.01  # 11 px to spare
        assert max(map(abs, at["solved"])) > 0.5 or order == solved  # the inverse will not do
    assert np.std(gaps) == pytest.approx(11 / 225 / math.sqrt(3.0), rel=0.1)


def test_colour_channels_move_apart_but_grey_images_stay_grey(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, puzzle = cut(monkeypatch)
    x, y, both = puzzle.tiles.mean((-2, -1)).unbind(-1)
    apart = (both - x - y).abs()  # two channels' moves against the third's
    farthest_move = 2.0 * 64 / 225 * 2 / 64
    assert float(apart.max()) < 4 * farthest_move + 0.02
    assert float(apart.mean()) > 0.3 * farthest_move
    batch = ramps()
    grey = Batch(batch.images[:, :1].expand(-1, 3, -1, -1), batch.index, batch.mean, batch.std)
    tiles = made().views(grey, Draws(0, 0, batch.index)).tiles
    assert torch.equal(tiles[:, :, 0], tiles[:, :, 2])
    assert not bool(hued(batch.images[:, :1]).any())


def test_three_images_in_ten_are_grey(make_images: Callable[..., Images]) -> None:
    index = torch.arange(300)
    batch = make_images().batch(index % 12, CPU)
    tiles = made().views(batch, Draws(0, 0, index)).tiles
    grey = (tiles[:, :, 0] - tiles[:, :, 2]).abs().amax((1, 2, 3)) < 1e-3
    assert 0.2 < float(grey.float().mean()) < 0.4


def test_tiles_are_normalised_one_by_one() -> None:
    tiles = torch.rand(2, 9, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    got = standardised(tiles, 1 / 255)
    torch.testing.assert_close(got.mean((-2, -1)), torch.zeros(2, 9, 3), atol=1e-5, rtol=0.0)
    torch.testing.assert_close(got.std((-2, -1), correction=0), torch.ones(2, 9, 3))
    factor = torch.rand(2, 9, 3, 1, 1, generator=torch.Generator().manual_seed(1)) + 0.5
    torch.testing.assert_close(standardised(factor * tiles - 0.3, 1 / 255), got, atol=1e-4, rtol=0)
    noise = 0.1 + 1e-4 * tiles
    assert float(standardised(noise, 1 / 255).abs().max()) < 0.02  # black stays black


@pytest.mark.parametrize(("side", "size"), [(32, 16), (45, 16), (67, 16), (128, 32), (512, 128)])
def test_tiles_suit_the_encoder(side: int, size: int, make_images: Callable[..., Images]) -> None:
    index = torch.arange(2)
    batch = make_images(count=3, held_out=1, side=side).batch(index, CPU)
    assert made().views(batch, Draws(0, 0, index)).tiles.shape == (2, 9, 3, size, size)


def test_a_step_is_the_cross_entropy_of_nine_features_side_by_side(images: Images) -> None:
    method, index = made(permutations=20).eval(), torch.arange(6)
    for p in method.classifier.parameters():
        p.data.mul_(10.0)  # so that an untrained network does not answer all puzzles alike
    puzzle = method.views(images.batch(index, CPU), Draws(0, 0, index))

    @torch.no_grad()
    def cross_entropy(order: Callable[[int, int], int], labels: list[int]) -> float:
        errors = []
        for image, label in enumerate(labels):
            alone = [puzzle.tiles[image, order(image, place)][None] for place in range(9)]
            features = [method.tile_layer(pooled(method.encoder(tile)))[0] for tile in alone]
            row = method.classifier(torch.cat(features)[None])[0].double().tolist()
            errors.append(math.log(math.fsum(math.exp(x) for x in row)) - row[label])
        return math.fsum(errors) / len(errors)

    labels = puzzle.label.tolist()
    solved: Tensor = method.permutations[puzzle.label].argsort(dim=1)
    loss = method.loss(puzzle, PROGRESS).item()
    assert loss == pytest.approx(cross_entropy(lambda _, place: place, labels), rel=1e-5)
    for wrong in (
        cross_entropy(lambda image, place: int(solved[image, place]), labels),  # put in order
        cross_entropy(lambda _, place: 8 - place, labels),
        cross_entropy(lambda _, place: place, [(label + 1) % 20 for label in labels]),
    ):
        assert loss != pytest.approx(wrong, rel=1e-4)
