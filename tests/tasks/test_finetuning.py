"""Fine-tuning on small squares: what each stage trains, in how many steps, and by which seed."""

import math
from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmark.contract.tasks import Blind
from methods.errors import DivergedError
from methods.networks import Encoder, SegmentationDecoder
from tasks import finetuning
from tasks.finetuning import STAGES, FineTuning, finetune
from tasks.labelled import TrainingData
from tasks.segmenter import augmented
from tests.tasks.squares import encoder, same, segmenter, small, train_stage

TWO_STAGES, ONE_STAGE = ("frozen", "finetuned"), ("direct",)


@pytest.mark.parametrize("stages", [TWO_STAGES, ONE_STAGE])
def test_same_seed_same_scores(stages: tuple[str, ...]) -> None:
    data = small()
    runs = []
    for global_seed, seed in ((1, 4), (2, 4), (1, 5)):
        torch.manual_seed(global_seed)
        np.random.seed(global_seed)  # noqa: NPY002  (global state that must not matter)
        before = torch.get_rng_state()
        runs.append(finetune(encoder(), data, stages, seed=seed))
        assert torch.equal(torch.get_rng_state(), before)
    first, again, another = runs
    assert str(again.scores) == str(first.scores)  # NaN does not equal itself
    assert again.facts == first.facts
    for stage in stages:
        assert np.array_equal(first.masks[stage], again.masks[stage])
        assert first.facts[stage]["validation loss"] != another.facts[stage]["validation loss"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("training", [True, False])
def test_the_given_encoder_is_left_as_it_was(precision: str, training: bool) -> None:
    given = encoder().train(training)
    before = deepcopy(given.state_dict())
    finetune(given, small(precision=precision), TWO_STAGES, seed=0)
    assert same(given.state_dict(), before)
    assert given.training == training
    assert given.precision == "float32"
    assert all(p.requires_grad and p.grad is None for p in given.parameters())
    weight = next(p for p in given.parameters() if p.dim() == 4 and p.shape[1] > 1)
    assert weight.is_contiguous()


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_settings_precision_is_used(precision: str, monkeypatch: pytest.MonkeyPatch) -> None:
    types: list[torch.dtype] = []

    def recorded(tuning: FineTuning, *arguments: Any) -> None:  # noqa: ANN401
        both = tuning.segmenter
        for network in (both.encoder.blocks[2], both.decoder.trunk.levels[1]):
            network.register_forward_hook(lambda _, __, out: types.append(out.dtype))
        both.decoder.register_forward_hook(lambda _, __, out: types.append(out.dtype))
        train(tuning, *arguments)

    train = FineTuning.train
    monkeypatch.setattr(FineTuning, "train", recorded)
    finetune(encoder(), small(precision=precision, steps=1), ONE_STAGE, seed=0)
    # Convolutions of encoder and decoder; probabilities, and so losses, are float32 always.
    assert types[:3] == [getattr(torch, precision)] * 2 + [torch.float32]
    assert types == types[:3] * (len(types) // 3)


def test_a_seed_pairs_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    decoders: list[dict[str, Tensor]] = []
    rows: list[list[int]] = []
    views: list[Tensor] = []
    keys: list[tuple[int, int]] = []

    class Recorded(SegmentationDecoder):
        def __init__(self, channels: tuple[int, ...]) -> None:
            super().__init__(channels)
            decoders.append(deepcopy(self.state_dict()))

    def recorded(
        data: TrainingData, chosen: list[int], seed: int, step: int, device: torch.device
    ) -> tuple[Tensor, Tensor]:
        images, truth = augmented(data, chosen, seed, step, device)
        rows.append(chosen)
        keys.append((seed, step))
        views.extend([images.clone(), truth.clone()])
        return images, truth

    monkeypatch.setattr(finetuning, "SegmentationDecoder", Recorded)
    monkeypatch.setattr(finetuning, "augmented", recorded)
    data = small()
    for kind, initialisation, seed in ((Encoder, 0, 3), (Blind, 1, 3), (Encoder, 0, 4)):
        torch.manual_seed(initialisation)
        finetune(encoder(kind, initialisation), data, TWO_STAGES, seed=seed)
    assert len(decoders) == 3
    assert len(rows) == 3 * 6
    assert same(decoders[0], decoders[1])
    assert not same(decoders[0], decoders[2])
    assert rows[:6] == rows[6:12] != rows[12:]
    pairs = list(zip(views[:12], views[12:24], views[24:], strict=True))
    assert all(torch.equal(one, other) for one, other, _ in pairs)
    assert not all(torch.equal(one, other) for one, _, other in pairs)
    # Stages differ in their batches, steps in their views.
    assert rows[:3] != rows[3:6]
    assert [step for _, step in keys] == [0, 1, 2] * 6
    assert len({seed for seed, _ in keys}) == 4
    assert keys[:6] == keys[6:12]


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_stage_trains(stage: str) -> None:
    both = segmenter()
    before = deepcopy(both.state())
    train_stage(both, small(checks=1), stage)
    frozen = stage == "frozen"
    for key, value in both.encoder.state_dict().items():
        # A convolution's bias before batch normalisation changes nothing, so may stay zero.
        if frozen or key.endswith("0.bias"):
            continue
        assert not torch.equal(value, before[0][key]), key
    assert same(both.encoder.state_dict(), before[0]) == frozen
    assert not same(both.decoder.state_dict(), before[1])
    assert int(both.decoder.state_dict()["head.0.1.num_batches_tracked"]) == 3 * STAGES[stage][1]


def test_a_frozen_encoder_is_not_even_differentiated() -> None:
    both = segmenter()
    train_stage(both, small(), "frozen")
    assert all(p.grad is None for p in both.encoder.parameters())
    assert not both.encoder.training


def test_a_stage_starts_where_the_last_ended_with_a_new_optimiser(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stages: list[list[int]] = []
    states: list[tuple[dict[str, Tensor], dict[str, Tensor]]] = []

    class Recorded(torch.optim.Adam):
        def __init__(self, parameters: list[nn.Parameter], lr: float, *, fused: bool) -> None:
            super().__init__(parameters, lr=lr, fused=fused)
            assert lr == 0.02
            stages.append([len(parameters), len(self.state)])

    def recorded(tuning: FineTuning, *arguments: Any) -> None:  # noqa: ANN401
        states.append(deepcopy(tuning.segmenter.state()))
        train(tuning, *arguments)
        states.append(deepcopy(tuning.segmenter.state()))

    train = FineTuning.train
    monkeypatch.setattr(torch.optim, "Adam", Recorded)
    monkeypatch.setattr(FineTuning, "train", recorded)
    finetune(encoder(), small(learning_rate=0.02), TWO_STAGES, seed=0)
    inside, outside = (
        len(list(part.parameters())) for part in (encoder(), SegmentationDecoder((8,) * 5))
    )
    assert stages == [[outside, 0], [outside + inside, 0]]
    assert len(states) == 4
    assert same(states[1][0], states[2][0])
    assert same(states[1][1], states[2][1])


@pytest.mark.parametrize(
    ("stages", "steps"), [(TWO_STAGES, [4, 4]), (ONE_STAGE, [8]), (("frozen",), [4])]
)
def test_direct_takes_the_sum_of_the_steps(stages: tuple[str, ...], steps: list[int]) -> None:
    taken: list[int] = []
    scores = finetune(encoder(), small(steps=4), stages, seed=0, observe=taken.append)
    assert [scores.facts[stage]["steps"] for stage in stages] == steps
    assert taken == [1] * sum(steps)
    assert list(scores.masks) == list(stages)


@pytest.mark.parametrize("stage", STAGES)
def test_a_loss_that_is_no_number(stage: str) -> None:
    both = segmenter()
    with torch.no_grad():
        next(both.encoder.parameters()).fill_(math.nan)
    steps = 3 * STAGES[stage][1]
    with pytest.raises(DivergedError, match=rf"the {stage} loss is nan.* by step 0 of {steps}"):
        train_stage(both, small(steps=3, checks=steps), stage)


@pytest.mark.parametrize(("checks", "found"), [(4, 2), (2, 3), (1, 3)])
def test_a_loss_that_becomes_no_number(
    checks: int, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []

    def broken(prediction: Tensor, target: Tensor) -> Tensor:
        loss = -(prediction * target).mean()
        return loss * math.nan if len(taken) == 6 and prediction.requires_grad else loss

    monkeypatch.setattr(finetuning, "soft_dice_loss", broken)
    data = small(steps=4, checks=checks)
    # Once is enough: the weights are no numbers ever after, and the next check finds them.
    message = rf"the finetuned loss is .*nan.* by step {found} of 4: lower the learning_rate"
    with pytest.raises(DivergedError, match=message):
        finetune(encoder(), data, TWO_STAGES, seed=0, observe=taken.append)
    assert len(taken) == 4 + found + 1


def test_a_validation_loss_that_is_no_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "validation_loss", lambda *_: math.nan)
    with pytest.raises(DivergedError, match="on the validation images nan, by step 0 of 3"):
        train_stage(segmenter(), small(), "frozen")


def test_what_was_spent_is_counted_in_full() -> None:
    """The operations of every step, though only the first of a kind goes through the counter."""
    data = small(steps=3, checks=1)
    spent = finetune(encoder(), data, ONE_STAGE, seed=0).spent
    with FlopCounterMode(display=False) as counter:
        finetune(encoder(), data, ONE_STAGE, seed=0)
    assert spent.steps == 6
    assert spent.forward + spent.backward + spent.aside == counter.get_total_flops()
    # Gradients by weights and by inputs cost a forward pass each, except by the first inputs.
    assert 1.8 < spent.backward / spent.forward <= 2.0
    numbers = (*encoder().parameters(), *SegmentationDecoder(encoder().channels).parameters())
    assert spent.parameters == sum(p.numel() for p in numbers)
