"""A probe finds what frozen features tell, and nothing that they do not."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch import Tensor

from methods.errors import DivergedError
from methods.networks import Encoder
from tasks.base import TaskScores
from tasks.blind import blind_scores
from tasks.labelled import SegmentationData, TrainingData
from tasks.metrics import dice
from tasks.probing import STAGES, scoring
from tasks.probing.choice import THRESHOLDS
from tasks.probing.features import Frozen
from tasks.probing.sampling import Sample, drawn
from tasks.probing.scoring import Probing, probe
from tests.tasks.squares import encoder, same, small, squares
from tests.tasks.test_finetuning_test_images import Watched


@pytest.fixture(autouse=True)
def one_thread_of_numpy() -> Iterator[None]:
    """As torch has in tests; ``probe`` sees to it itself."""
    with threadpool_limits(limits=1):
        yield


class Seeing(Encoder):
    """Its finest map tells where the image is bright: in a square, and nowhere else."""

    def forward(self, images: Tensor) -> list[Tensor]:
        maps = [torch.zeros_like(level) for level in super().forward(images)]
        maps[0][:, :1] = (images > -0.18).float()
        return maps


class Noise(Encoder):
    """Every feature is drawn anew."""

    def forward(self, images: Tensor) -> list[Tensor]:
        generator = torch.Generator().manual_seed(int(images.sum() * 1000))
        maps = super().forward(images)
        return [torch.randn(level.shape, generator=generator) for level in maps]


class Blind(Encoder):
    """All of its features are zero."""

    def forward(self, images: Tensor) -> list[Tensor]:
        return [torch.zeros_like(level) for level in super().forward(images)]


def probed(data: SegmentationData, of: Encoder | None = None, seed: int = 0) -> TaskScores:
    return probe(SimpleNamespace(encoder=of or encoder()), data, STAGES, seed=seed)


def mean_dice(scores: TaskScores, stage: str) -> float:
    rows = [(row.stage, row.metric, row.value) for row in scores.scores]
    return float(np.mean([value for *kind, value in rows if kind == [stage, "dice"]]))


@pytest.mark.parametrize("stage", STAGES)
def test_what_can_be_seen_is_found_and_noise_tells_nothing(stage: str) -> None:
    data = small()
    assert mean_dice(probed(data, encoder(Seeing)), stage) > 0.99
    everything = blind_scores(data)["everything"]
    for kind in (Noise, Blind):
        assert abs(mean_dice(probed(data, encoder(kind)), stage) - everything) < 0.05


def test_scores_are_those_of_scikit_learn_and_of_brute_force() -> None:
    data = small()
    frozen = Frozen.of(encoder(), data)
    probing = Probing(encoder(), data.training(), STAGES, 0)
    taken: list[Sample] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "drawn", recorded(taken))
        probing.fit()
    probing.choose()
    masks = probing.predict(data.test)
    (sample,) = taken
    train = np.stack(list(frozen.pixels(data.train, range(5))))
    x, y = train[sample.image, sample.cell].astype(np.float64), sample.foreground
    mean, std = x.mean(axis=0), x.std(axis=0)
    scaled = (x - mean) / np.where(std == 0.0, 1.0, std)
    for row, pixels in enumerate(frozen.pixels(data.test, range(3))):
        queries = (pixels - mean) / np.where(std == 0.0, 1.0, std)
        # The grid of images this small has a cell for every pixel: nothing is enlarged.
        known = probing.facts["probe"]
        model = LogisticRegression(C=known["C"], max_iter=2000).fit(scaled, y)
        linear = model.predict_proba(queries)[:, 1] > known["threshold"]
        assert (linear.reshape(32, 32) != masks["probe"][row]).mean() < 0.002

        # Neighbours: singular vectors in the place of the covariance's, and every distance.
        background = np.flatnonzero(~y)[::2]  # of 1000, as many as vote
        voters = np.sort(np.concatenate([np.flatnonzero(y), background]))
        weighted = x[voters] - x[voters].mean(axis=0)
        std_voters = x[voters].std(axis=0)
        weighted = weighted / np.where(std_voters == 0.0, 1.0, std_voters) * frozen.weights
        main = np.linalg.svd(weighted, full_matrices=False)[2][:32]
        asked = (pixels - x[voters].mean(axis=0)) / np.where(std_voters == 0.0, 1.0, std_voters)
        a, b = (unit(part @ main.T) for part in (asked * frozen.weights, weighted))
        known = probing.facts["neighbours"]
        nearest = np.argsort(-a @ b.T, axis=1)[:, : int(known["k"])]
        votes = y[voters][nearest].mean(axis=1) > known["threshold"]
        assert (votes.reshape(32, 32) != masks["neighbours"][row]).mean() < 0.005


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def recorded(taken: list[Sample]) -> Any:  # noqa: ANN401
    """Draws cells, and keeps which."""

    def drawing(*arguments: Any) -> Sample:  # noqa: ANN401
        taken.append(drawn(*arguments))
        return taken[-1]

    return drawing


def test_facts_are_of_the_choice_and_masks_are_scored() -> None:
    data = small()
    scores = probed(data)
    assert {(row.stage, row.image) for row in scores.scores} == {
        (stage, image) for stage in STAGES for image in data.test.ids
    }
    for stage in STAGES:
        known = scores.facts[stage]
        assert known["threshold"] in THRESHOLDS
        assert known["steps"] == known["test opened after step"] > 1
        assert known["foreground drawn"] + known["background drawn"] <= 2000
        found = [row.value for row in scores.scores if (row.stage, row.metric) == (stage, "dice")]
        assert np.array_equal(found, dice(scores.masks[stage], data.test.masks))
    assert scores.facts["probe"]["converged"]
    assert (scores.spent.steps, scores.spent.parameters, scores.spent.backward) == (0, 0, 0)
    assert scores.spent.aside > scores.spent.forward > 0
    assert scores.facts["pictured"] in data.test.ids


def test_the_choice_is_the_best_of_the_validation_images() -> None:
    data = small()
    probing = Probing(encoder(), data.training(), STAGES, 0)
    probing.fit()
    probing.choose()
    # What is scored by the validation images as if they were the test's is what was promised.
    masks = probing.predict(data.validation)
    for stage in STAGES:
        found = float(dice(masks[stage], data.validation.masks).mean())
        assert found == pytest.approx(probing.facts[stage]["validation dice"])


def test_test_images_are_opened_when_everything_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    data, looks, done = small(), list[bool](), list[TrainingData]()
    choose = Probing.choose

    def chosen(probing: Probing) -> None:
        choose(probing)
        done.append(probing.data)

    monkeypatch.setattr(Probing, "choose", chosen)
    pixels = data.test.images.view(Watched)
    pixels.looked = lambda: looks.append(bool(done))
    probed(replace(data, test=replace(data.test, images=pixels)))
    assert set(looks) == {True}
    # Nor could it have looked: what it was given has no test images.
    assert [type(known) for known in done] == [TrainingData]
    looks.clear()
    done.clear()
    probed(replace(data, validation=replace(data.test, images=pixels)))
    assert set(looks) == {False, True}


def test_other_test_images_change_neither_fit_nor_choice() -> None:
    data = small()
    others = [replace(data, test=squares("other", 4, 32, 77)), small(seed=1)]
    first, second, third = (probed(one).facts for one in (data, *others))
    assert [first[stage] for stage in STAGES] == [second[stage] for stage in STAGES]
    assert [first[stage] for stage in STAGES] != [third[stage] for stage in STAGES]


def test_the_same_seed_gives_the_same_bits_and_methods_are_paired() -> None:
    data, own, taken = small(), encoder(), list[Sample]()
    before = {name: value.clone() for name, value in own.state_dict().items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "drawn", recorded(taken))
        first, again = probed(data, own), probed(data, own)
        rival, other = probed(data, encoder(seed=1)), probed(data, own, seed=1)
    assert repr(first.scores) == repr(again.scores)
    assert first.facts == again.facts
    assert all(np.array_equal(first.pictures[n], again.pictures[n]) for n in first.pictures)
    assert same(before, own.state_dict())
    cells = [one.image * 32**2 + one.cell for one in taken]
    assert np.array_equal(cells[0], cells[2])
    assert not np.array_equal(cells[0], cells[3])
    assert repr(first.scores) != repr(rival.scores)
    assert first.facts["representation"] != other.facts["representation"]


@pytest.mark.parametrize(("value", "score"), [(False, 0.0), (True, None)])
def test_one_class_is_answered_everywhere(value: bool, score: float | None) -> None:
    data = small()
    only = replace(data.train, masks=np.full_like(data.train.masks, value))
    held_out = replace(data.validation, masks=np.full_like(data.validation.masks, value))
    scores = probed(replace(data, train=only, validation=held_out))
    for stage in STAGES:
        assert scores.facts[stage]["one class"]
        assert (scores.masks[stage] == value).all()
        expected = blind_scores(data)["everything"] if score is None else score
        assert mean_dice(scores, stage) == pytest.approx(expected)


def test_images_without_foreground_and_a_single_training_image_are_scored() -> None:
    data = small()
    empty = replace(data.test, masks=np.zeros_like(data.test.masks))
    bare = replace(data.validation, masks=np.zeros_like(data.validation.masks))
    one = replace(data, train=data.train.cut(0, 1), validation=bare.cut(0, 1), test=empty)
    one.train.masks[:] = False
    one.train.masks[0, 5, 5] = True
    scores = probed(one, encoder(Seeing))
    for stage in STAGES:
        assert scores.facts[stage]["foreground drawn"] == 1
        assert 0.0 <= mean_dice(scores, stage) <= 1.0


def test_features_that_are_not_finite_are_said_to_be() -> None:
    broken = encoder()
    with torch.no_grad():
        next(broken.parameters()).fill_(float("nan"))
    with pytest.raises(DivergedError, match="features are not finite"):
        probed(small(), broken)


def test_limits_are_looked_at_and_no_step_is_told() -> None:
    told: list[int] = []
    given = SimpleNamespace(encoder=encoder())
    probe(given, small(), STAGES, seed=0, observe=told.append)
    assert len(told) > 5
    assert set(told) == {0}
