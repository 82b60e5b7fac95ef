"""The loop around a method that costs nothing: its optimiser, phases, hooks and outcome."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from methods.base import Batch, Budget, Images, Phase, Pretrained, Progress
from methods.errors import DivergedError
from methods.networks import Encoder
from methods.pretrain import build, pretrain
from methods.schedules import Halving, constant, cosine
from tests.methods.probe import BUDGET, Probe, ProbeConfig, probe, steps, two_phases, with_phases

CPU = torch.device("cpu")


def adam_by_hand(rates: list[float], decay: float) -> float:
    """Kingma and Ba, ICLR 2015, algorithm 1, on (w - 3)^2 with an L2 penalty."""
    w = m = v = 0.0
    for t, rate in enumerate(rates, start=1):
        g = 2.0 * (w - 3.0) + decay * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w -= rate * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w


@pytest.mark.parametrize("decay", [constant, cosine, Halving(4)])
def test_the_optimiser_is_adam_with_the_configs_numbers(
    decay: Callable[[float], float], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, Phase("pretraining", decay=decay))
    method = probe(learning_rate=0.3, weight_decay=0.5)
    pretrain(method, images, BUDGET, seed=0)
    rates = [0.3 * decay(step / 10) for step in range(10)]
    assert method.weight.item() == pytest.approx(adam_by_hand(rates, 0.5), rel=1e-5)
    assert method.weight.item() != pytest.approx(adam_by_hand(rates, 0.0), rel=1e-2)


def test_each_phase_starts_a_new_adam(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    with_phases(monkeypatch, Phase("one", 0.5), Phase("two", 0.5))
    method = probe(learning_rate=0.3)
    pretrain(method, images, BUDGET, seed=0)
    # A new Adam's first step has the length of the rate, whatever the gradient.
    moves = [
        later.weight - sooner.weight
        for sooner, later in zip(steps(method)[:-1], steps(method)[1:], strict=True)
    ]
    assert [abs(move) == pytest.approx(0.3, rel=1e-4) for move in moves].count(True) >= 2
    assert abs(moves[0]) == pytest.approx(0.3, rel=1e-4)
    assert abs(moves[5]) == pytest.approx(0.3, rel=1e-4)
    assert abs(moves[4]) != pytest.approx(0.3, rel=1e-2)


def test_a_group_may_have_a_rate_and_a_decay_of_its_own(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, Phase("pretraining", decay=cosine))
    rates: list[list[float]] = []
    real = torch.optim.Adam.step

    def step(self: torch.optim.Adam, closure: None = None) -> None:
        rates.append([group["lr"] for group in self.param_groups])
        real(self, closure)

    def param_groups(self: Probe, phase: str) -> list[dict[str, Any]]:
        assert phase == "pretraining"
        return [
            {"params": [self.weight], "decay": constant},
            {"params": [self.head.weight], "lr": 0.05},
            {"params": [self.head.bias], "lr": 0.02, "decay": Halving(2)},
        ]

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    monkeypatch.setattr(Probe, "param_groups", param_groups)
    method = probe(learning_rate=0.3)
    pretrain(method, images, BUDGET, seed=0)
    assert method.weight.item() == pytest.approx(adam_by_hand([0.3] * 10, 0.0), rel=1e-5)
    for n, got in enumerate(rates):
        assert got == [0.3, 0.05 * cosine(n / 10), 0.02 * Halving(2)(n / 10)]
    assert len(rates) == 10


def test_hooks_are_called_in_order(images: Images) -> None:
    method = probe(batch_size=6)  # 12 training images: an epoch is two steps
    result = pretrain(method, images, replace(BUDGET, images=24, checks=1), seed=0)
    expected = ["epoch", "step", "after 0", "step", "after 1"]
    expected += ["epoch", "step", "after 2", "step", "after 3"]
    assert method.events == expected
    validated = 6 + 4  # one batch, and the held-out images once
    assert result.images_passed == 2 * 12 + validated


def test_phases_follow_each_other(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    with_phases(monkeypatch, *two_phases("last"))
    method = probe()
    result = pretrain(method, images, BUDGET, seed=0)
    progress = [seen.progress for seen in steps(method)]
    assert progress == [Progress("one", n, 2) for n in range(2)] + [
        Progress("two", n, 8) for n in range(8)
    ]
    assert [p.fraction for p in progress[2:]] == [n / 8 for n in range(8)]
    assert result.transferred == "two, last"
    assert len(result.history.losses) == 10


def test_every_step_and_every_copy_is_augmented_anew(
    make_images: Callable[..., Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Probe, "sampling", "replacement")
    method = probe(batch_size=8)
    pretrain(method, make_images(count=4, held_out=1), BUDGET, seed=0)
    numbers = torch.cat([seen.numbers for seen in steps(method)])
    assert len(numbers) == 40  # of three images, so each batch holds copies
    assert len(numbers.unique()) == 40


@pytest.mark.parametrize("bad", [0, 49, 50, 57])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_diverged_loss_names_its_step(
    bad: int, value: float, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Probe.loss

    def loss(self: Probe, views: Batch, progress: Progress) -> Tensor:
        out = real(self, views, progress)
        return out * value if progress.step == bad else out

    monkeypatch.setattr(Probe, "loss", loss)
    with pytest.raises(DivergedError, match=f"probe is -?(nan|inf) at step {bad} of 60: lower"):
        pretrain(probe(), images, replace(BUDGET, images=240, checks=1), seed=0)


def test_building_and_training_leave_the_global_generator_alone(images: Images) -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = probe()
    pretrain(first, images, BUDGET, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(6)
    again, other = probe(), probe(seed=1)
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_heads_do_not_depend_on_the_encoders_size() -> None:
    heads = []
    for width in ("tiny", "small"):
        method = build(Probe, ProbeConfig(), width, 1, seed=4)
        assert isinstance(method, Probe)
        heads.append(method.head.weight)
    assert torch.equal(*heads)


def norms(encoder: nn.Module) -> list[nn.BatchNorm2d]:
    return [part for part in encoder.modules() if isinstance(part, nn.BatchNorm2d)]


def outcome(images: Images, **settings: Any) -> Pretrained:  # noqa: ANN401
    return pretrain(probe(), images, replace(BUDGET, **settings), seed=0)


def test_statistics_as_trained_are_left_alone(images: Images) -> None:
    result = outcome(images, statistics="trained")
    for norm in norms(result.encoder):  # the probe never runs its encoder
        assert not bool(norm.running_mean.any())  # type: ignore[union-attr]
    assert not result.encoder.training
    assert not result.model.training


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_budgets_precision_reaches_the_encoder(precision: str, images: Images) -> None:
    encoder = outcome(images, precision=precision).encoder
    assert encoder.precision == precision
    assert encoder(torch.zeros(1, 3, 16, 16))[0].dtype == getattr(torch, precision)
    assert all(parameter.dtype == torch.float32 for parameter in encoder.parameters())


def test_a_transferred_encoder_loads_into_a_fresh_one(images: Images) -> None:
    encoder = outcome(images, statistics="recalibrated").encoder
    fresh = Encoder("tiny", 3)
    fresh.load_state_dict(encoder.state_dict(), strict=True)
    batch = images.batch(torch.arange(4), CPU)
    inputs = batch.normalised(batch.images)
    for a, b in zip(encoder(inputs), fresh.eval()(inputs), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("images_drawn", "checks_made"), [(0, 1), (-4, 1), (4, 0)])
def test_an_empty_budget_is_refused(images_drawn: int, checks_made: int) -> None:
    with pytest.raises(ValueError, match=f"not {images_drawn} images and {checks_made} checks"):
        Budget(images=images_drawn, checks=checks_made)
