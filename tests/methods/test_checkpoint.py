"""A training that is cut off and goes on ends where an undisturbed one does, to the bit."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch

from benchmark import registry
from methods.base import Budget, Images, Method, Pretrained
from methods.checkpoint import Checkpoint, Checkpoints, every, moments, put_moments_back, tensors_of
from methods.pretrain import build, pretrain
from methods.simclr import SimCLR
from methods.training import Training

#: One phase, and two with a choice of checkpoint; the contract asks every method.
TRIED = ("simclr", "ld")
#: Two passes over twelve images, a short last batch, and a check at every other step.
BUDGET = Budget(images=44, checks=3)
#: Two steps of LD's first phase, and eight of its second.
LONGER = Budget(images=76, checks=4)


def made(name: str) -> Method[Any]:
    cls = registry.method(name)
    return build(cls, replace(cls.Config(), batch_size=8), "tiny", 3, seed=0)


def kept_at_every_step(
    name: str, images: Images, budget: Budget = BUDGET
) -> tuple[Pretrained, list[Checkpoint]]:
    kept: list[Checkpoint] = []
    result = pretrain(
        made(name), images, budget, seed=0, checkpoints=Checkpoints(kept.append, due=every(1))
    )
    return result, kept


def same(one: Pretrained, other: Pretrained) -> bool:
    a, b = tensors_of(one.model), tensors_of(other.model)
    assert a.keys() == b.keys()
    return (
        all(torch.equal(a[key], b[key]) for key in a)
        and one.history == other.history
        and (one.images_drawn, one.images_passed) == (other.images_drawn, other.images_passed)
        and one.transferred == other.transferred
    )


@pytest.mark.parametrize("name", TRIED)
def test_going_on_from_any_step_ends_in_the_same_bits(name: str, images: Images) -> None:
    whole, kept = kept_at_every_step(name, images)
    assert len(kept) >= 5
    for checkpoint in kept:
        # What a file would hold: plain values and tensors, nothing else.
        start = Checkpoint(dict(checkpoint.tensors), json.loads(json.dumps(checkpoint.values)))
        torch.manual_seed(99)
        again = pretrain(
            made(name),
            images,
            BUDGET,
            seed=0,
            checkpoints=Checkpoints(lambda _: None, due=every(1000), start=start),
        )
        assert same(whole, again), f"resumed at step {checkpoint.values['step']}"


def test_checkpoints_are_not_changed_by_the_training_that_goes_on(images: Images) -> None:
    _, kept = kept_at_every_step("simclr", images)
    weights = [checkpoint.tensors["method/encoder.blocks.0.0.0.weight"] for checkpoint in kept]
    assert all(not torch.equal(a, b) for a, b in pairwise(weights))
    assert [len(checkpoint.values["losses"]) for checkpoint in kept] == list(range(1, 7))


def never(step: int) -> bool:
    return False


def stopped(
    name: str, images: Images, until: int | None, start: Checkpoint | None
) -> tuple[Pretrained, list[Checkpoint], list[int]]:
    """A training until so many images were drawn, what it kept and what it observed."""
    kept: list[Checkpoint] = []
    seen: list[int] = []
    torch.manual_seed(99)
    result = pretrain(
        made(name),
        images,
        LONGER,
        seed=0,
        observe=seen.append,
        checkpoints=Checkpoints(kept.append, due=never, start=start),
        until=until,
    )
    return result, kept, seen


@pytest.mark.parametrize("name", TRIED)
def test_a_stopped_training_goes_on_to_the_same_bits(name: str, images: Images) -> None:
    whole, every_step = kept_at_every_step(name, images, LONGER)
    drawn = [checkpoint.values["drawn"] for checkpoint in every_step]
    phases = [checkpoint.values["phase"] for checkpoint in every_step]
    assert phases == ([0] * 2 + [1] * 8 if name == "ld" else [0] * 10)
    # Inside both phases, at the border between them, and a step before the end.
    for step in (0, 1, 2, 5, 8):
        count = drawn[step]
        short, (left,), seen = stopped(name, images, count, None)
        assert sum(seen) == count
        assert short.transferred == f"stopped at {count} images"
        assert (short.images_drawn, short.spent.steps) == (count, step + 1)
        assert len(short.history.losses) == step + 1
        assert not short.model.training
        # The checkpoint is that of an undisturbed run, of before the recalibration.
        assert left.values == every_step[step].values
        assert left.tensors.keys() == every_step[step].tensors.keys()
        assert all(torch.equal(left.tensors[k], v) for k, v in every_step[step].tensors.items())
        for key, value in short.model.named_parameters():
            assert torch.equal(value, left.tensors[f"method/{key}"])
        again, kept, seen = stopped(name, images, None, left)
        assert same(whole, again)
        assert again.spent == whole.spent
        assert (kept, sum(seen)) == ([], drawn[-1] - count)


@pytest.mark.parametrize("name", TRIED)
def test_a_training_stopped_many_times_ends_in_the_same_bits(name: str, images: Images) -> None:
    whole, every_step = kept_at_every_step(name, images, LONGER)
    start: Checkpoint | None = None
    for until in (1, 9, 17, 50, 60):
        _, kept, _ = stopped(name, images, until, start)
        start = kept[-1] if kept else start
        assert start is not None
        reached = [c.values["drawn"] for c in every_step if c.values["drawn"] >= until]
        assert start.values["drawn"] == reached[0]
    assert same(whole, stopped(name, images, LONGER.images, start)[0])


@pytest.mark.parametrize("name", TRIED)
def test_a_start_that_is_far_enough_is_not_trained_further(name: str, images: Images) -> None:
    short, (left,), _ = stopped(name, images, 17, None)
    for until in (1, 17, left.values["drawn"]):
        again, kept, seen = stopped(name, images, until, left)
        assert (kept, seen) == ([], [])
        assert same(short, again)
        assert again.spent == short.spent


@pytest.mark.parametrize("until", [73, 76, 1000])
def test_a_limit_beyond_the_last_step_changes_nothing(until: int, images: Images) -> None:
    whole, _ = kept_at_every_step("ld", images, LONGER)
    result, kept, _ = stopped("ld", images, until, None)
    assert same(whole, result)
    assert result.transferred == "local discrimination, lowest validation loss"
    assert kept == []


def test_a_training_stops_without_anybody_to_keep_a_checkpoint(images: Images) -> None:
    short = pretrain(made("simclr"), images, LONGER, seed=0, until=9)
    assert same(short, stopped("simclr", images, 9, None)[0])
    assert len(short.history.losses) == 2


def test_what_a_stopped_training_returns_is_recalibrated(images: Images) -> None:
    short, (left,), _ = stopped("simclr", images, 9, None)
    name = "encoder.blocks.0.0.1.running_mean"
    assert not torch.equal(dict(short.model.named_buffers())[name], left.tensors[f"method/{name}"])


@pytest.mark.parametrize("part", ["method", "optimiser", "generator", "position"])
def test_every_part_of_a_checkpoint_counts(
    part: str, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaving a part out is noticed: by another result or an error."""

    def loss(self: SimCLR, *arguments: Any) -> Any:  # noqa: ANN401
        # A method that draws from the global generator in its loss.
        return real(self, *arguments) * (1.0 + 0.1 * torch.rand(()))

    real = SimCLR.loss
    monkeypatch.setattr(SimCLR, "loss", loss)
    whole, kept = kept_at_every_step("simclr", images)
    taken = kept[2]
    fresh = Training(made("simclr"), images, BUDGET, 0)
    fresh.optimiser = fresh.adam(fresh.method.phases[0])
    nothing = fresh.checkpoint()
    tensors = {
        key: (nothing if key.startswith(part) else taken).tensors.get(key, value)
        for key, value in taken.tensors.items()
        if not (key.startswith(part) and key not in nothing.tensors)
    }
    values = dict(nothing.values if part == "position" else taken.values)
    start = Checkpoint(tensors, values)
    again = pretrain(
        made("simclr"),
        images,
        BUDGET,
        seed=0,
        checkpoints=Checkpoints(lambda _: None, due=every(1000), start=start),
    )
    assert not same(whole, again)


