"""Scores of validation images: the same training as for a score, and no test image anywhere."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from torch import Tensor

from benchmark import registry
from methods.checkpoint import Checkpoint, Checkpoints, every
from methods.errors import ConfigError
from tasks import finetuning
from tasks.finetuning import STAGES, FineTuning, finetune
from tasks.labelled import TrainingData
from tasks.metrics import dice
from tasks.segmenter import predictions
from tasks.validation import LEADING, Validation, validate
from tests.tasks.squares import encoder, same, small


def equal(one: Validation, other: Validation) -> bool:
    return (
        np.array_equal(one.dice, other.dice)
        and (one.ids, one.spent) == (other.ids, other.spent)
        and one.facts == other.facts
    )


def test_every_stage_can_be_validated() -> None:
    assert LEADING.keys() == STAGES.keys()


@pytest.mark.parametrize("stage", STAGES)
def test_training_is_that_of_a_score_and_sees_no_test_images(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = small(steps=4, checks=2, learning_rate=0.01)
    states: list[tuple[dict[str, Tensor], dict[str, Tensor]]] = []
    masks: list[np.ndarray] = []
    given: list[type] = []

    def recorded(tuning: FineTuning, *arguments: Any) -> None:  # noqa: ANN401
        given.append(type(tuning.data))
        train(tuning, *arguments)
        states.append(tuning.segmenter.state())
        part = tuning.data.validation
        masks.append(predictions(tuning.segmenter, part, tuning.data, tuning.device))

    train = FineTuning.train
    monkeypatch.setattr(FineTuning, "train", recorded)
    scores = finetune(encoder(), data, LEADING[stage], seed=3)
    count = len(states)
    found = validate(encoder(), data, stage, seed=3)
    assert given == [TrainingData] * 2 * count
    for before, after in zip(states[:count], states[count:], strict=True):
        assert same(before[0], after[0])
        assert same(before[1], after[1])
    assert found.ids == data.validation.ids
    assert found.dice.dtype == np.float64
    assert np.array_equal(found.dice, dice(masks[count - 1], data.validation.masks))
    assert 0.0 < found.dice.mean() < 1.0
    for name in LEADING[stage]:
        known = {k: v for k, v in scores.facts[name].items() if k != "test opened after step"}
        assert found.facts[name] == known
    assert scores.spent is not None
    assert found.spent.steps == scores.spent.steps
    assert equal(validate(encoder(), data.training(), stage, seed=3), found)


@pytest.mark.parametrize("selection", ["validation-best", "last"])
@pytest.mark.parametrize("stage", STAGES)
def test_going_on_from_any_step_ends_in_the_same_bits(stage: str, selection: str) -> None:
    taken: list[Checkpoint] = []
    data = small(steps=2, checks=2, selection=selection).training()
    points = Checkpoints(taken.append, every(1))
    whole = validate(encoder(), data, stage, seed=0, checkpoints=points)
    assert len(taken) == whole.spent.steps
    for checkpoint in taken:
        text = json.dumps(checkpoint.values, allow_nan=False)
        start = Checkpoint(dict(checkpoint.tensors), json.loads(text))
        points = Checkpoints(lambda _: None, every(1000), start)
        assert equal(validate(encoder(), data, stage, seed=0, checkpoints=points), whole)


def test_no_rule_may_look_at_test_images(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "predictions", None)  # nothing is trained or scored
    with pytest.raises(ConfigError, match="selection oracle looks at test images"):
        validate(encoder(), small(selection="oracle"), "direct", seed=0)


def test_a_task_validates_a_pretrained_encoder_and_names_its_layout() -> None:
    data = replace(small(steps=1).training(), variant="second")
    task, given = registry.segmentation("scr_lung"), SimpleNamespace(encoder=encoder())
    taken: list[int] = []
    found = task.validate(given, data, seed=0, stage="finetuned", observe=taken.append)
    assert taken == [1, 1]
    assert found.facts.pop("variant") == "second"
    assert equal(found, validate(encoder(), data, "finetuned", seed=0))
