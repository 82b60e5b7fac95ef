"""Landmarks are scored as said, by supports that everybody has."""

import math
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from methods.errors import DivergedError
from methods.networks import Encoder
from tasks.base import NORMALISATION
from tasks.landmarks import CENTRE, EMBEDDING, FACTS, FEATURES, MAPS, RIVALS, SUPPORT, TEMPLATE
from tasks.landmarks.data import LandmarkData, LandmarkSettings, Placed
from tasks.landmarks.scoring import METRICS, localise, supports_of


class Colours(nn.Module):
    """Gives each pixel its colour, a direction of its own: what a perfect embedding sees."""

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        return images


def painted(count: int, size: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Grey images with a red blob each, and where it is."""
    rng = np.random.default_rng(3)
    points = rng.uniform(0.25, 0.75, (count, 2))
    v, u = (np.mgrid[:size, :size] + 0.5) / size
    images = np.empty((count, 3, size, size), dtype=np.uint8)
    for image, (x, y) in zip(images, points, strict=True):
        blob = np.exp(-((u - x) ** 2 + (v - y) ** 2) / (2 * 0.08**2))
        noise = rng.uniform(0.0, 12.0, (3, size, size))
        image[:] = noise + 100.0 + np.array([140.0, -90.0, -90.0])[:, None, None] * blob
    return images, points


@pytest.fixture(scope="module")
def data() -> LandmarkData:
    images, points = painted(9)
    train = Placed(tuple("abcde"), images[:5], points[:5])
    test = Placed(tuple("wxyz"), images[5:], points[5:])
    settings = LandmarkSettings(size=32, supports=3, window=0.05, windows=(0.02, 0.3))
    return LandmarkData(train, test, NORMALISATION["fundus"], "m", settings, "real", "odd")


@pytest.fixture(scope="module")
def given() -> SimpleNamespace:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return SimpleNamespace(encoder=Encoder("tiny", 3), model=Colours())


def errors(scores: Any, stage: str, metric: str = "radial_error_px") -> list[float]:  # noqa: ANN401
    return [one.value for one in scores.scores if (one.stage, one.metric) == (stage, metric)]


def test_sight_finds_what_blindness_does_not(data: LandmarkData, given: SimpleNamespace) -> None:
    stages = (EMBEDDING, FEATURES, TEMPLATE, CENTRE)
    scores = localise(given, data, stages, seed=0)
    centre = errors(scores, CENTRE)
    expected = 512.0 * np.linalg.norm(data.test.points - 0.5, axis=1)
    np.testing.assert_allclose(centre, expected)
    assert max(errors(scores, EMBEDDING)) < 512 * 0.08
    assert np.mean(errors(scores, TEMPLATE)) < np.mean(centre) / 2
    assert np.mean(errors(scores, FEATURES)) < np.mean(centre)
    # A window of a third of the image sees no blob any more.
    by_window = scores.facts[FACTS]["stages"][EMBEDDING]["by window"]
    assert by_window["0.3"] > by_window["0.05"]
    assert set(scores.pictures) == {*MAPS.values(), SUPPORT}
    assert scores.pictures[MAPS[EMBEDDING]].shape == (4 * 32, 32, 3)


def test_scores_are_means_over_supports(data: LandmarkData, given: SimpleNamespace) -> None:
    scores = localise(given, data, (EMBEDDING,), seed=0)
    assert [one.metric for one in scores.scores[: len(METRICS)]] == list(METRICS)
    pixels, shares = errors(scores, EMBEDDING), errors(scores, EMBEDDING, "radial_error")
    np.testing.assert_allclose(pixels, 512.0 * np.array(shares))
    told = scores.facts[FACTS]["stages"][EMBEDDING]
    assert len(told["by support"]) == 3
    assert np.mean(told["by support"]) == pytest.approx(np.mean(pixels), rel=1e-4)
    assert told["by window"]["0.05"] == pytest.approx(np.mean(pixels), rel=1e-4)
    for image, radius in ((0, 2), (1, 5), (2, 10)):
        within = errors(scores, EMBEDDING, f"success_{radius}")[image]
        assert within * 3 == pytest.approx(round(within * 3))
    ordered = [errors(scores, EMBEDDING, f"success_{radius}") for radius in (2, 5, 10)]
    assert (np.diff(ordered, axis=0) >= 0.0).all()
    # One support alone gives its own column of the mean.
    first = data.train.ids.index(scores.facts[FACTS]["supports"][0])
    train = Placed(("a",), data.train.images[[first]], data.train.points[[first]])
    lone = replace(data, train=train, settings=replace(data.settings, supports=1))
    alone = localise(given, lone, (EMBEDDING,), seed=0)
    assert np.mean(errors(alone, EMBEDDING)) == pytest.approx(told["by support"][0], rel=1e-4)


def test_the_same_seed_gives_the_same_supports_to_everybody(
    data: LandmarkData, given: SimpleNamespace
) -> None:
    one, same, other = (localise(given, data, (FEATURES,), seed=seed) for seed in (0, 0, 4))
    assert one.scores == same.scores
    rivals = localise(None, data, RIVALS, seed=0)
    assert rivals.facts[FACTS]["supports"] == one.facts[FACTS]["supports"]
    assert other.facts[FACTS]["supports"] != one.facts[FACTS]["supports"]
    assert len(set(one.facts[FACTS]["supports"])) == 3


def test_nothing_is_changed_and_limits_are_looked_at(
    data: LandmarkData, given: SimpleNamespace
) -> None:
    given.encoder.train()
    before = {name: value.clone() for name, value in given.encoder.state_dict().items()}
    looks: list[int] = []
    localise(given, data, (FEATURES,), seed=0, observe=looks.append)
    assert looks == [0] * len(data.test)
    assert given.encoder.training
    after = given.encoder.state_dict()
    assert all(torch.equal(value, before[name]) for name, value in after.items())


def test_test_images_serve_for_nothing_else(data: LandmarkData, given: SimpleNamespace) -> None:
    """What is found in one test image does not depend on the others."""
    part = replace(data, test=Placed(("x",), data.test.images[1:2], data.test.points[1:2]))
    whole, one = (localise(given, each, (FEATURES,), seed=0) for each in (data, part))
    assert errors(one, FEATURES)[0] == pytest.approx(errors(whole, FEATURES)[1], rel=1e-6)


def test_too_few_images_for_the_supports_are_said(data: LandmarkData) -> None:
    more = replace(data, settings=replace(data.settings, supports=6))
    with pytest.raises(ValueError, match="6 support images are asked for, and 5 train"):
        supports_of(more, 0)


def test_vectors_that_are_no_numbers_are_a_failure(data: LandmarkData) -> None:
    class Broken(Colours):
        def embed(self, images: torch.Tensor) -> torch.Tensor:
            return images * math.nan

    broken = SimpleNamespace(encoder=Encoder("tiny", 3), model=Broken())
    with pytest.raises(DivergedError, match="not finite"):
        localise(broken, data, (EMBEDDING,), seed=0)


def test_a_model_without_an_embedding_has_none(data: LandmarkData) -> None:
    plain = SimpleNamespace(encoder=Encoder("tiny", 3), model=nn.Identity())
    with pytest.raises(TypeError, match="Identity has no dense embedding"):
        localise(plain, data, (EMBEDDING,), seed=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"size": 16}, "size must lie in 32 to 512"),
        ({"supports": 0}, "supports must be at least 1"),
        ({"window": 0.0}, "a window must lie in"),
        ({"windows": (0.1, 2.0)}, "a window must lie in"),
    ],
)
def test_settings_that_mean_nothing_are_refused(
    changes: dict[str, Any], message: str, make_settings: Callable[..., LandmarkSettings]
) -> None:
    with pytest.raises(ValueError, match=message):
        make_settings(**changes)


@pytest.fixture
def make_settings() -> Callable[..., LandmarkSettings]:
    return LandmarkSettings
