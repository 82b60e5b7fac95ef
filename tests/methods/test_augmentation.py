"""What views go through: a manifest a method, and one recipe for all where a plan says so."""

from dataclasses import asdict, replace

import pytest
import torch

from benchmark import registry
from benchmark.contract.subject import one_batch, pool_for, progress_of
from methods import METHODS
from methods.augmentation import SHARED, Augmentation, chosen, manifest, recipes
from methods.pretrain import build

#: Methods whose views are the image itself, or nothing but what makes the pretext task.
WITHOUT = {"random"}


@pytest.mark.parametrize("name", METHODS)
def test_the_manifest_is_the_configs_augmentations(name: str) -> None:
    config = registry.method(name).Config()
    assert bool(manifest(config)) is (name not in WITHOUT)
    assert manifest(config) == {key: asdict(value) for key, value in recipes(config).items()}


@pytest.mark.parametrize("name", [name for name in METHODS if name not in WITHOUT])
def test_shared_takes_the_place_of_every_recipe_and_of_nothing_else(name: str) -> None:
    cls = registry.method(name)
    own = cls.Config()
    shared = chosen(own, "shared")
    assert chosen(own, "own") is own
    assert set(recipes(shared).values()) == {SHARED}
    assert replace(shared, **recipes(own)) == own


@pytest.mark.parametrize("name", [name for name in METHODS if name not in WITHOUT])
def test_views_change_with_the_recipe(name: str) -> None:
    """The manifest is what is done, not only what is said: another recipe, another loss."""
    cls = registry.method(name)
    images = pool_for(cls)
    batch, draws = one_batch(cls, images)
    losses = []
    for choice in ("own", "shared"):
        method = build(cls, chosen(cls.Config(), choice), "tiny", 3, seed=0)
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(0)
            method.prepare(images)
            losses.append(float(method.eval().loss(method.views(batch, draws), progress_of(cls))))
    # MoCo v2's own recipe is the shared one.
    own = set(recipes(cls.Config()).values())
    assert (losses[0] == losses[1]) is (own == {SHARED})


def test_an_augmentation_does_nothing_unless_told() -> None:
    still = Augmentation()
    assert (still.area, still.flip, still.grey) == ((1.0, 1.0), 0.0, 0.0)
    assert still.jitter_probability == still.blur_probability == 0.0
