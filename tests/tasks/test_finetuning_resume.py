"""Checks of a fine-tuning, the checkpoint that it keeps, and going on from any step."""

import json

import numpy as np
import pytest
import torch
from torch import Tensor

from methods.checkpoint import Checkpoint, Checkpoints, every
from tasks import finetuning
from tasks.finetuning import STAGES, finetune
from tasks.labelled import TrainingData
from tasks.segmenter import Segmenter
from tasks.selection import SELECTIONS
from tests.tasks.squares import encoder, same, segmenter, small, train_stage

TWO_STAGES, ONE_STAGE = ("frozen", "finetuned"), ("direct",)


@pytest.mark.parametrize("stage", STAGES)
def test_the_checkpoint_of_lowest_validation_loss_is_kept(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([-0.2, -0.5, -0.3, -0.5, -0.1, -0.4])
    seen: list[tuple[dict[str, Tensor], dict[str, Tensor]]] = []

    def scripted(both: Segmenter, data: TrainingData, device: torch.device) -> float:
        seen.append(both.state())
        return next(losses)

    monkeypatch.setattr(finetuning, "validation_loss", scripted)
    both = segmenter()
    steps = 12 // STAGES[stage][1]
    tuning = train_stage(both, small(steps=steps, checks=6), stage)
    assert (tuning.steps, tuning.best_step, tuning.best_loss) == (12, 4, -0.5)
    assert len(seen) == 6
    assert same(both.encoder.state_dict(), seen[1][0])
    assert same(both.decoder.state_dict(), seen[1][1])
    assert not same(both.decoder.state_dict(), seen[3][1])


@pytest.mark.parametrize(
    ("steps", "checks", "places"),
    [(6, 3, [2, 4, 6]), (5, 2, [3, 5]), (4, 9, [1, 2, 3, 4]), (7, 1, [7])],
)
def test_checks_are_spread_evenly_and_the_last_step_is_one(
    steps: int, checks: int, places: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    checked: list[int] = []

    def check(both: Segmenter, data: TrainingData, device: torch.device) -> float:
        checked.append(len(taken))
        return 0.0

    monkeypatch.setattr(finetuning, "validation_loss", check)
    train_stage(segmenter(), small(steps=steps, checks=checks), "frozen", taken.append)
    assert checked == places


@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("stages", [TWO_STAGES, ONE_STAGE])
def test_going_on_from_any_step_ends_in_the_same_bits(
    stages: tuple[str, ...], selection: str
) -> None:
    taken: list[Checkpoint] = []
    data = small(steps=4, checks=2, selection=selection)
    whole = finetune(
        encoder(), data, stages, seed=0, checkpoints=Checkpoints(taken.append, every(1))
    )
    assert len(taken) == 8
    for checkpoint in taken:
        # What a file would hold: plain values and tensors, nothing else.
        text = json.dumps(checkpoint.values, allow_nan=False)
        start = Checkpoint(dict(checkpoint.tensors), json.loads(text))
        points = Checkpoints(lambda _: None, every(1000), start)
        again = finetune(encoder(), data, stages, seed=0, checkpoints=points)
        assert str(again.scores) == str(whole.scores)
        assert (again.facts, again.spent) == (whole.facts, whole.spent)
        assert all(np.array_equal(again.masks[stage], whole.masks[stage]) for stage in stages)