def test_another_methods_checkpoint_is_refused(images: Images) -> None:
    _, kept = kept_at_every_step("simclr", images)
    with pytest.raises(ValueError, match="another method or settings"):
        pretrain(
            made("byol"),
            images,
            BUDGET,
            seed=0,
            checkpoints=Checkpoints(lambda _: None, due=every(1), start=kept[0]),
        )


def test_the_best_weights_so_far_survive(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    """LD transfers its best checkpoint, which may lie before the interruption."""
    losses = iter([9.0, 1.0, 2.0, 3.0] * 20)
    real: Callable[..., float] = Training.check

    def check(self: Training, progress: Any) -> float:  # noqa: ANN401
        real(self, progress)
        return next(losses)

    monkeypatch.setattr(Training, "check", check)
    cls = registry.method("ld")
    kept: list[Checkpoint] = []
    budget = Budget(images=48, checks=4)

    def run(checkpoints: Checkpoints) -> Pretrained:
        method = build(cls, replace(cls.Config(), batch_size=8), "tiny", 3, seed=0)
        return pretrain(method, images, budget, seed=0, checkpoints=checkpoints)

    whole = run(Checkpoints(kept.append, due=every(1)))
    losses = iter([2.0, 3.0] * 20)
    late = next(c for c in reversed(kept) if c.values["best_loss"] == 1.0)
    again = run(Checkpoints(lambda _: None, due=every(1000), start=late))
    assert same(whole, again)


def test_moments_come_back_in_the_layout_of_their_weights() -> None:
    """A file does not keep it, and kernels may add up in another order in another one."""
    layer = torch.nn.Conv2d(4, 4, 3).to(memory_format=torch.channels_last)
    first, second = torch.optim.Adam(layer.parameters()), torch.optim.Adam(layer.parameters())
    layer(torch.ones(1, 4, 8, 8)).sum().backward()
    first.step()
    put_moments_back(second, {name: each.contiguous() for name, each in moments(first).items()})
    for name in ("exp_avg", "exp_avg_sq"):
        back, known = second.state[layer.weight][name], first.state[layer.weight][name]
        assert torch.equal(back, known)
        assert back.stride() == known.stride() == layer.weight.stride()
