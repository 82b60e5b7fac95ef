"""A fine-tuning sees its test images after training only, and scores each by itself."""

import pickle
from collections.abc import Callable
from copy import copy, deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tasks.finetuning import FineTuning, finetune
from tasks.labelled import Labelled, TrainingData, WithheldError
from tasks.metrics import mask_scores
from tests.tasks.squares import encoder, small, squares

TWO_STAGES, ONE_STAGE = ("frozen", "finetuned"), ("direct",)


class Watched(np.ndarray):
    """Pixels that tell when they are looked at."""

    looked: Callable[[], None] | None = None

    def __array_finalize__(self, parent: np.ndarray | None) -> None:
        self.looked = getattr(parent, "looked", None)

    def __getitem__(self, place: Any) -> Any:  # noqa: ANN401
        if self.looked is not None:
            self.looked()
        return super().__getitem__(place)


def test_test_images_are_looked_at_after_training_only() -> None:
    data = small(steps=4)
    taken: list[int] = []
    looks: list[int] = []
    pixels = data.test.images.view(Watched)
    pixels.looked = lambda: looks.append(len(taken))
    watched = replace(data, test=replace(data.test, images=pixels))
    finetune(encoder(), watched, TWO_STAGES, seed=0, observe=taken.append)
    assert set(looks) == {4, 8}
    # The watch works: training images are looked at from the start.
    looks.clear()
    taken.clear()
    swapped = replace(data, train=replace(data.test, images=pixels))
    finetune(encoder(), swapped, ONE_STAGE, seed=0, observe=taken.append)
    assert set(looks) == set(range(8))


def test_training_data_has_no_test_images() -> None:
    whole = small()
    data = whole.training()
    assert type(data) is TrainingData
    assert data.train is whole.train
    copies = [data, replace(data, rotation=1.0), copy(data), deepcopy(data)]
    for one in [*copies, pickle.loads(pickle.dumps(data))]:  # noqa: S301  (our own)
        with pytest.raises(WithheldError, match="test images are withheld"):
            getattr(one, "test")  # noqa: B009  (to a type checker there is none)
        assert not hasattr(one, "something else")
        assert one.train.ids == whole.train.ids


def test_data_with_test_images_survives_copies() -> None:
    data = small()
    for one in (replace(data, rotation=1.0), copy(data), deepcopy(data)):
        assert one.test.ids == data.test.ids
    again = pickle.loads(pickle.dumps(data))  # noqa: S301  (our own)
    assert np.array_equal(again.test.images, data.test.images)
    assert again.settings == data.settings


def test_training_is_not_given_the_test_images(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[TrainingData] = []

    def recorded(tuning: FineTuning, *arguments: Any) -> None:  # noqa: ANN401
        given.append(tuning.data)
        train(tuning, *arguments)

    train = FineTuning.train
    monkeypatch.setattr(FineTuning, "train", recorded)
    finetune(encoder(), small(), TWO_STAGES, seed=0)
    assert [type(data) for data in given] == [TrainingData] * 2


def test_when_test_images_were_opened_is_told() -> None:
    scores = finetune(encoder(), small(steps=2), TWO_STAGES, seed=0)
    opened = {stage: scores.facts[stage]["test opened after step"] for stage in TWO_STAGES}
    assert opened == {stage: scores.facts[stage]["steps"] for stage in TWO_STAGES}


@pytest.mark.parametrize("stages", [TWO_STAGES, ONE_STAGE])
def test_other_test_images_leave_training_as_it_was(stages: tuple[str, ...]) -> None:
    one = small()
    other = replace(one, test=squares("other", 4, 32, 77))
    empty = replace(one, test=replace(one.test, masks=np.zeros_like(one.test.masks)))
    runs = [finetune(encoder(), data, stages, seed=0) for data in (one, other, empty)]
    for stage in stages:
        assert runs[0].facts[stage] == runs[1].facts[stage] == runs[2].facts[stage]
        assert np.array_equal(runs[0].masks[stage], runs[2].masks[stage])


@pytest.mark.parametrize("part", ["train", "validation"])
def test_other_training_images_change_it(part: str) -> None:
    one = small()
    changes: dict[str, Any] = {part: squares("other", 5, 32, 77)}
    other = replace(one, **changes)
    runs = [finetune(encoder(), data, ONE_STAGE, seed=0) for data in (one, other)]
    assert runs[0].facts["direct"] != runs[1].facts["direct"]


def test_scores_are_of_the_masks() -> None:
    data = small()
    scores = finetune(encoder(), data, TWO_STAGES, seed=0)
    assert len(scores.scores) == 2 * 3 * 3
    for stage in TWO_STAGES:
        masks = scores.masks[stage]
        assert masks.shape == data.test.masks.shape
        assert masks.dtype == np.bool_
        for metric, values in mask_scores(masks, data.test.masks)._asdict().items():
            found = {
                score.image: score.value
                for score in scores.scores
                if (score.stage, score.metric) == (stage, metric)
            }
            assert list(found) == list(data.test.ids)
            assert np.array_equal(list(found.values()), values, equal_nan=True)


def test_test_images_are_scored_one_by_one() -> None:
    # In evaluation mode no image sees its neighbours, and none is augmented.
    data = small()
    together = finetune(encoder(), data, ONE_STAGE, seed=0)
    for row in range(3):
        chosen = Labelled(
            data.test.ids[row : row + 1], data.test.images[[row]], data.test.masks[[row]]
        )
        alone = finetune(encoder(), replace(data, test=chosen), ONE_STAGE, seed=0)
        assert (alone.masks["direct"][0] != together.masks["direct"][row]).mean() < 0.005
