"""Random numbers depend on what they are for, not on when or where they are asked for."""

import numpy as np
import pytest
import torch
from scipy import stats

from methods.draws import Draws, derive_seed

INDEX = torch.tensor([3, 1, 4, 15, 9, 2, 6])


def test_a_number_does_not_depend_on_the_place_in_the_batch() -> None:
    whole = Draws(0, 5, INDEX).uniform("flip", shape=(3,))
    order = torch.tensor([6, 0, 2])
    assert torch.equal(Draws(0, 5, INDEX[order]).uniform("flip", shape=(3,)), whole[order])
    assert torch.equal(Draws(0, 5, INDEX).part(slice(2, 5)).uniform("flip", shape=(3,)), whole[2:5])


@pytest.mark.parametrize(
    "other",
    [
        Draws(1, 5, INDEX),
        Draws(0, 6, INDEX),
        Draws(0, 5, INDEX + 1),
        Draws(0, 5, INDEX, torch.ones_like(INDEX)),
        Draws(0, 5, INDEX).named("second"),
    ],
    ids=["seed", "step", "image", "occurrence", "purpose"],
)
def test_everything_else_changes_it(other: Draws) -> None:
    first = Draws(0, 5, INDEX).uniform("flip")
    assert not torch.isclose(other.uniform("flip"), first, atol=1e-6).any()
    assert not torch.isclose(other.uniform("flop"), first, atol=1e-6).any()


def test_uniform_and_normal_numbers_are_distributed_as_they_say() -> None:
    draws = Draws(0, 0, torch.arange(200))
    unit = draws.uniform("u", shape=(50,)).flatten()
    assert float(unit.min()) >= 0.0
    assert float(unit.max()) < 1.0
    assert stats.kstest(unit.numpy(), "uniform").pvalue > 0.01
    normal = draws.normal("n", shape=(50,)).flatten()
    assert stats.kstest(normal.numpy(), "norm").pvalue > 0.01
    across = stats.pearsonr(unit[:-1].numpy(), unit[1:].numpy())
    assert abs(across.statistic) < 0.03


def test_integers_cover_their_range_evenly() -> None:
    counts = torch.bincount(Draws(0, 0, torch.arange(4000)).integers("turns", 4), minlength=4)
    assert len(counts) == 4
    assert stats.chisquare(counts.numpy()).pvalue > 0.01


def test_permutations_are_permutations() -> None:
    order = Draws(0, 0, INDEX).permutations("order", 9)
    assert torch.equal(order.sort(dim=1).values, torch.arange(9).expand(len(INDEX), 9))


def test_seeds_are_named_and_stable() -> None:
    assert derive_seed(0, "order", 1) != derive_seed(0, "order", 2)
    assert derive_seed(0, "order") == 7990785514659823761


def test_rounding_never_reaches_the_upper_end(monkeypatch: pytest.MonkeyPatch) -> None:
    most = np.full((1, 1), 2**64 - 1, dtype=np.uint64)
    monkeypatch.setattr(Draws, "bits", lambda *_: most)
    draws = Draws(0, 0, torch.tensor([0]))
    for low, high in ((0.0, 1.0), (0.8, 1.2), (-180.0, 180.0), (100.0, 100.5), (-1.0, 0.0)):
        value = float(draws.uniform("u", low, high))
        assert low <= value < high
        assert value > high - 1e-6 * max(abs(low), abs(high))
    assert float(draws.uniform("u", 0.3, 0.3)) == pytest.approx(0.3)
    assert bool(draws.normal("n").isfinite())


def test_the_same_numbers_elsewhere() -> None:
    draws = Draws(0, 0, torch.arange(3), device=torch.device("meta"))
    here = draws.on(torch.device("cpu"))
    assert (draws.uniform("x").device.type, here.uniform("x").device.type) == ("meta", "cpu")
    assert torch.equal(here.uniform("x"), Draws(0, 0, torch.arange(3)).uniform("x"))


def test_several_purposes_are_those_of_each_one_after_another() -> None:
    draws = Draws(1, 2, torch.tensor([5, 3, 5]), torch.tensor([0, 0, 1])).named("outer")
    both = draws.each(("a", "b"))
    assert len(both) == 6
    for name, block in zip(("a", "b"), both.uniform("x", shape=(2,)).split(3), strict=True):
        assert torch.equal(block, draws.named(name).uniform("x", shape=(2,)))
    inner = both.named("c").permutations("y", 4)
    assert torch.equal(inner[3:], draws.named("b").named("c").permutations("y", 4))
