"""Validation losses: on which images, how often, and which checkpoint they select."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from methods.base import Images
from methods.errors import ConfigError, DivergedError
from methods.pretrain import pretrain
from tests.methods.probe import BUDGET, checks, probe, steps, two_phases, with_phases


def test_checks_repeat_the_same_held_out_batches(images: Images) -> None:
    method = probe()
    budget = replace(BUDGET, images=160, checks=2)  # 40 steps, so 2 batches a check
    result = pretrain(method, images, budget, seed=0)
    seen = checks(method)
    assert len(seen) == 4
    first, second = seen[:2], seen[2:]
    for a, b in zip(first, second, strict=True):
        assert a.index == b.index
        assert torch.equal(a.numbers, b.numbers)
    assert not torch.equal(first[0].numbers, first[1].numbers)
    assert all(12 <= n < 16 for each in seen for n in each.index)
    assert not any(each.gradient for each in seen)
    assert all(n < 12 for each in steps(method) for n in each.index)
    trained_on = torch.cat([each.numbers for each in steps(method)])
    assert not bool(torch.isin(first[0].numbers, trained_on).any())
    # Checks, the held-out images at each, and before_epoch of 14 passes.
    assert result.images_passed == 4 * 4 + 2 * 4 + 14 * 12


def test_a_checks_batches_are_augmented_differently(make_images: Callable[..., Images]) -> None:
    method = probe()
    pretrain(method, make_images(held_out=1), replace(BUDGET, images=80, checks=1), seed=0)
    one, other = checks(method)
    assert one.index == other.index == [15] * 4  # there is one held-out image
    assert len(torch.cat([one.numbers, other.numbers]).unique()) == 8


def test_checks_are_spread_over_the_run(images: Images) -> None:
    method = probe()
    method.validation = iter([5.0, 4.0, 3.0])
    result = pretrain(method, images, replace(BUDGET, checks=3), seed=0)
    seen = [
        {key: value for key, value in check.items() if key in ("phase", "step", "drawn", "loss")}
        for check in result.history.checks
    ]
    assert seen == [
        {"phase": "pretraining", "step": step, "drawn": 4 * step, "loss": loss}
        for step, loss in ((4, 5.0), (7, 4.0), (10, 3.0))
    ]


def test_a_check_is_the_mean_over_its_batches(images: Images) -> None:
    method = probe()
    method.validation = iter([1.0, 3.0, 8.0])
    result = pretrain(method, images, replace(BUDGET, images=120, checks=1), seed=0)
    assert [check["loss"] for check in result.history.checks] == [4.0]


def test_training_goes_on_in_training_mode_after_a_check(images: Images) -> None:
    method = probe()
    result = pretrain(method, images, replace(BUDGET, checks=10), seed=0)
    assert len(result.history.checks) == len(steps(method)) == 10


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([0.5, 9.0, 3.0, 1.0, 2.0], 3),  # the lowest within the last phase, not of all
        ([0.5, 1.0, 1.0, 1.0, 1.0], 1),  # the first of equals
        ([0.5, math.nan, math.inf, 4.0, 5.0], 3),
    ],
)
def test_the_checkpoint_of_lowest_validation_loss_is_transferred(
    losses: list[float], best: int, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, *two_phases("lowest validation loss"))
    method = probe()
    method.validation = iter(losses)
    result = pretrain(method, images, BUDGET, seed=0)
    at_checks = [seen.weight for seen in checks(method)]
    assert len(set(at_checks)) == 5
    assert method.weight.item() == at_checks[best]
    assert result.transferred == "two, lowest validation loss"


def test_a_phase_without_a_finite_validation_loss_diverged(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, *two_phases("lowest validation loss"))
    method = probe()
    method.validation = iter([0.5, math.nan, math.inf, math.nan, math.nan])
    with pytest.raises(DivergedError, match="no validation loss of probe in the phase 'two'"):
        pretrain(method, images, BUDGET, seed=0)


def test_the_last_checkpoint_stays_whatever_the_validation_loss(images: Images) -> None:
    method = probe()
    method.validation = iter([1.0, 2.0, 3.0, 4.0, 5.0])
    pretrain(method, images, BUDGET, seed=0)
    assert method.weight.item() == checks(method)[-1].weight


def test_without_held_out_images_nothing_can_be_selected(
    make_images: Callable[..., Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, *two_phases("lowest validation loss"))
    with pytest.raises(ConfigError, match=r"probe transfers .* holds none out"):
        pretrain(probe(), make_images(held_out=0), BUDGET, seed=0)
