"""The control trains nothing, draws nothing, and differs from its start by statistics alone."""

import torch

from methods.base import Batch, Budget, Draws, History, Images, Progress
from methods.pretrain import build, pretrain
from methods.random import RandomInitialisation
from methods.statistics import recalibrate


def made(seed: int = 0) -> RandomInitialisation:
    config = RandomInitialisation.Config()
    method = build(RandomInitialisation, config, "tiny", 3, seed=seed)
    assert isinstance(method, RandomInitialisation)
    return method


def test_nothing_happens_but_calibration(images: Images) -> None:
    told: list[int] = []
    result = pretrain(made(), images, Budget(images=100), seed=0, observe=told.append)
    expected = made().encoder
    passed = recalibrate(expected, images, torch.device("cpu"))
    assert result.history == History()
    assert not told
    assert (result.images_drawn, result.images_passed) == (0, passed)
    assert result.transferred == "initialisation"
    found = result.encoder.state_dict()
    assert all(torch.equal(found[key], value) for key, value in expected.state_dict().items())


def test_nothing_at_all_happens_to_statistics_as_trained(images: Images) -> None:
    result = pretrain(made(), images, Budget(images=100, statistics="trained"), seed=0)
    start = made().encoder.state_dict()
    found = result.encoder.state_dict()
    assert all(torch.equal(found[key], start[key]) for key in start)
    assert not result.encoder.training


def test_seeds_give_different_controls() -> None:
    one, other = made(0).encoder, made(1).encoder
    assert not torch.equal(one.blocks[0][0][0].weight, other.blocks[0][0][0].weight)  # type: ignore[index]


def test_its_loss_is_a_constant(images: Images) -> None:
    index = torch.arange(2)
    batch = images.batch(index, torch.device("cpu"))
    views = made().views(batch, Draws(0, 0, index))
    assert isinstance(views, Batch)
    assert made().loss(views, Progress("", 0, 1)).item() == 0.0
