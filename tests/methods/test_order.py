"""Which images are drawn, in which order, and how a budget is cut into phases and batches."""

from dataclasses import replace

import pytest
import torch

from methods.base import Images, Phase
from methods.errors import ConfigError
from methods.order import batch_sizes, order, phase_images, timetable
from methods.pretrain import pretrain
from tests.methods.probe import BUDGET, Probe, probe, steps, with_phases


@pytest.mark.parametrize("budget", [4, 38, 41, 42, 43])
def test_the_last_batch_makes_the_budget_exact(budget: int, images: Images) -> None:
    method, told = probe(), list[int]()
    result = pretrain(method, images, replace(BUDGET, images=budget), seed=0, observe=told.append)
    sizes = [len(seen.index) for seen in steps(method)]
    assert sum(sizes) == result.images_drawn == budget
    assert told == sizes
    assert min(sizes) >= Probe.smallest_batch
    assert all(size == 4 for size in sizes[:-1])


@pytest.mark.parametrize("shares", [(1.0,), (0.2, 0.8), (0.1, 0.2, 0.7), (1 / 3, 1 / 3, 1 / 3)])
@pytest.mark.parametrize("group", [1, 2, 3])
def test_phases_share_a_budget_in_whole_groups(
    shares: tuple[float, ...], group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, *(Phase(str(n), share) for n, share in enumerate(shares)))
    monkeypatch.setattr(Probe, "group", group)
    for budget in range(1, 200):
        counts = phase_images(budget, Probe)
        assert sum(counts) == budget
        assert all(count % group == 0 for count in counts[:-1])
        for count, share in zip(counts, shares, strict=True):
            assert abs(count - share * budget) <= 2 * group


def test_batches_of_broken_groups_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probe, "group", 2)
    with pytest.raises(ConfigError, match=r"probe needs batches .* in groups of 2, not 5"):
        batch_sizes(40, Probe, 5)
    with pytest.raises(ConfigError, match=r"probe draws images in groups of 2, not 41"):
        timetable(Probe, 4, 41)


def test_images_are_drawn_in_the_seeds_order(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = {}
    for name, seed in (("probe", 0), ("another", 0), ("other seed", 1)):
        monkeypatch.setattr(Probe, "name", name)
        method = probe(seed)
        pretrain(method, images, BUDGET, seed=seed)
        drawn[name] = [n for seen in steps(method) for n in seen.index]
    assert drawn["probe"] == drawn["another"]  # so that methods are paired
    assert drawn["probe"] != drawn["other seed"]
    passes = [drawn["probe"][start : start + 12] for start in (0, 12, 24)]
    assert all(sorted(each) == list(range(12)) for each in passes)
    assert passes[0] != passes[1]


def test_replacement_draws_independently() -> None:
    stream = order(3, 50, "replacement")
    drawn = torch.tensor([next(stream) for _ in range(5000)])
    counts = torch.bincount(drawn, minlength=50).double()
    # Poisson-like: an epoch's permutations would give a variance of zero.
    assert 50.0 < float(counts.var()) < 150.0
    assert not torch.equal(drawn[:50], drawn[50:100])
