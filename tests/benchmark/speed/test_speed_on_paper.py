"""What is counted without computing, against hand counts and against a counter that computes."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmark import registry
from benchmark.forecast.probe import Setting, drawn_pool, loss_of
from benchmark.speed.counting import CPU, Step, at_size, finetuning, pretraining, step
from benchmark.speed.gpu import step_row
from benchmark.speed.hollow import LARGE, Cost, Hollow
from benchmark.speed.roofline import Card, terms
from methods.networks import set_precision
from methods.precision import Precision
from methods.pretrain import build


def test_a_product_is_counted_by_hand() -> None:
    a, b = torch.ones(128, 256), torch.ones(256, 512)
    with Hollow() as seen:
        c = a @ b
    assert c.shape == (128, 512)
    moved = 4.0 * (a.numel() + b.numel() + c.numel())
    assert seen.cost == Cost(2.0 * 128 * 256 * 512, moved, moved, 1.0, 0.0)


def test_pointwise_ops_move_bytes_and_are_no_operations_and_looks_are_free() -> None:
    a = torch.ones(LARGE)
    with Hollow() as seen:
        a.view(2, -1).t().add_(1.0)
    assert seen.cost == Cost(0.0, 2.0 * 4 * LARGE, 0.0, 1.0, 0.0)


def test_an_expanded_tensor_takes_what_it_holds() -> None:
    with Hollow() as seen:
        torch.ones(LARGE).sum()
        torch.ones(1).expand(LARGE).sum()
    # Ones are written and read, then the sum is written: twice.
    assert seen.cost.moved == 4 * (LARGE + LARGE + 1) + 4 * (1 + 1 + 1)


def test_small_tensors_keep_their_content_and_large_ones_their_shape() -> None:
    mask = torch.eye(4, dtype=torch.bool)
    with Hollow():
        chosen = torch.arange(16).view(4, 4)[~mask]
        large = torch.ones(4, LARGE)[:, :7].exp()
    assert chosen.tolist() == [1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14]
    assert large.shape == (4, 7)


def test_what_gradients_need_is_kept_once() -> None:
    x = torch.ones(LARGE, requires_grad=True)
    with Hollow() as seen:
        y = x * x
        y.exp().sum().backward()
    # x, once though it is kept twice, and the exponential.
    assert seen.cost.kept == 2 * 4 * LARGE


def test_batch_norm_in_training_reads_twice() -> None:
    norm, x = nn.BatchNorm2d(4), torch.ones(4, 4, 64, 64)
    with Hollow() as seen, torch.no_grad():
        norm(x)
    assert seen.cost.moved == pytest.approx(4 * 3 * x.numel(), rel=1e-2)


@pytest.mark.parametrize("name", ["byol", "simclr", "ld"])
def test_operations_are_those_of_a_computed_step(name: str) -> None:
    cls = registry.method(name)
    config = replace(cls.Config(), batch_size=4)
    _, steps = pretraining(cls, config, Setting("tiny", 48, "float32", CPU))
    method = build(cls, config, "tiny", 3, seed=0)
    images = drawn_pool(4, 3, 48)
    for phase, counted in zip(cls.phases, steps, strict=True):
        make = loss_of(method, phase, images, CPU)
        with FlopCounterMode(display=False) as counter:
            loss = make()
            forward = counter.get_total_flops()
            loss.backward()
        assert counted.forward.operations == pytest.approx(forward, rel=1e-3)
        assert counted.whole.operations == pytest.approx(counter.get_total_flops(), rel=1e-3)


def test_cost_grows_with_pixels_and_bfloat16_halves_what_convolutions_move() -> None:
    cls = registry.method("simclr")
    config = replace(cls.Config(), batch_size=4)

    def whole(size: int, precision: Precision) -> Cost:
        method = build(cls, config, "tiny", 3, seed=0)
        set_precision(method, precision)
        return step(method, cls.phases[0], at_size(drawn_pool(4, 3, 32), 4, size)).whole

    small, middle, large = (whole(size, "float32") for size in (128, 256, 512))
    assert large.operations / small.operations == pytest.approx(16, rel=0.01)
    # Heads and the optimiser move as much at any size.
    grown = (large.moved - middle.moved) / (middle.moved - small.moved)
    assert grown == pytest.approx(4, rel=0.01)
    assert large.kernels == small.kernels
    assert whole(512, "bfloat16").least / large.least == pytest.approx(0.5, abs=0.03)


def test_a_frozen_encoder_spares_its_gradients() -> None:
    setting = Setting("tiny", 64, "float32", CPU)
    frozen, everything = (finetuning(setting, 2, trainable=trains) for trains in (False, True))
    assert frozen.forward.operations == everything.forward.operations
    assert frozen.whole.operations < everything.whole.operations
    assert frozen.whole.kept < everything.whole.kept


def test_the_largest_term_binds() -> None:
    card = Card(peak=100.0, efficiency=0.5, bandwidth=10.0, launch=1.0)
    cost = Cost(operations=100.0, moved=50.0, least=10.0, kernels=3.0)
    found = terms(cost, card)
    assert found == (2.0, 5.0, 1.0, 3.0)
    assert (found.binding, found.slow, found.fast) == ("memory", 8.0, 2.0)
    assert step_row("x", Step(8, cost, cost), card)[-2:] == ["memory", "1 to 4"]


@pytest.mark.parametrize("wrong", [{"efficiency": 1.5}, {"peak": 0.0}, {"launch": -1.0}])
def test_impossible_cards_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Card(**wrong)
