import json
import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmark.contract.tasks import Blind
from methods.checkpoint import Checkpoint, Checkpoints, every
from methods.errors import DivergedError
from methods.networks import Encoder, SegmentationDecoder
from tasks import finetuning
from tasks import segmenter as segmenters
from tasks.base import NORMALISATION, TaskScores
from tasks.blind import blind_scores
from tasks.finetuning import STAGES, FineTuning, finetune
from tasks.metrics import mask_scores
from tasks.segmentation import (
    Labelled,
    SegmentationData,
    SegmentationTask,
    Settings,
    WithheldError,
)
from tasks.segmenter import Segmenter, augmented, batches, normalised

MakeTask = Callable[[str], SegmentationTask]
TWO_STAGES, ONE_STAGE = ("frozen", "finetuned"), ("direct",)
CPU = torch.device("cpu")


def encoder(kind: type[Encoder] = Encoder, seed: int = 0, channels: int = 1) -> Encoder:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return kind("tiny", channels)


def squares(name: str, count: int, side: int, seed: int) -> Labelled:
    """Bright squares on noise, marked."""
    rng = np.random.default_rng([seed, count])
    images = rng.integers(0, 90, (count, 1, side, side)).astype(np.uint8)
    masks = np.zeros((count, side, side), dtype=bool)
    for image, mask in zip(images, masks, strict=True):
        top, left = rng.integers(2, side // 2, 2)
        mask[top : top + side // 3, left : left + side // 3] = True
        image[0][mask] += 120
    return Labelled(tuple(f"{name} {number}" for number in range(count)), images, masks)


def small(seed: int = 0, **settings: Any) -> SegmentationData:  # noqa: ANN401
    """Five training, two validation and three test images of 32 px."""
    return SegmentationData(
        squares("train", 5, 32, seed),
        squares("validation", 2, 32, seed),
        squares("test", 3, 32, seed),
        normalisation=NORMALISATION["chest X-ray"],
        rotation=30.0,
        flips=False,
        manifest="",
        settings=Settings(**{"size": 32, "steps": 3, "checks": 3} | settings),
        kind="phantom",
    )


def mean_dice(scores: TaskScores, stage: str) -> float:
    values = [
        score.value for score in scores.scores if (score.stage, score.metric) == (stage, "dice")
    ]
    return float(np.mean(values))


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    assert one.keys() == other.keys()
    return all(torch.equal(one[key], other[key]) for key in one)


def train_stage(
    both: Segmenter,
    data: SegmentationData,
    stage: str,
    observe: Callable[[int], None] | None = None,
) -> FineTuning:
    """Train one stage of given networks in place."""
    tuning = FineTuning(both.encoder, data, (stage,), 0)
    tuning.segmenter = both
    tuning.begin()
    tuning.train(observe, None)
    return tuning


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
        data: SegmentationData, chosen: list[int], seed: int, step: int, device: torch.device
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


def segmenter(seed: int = 0) -> Segmenter:
    seeing = encoder(seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Segmenter(seeing, SegmentationDecoder(seeing.channels))


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
        def __init__(self, parameters: list[nn.Parameter], lr: float) -> None:
            super().__init__(parameters, lr=lr)
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


@pytest.mark.parametrize("stage", STAGES)
def test_the_checkpoint_of_lowest_validation_loss_is_kept(
    stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([-0.2, -0.5, -0.3, -0.5, -0.1, -0.4])
    seen: list[tuple[dict[str, Tensor], dict[str, Tensor]]] = []

    def scripted(both: Segmenter, data: SegmentationData, device: torch.device) -> float:
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

    def check(both: Segmenter, data: SegmentationData, device: torch.device) -> float:
        checked.append(len(taken))
        return 0.0

    monkeypatch.setattr(finetuning, "validation_loss", check)
    train_stage(segmenter(), small(steps=steps, checks=checks), "frozen", taken.append)
    assert checked == places


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


def test_foreground_is_strictly_above_a_half(monkeypatch: pytest.MonkeyPatch) -> None:
    data = small()
    values = torch.tensor([0.49, 0.5, 0.51]).repeat(3, 1, 32, 11)[..., :32]
    monkeypatch.setattr(segmenters, "probabilities", lambda *_: values)
    found = segmenters.predictions(segmenter(), data.test, data, CPU)
    assert found.shape == data.test.masks.shape
    assert found[0, 0, :6].tolist() == [False, False, True, False, False, True]


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


def test_training_is_not_given_the_test_images() -> None:
    data = small().withheld()
    for part in ("ids", "images", "masks"):
        with pytest.raises(WithheldError, match=f"test {part} are withheld until training has"):
            getattr(data.test, part)
    tuning = FineTuning(encoder(), data, ONE_STAGE, 0)
    tuning.train(None, None)
    with pytest.raises(WithheldError):
        tuning.score(data)


def test_when_test_images_were_opened_is_told() -> None:
    scores = finetune(encoder(), small(steps=2), TWO_STAGES, seed=0)
    opened = {stage: scores.facts[stage]["test opened after step"] for stage in TWO_STAGES}
    assert opened == {stage: scores.facts[stage]["steps"] for stage in TWO_STAGES}


@pytest.mark.parametrize("stages", [TWO_STAGES, ONE_STAGE])
def test_going_on_from_any_step_ends_in_the_same_bits(stages: tuple[str, ...]) -> None:
    taken: list[Checkpoint] = []
    data = small(steps=4, checks=2)
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


@pytest.mark.parametrize(("images", "size"), [(5, 2), (3, 4), (1, 2), (8, 8)])
def test_every_image_comes_once_before_any_comes_again(images: int, size: int) -> None:
    stream = batches(images, size, 9)
    drawn = [next(stream) for _ in range(3 * images)]
    assert all(len(batch) == size for batch in drawn)
    order = [row for batch in drawn for row in batch]
    for start in range(0, len(order) - images + 1, images):
        assert sorted(order[start : start + images]) == list(range(images))
    again = batches(images, size, 9)
    assert [next(again) for _ in drawn] == drawn
    if images > 3:
        other = batches(images, size, 10)
        assert [next(other) for _ in drawn] != drawn
        assert order[:images] != order[images : 2 * images]


def test_image_and_mask_are_augmented_alike() -> None:
    data = replace(small(), rotation=180.0, flips=True)
    plain = Labelled(data.train.ids, (data.train.masks * np.uint8(255))[:, None], data.train.masks)
    marked = replace(data, train=plain)
    changed = 0
    for step in range(20):
        images, truth = augmented(marked, [0, 1, 2, 3, 4], 5, step, CPU)
        # 0 and 255 are normalised to -1 and 1, and half-way is where nearest pixels change.
        assert ((images > 0.0) != (truth > 0.5)).float().mean() < 0.02
        assert set(truth.unique().tolist()) <= {0.0, 1.0}
        _, upright = segmenters.tensors(plain, [0, 1, 2, 3, 4], CPU)
        changed += int((truth != upright).float().mean() > 0.02)
    assert changed > 15


def test_without_rotation_images_are_flipped_or_left() -> None:
    data = small()
    rows = [0, 1, 2, 3, 4]
    images, truth = segmenters.tensors(data.train, rows, CPU)
    images = normalised(images, data)
    found, found_truth = augmented(replace(data, rotation=0.0), rows, 5, 0, CPU)
    assert torch.allclose(found, images, atol=1e-4)
    assert torch.equal(found_truth, truth)
    seen = set()
    for step in range(20):
        found, found_truth = augmented(replace(data, rotation=0.0, flips=True), rows, 5, step, CPU)
        for row in rows:
            for flipped in ((), (-1,), (-2,), (-2, -1)):
                if torch.equal(found_truth[row], truth[row].flip(flipped)):
                    assert torch.allclose(found[row], images[row].flip(flipped), atol=1e-4)
                    seen.add(flipped)
                    break
            else:
                pytest.fail(f"row {row} of step {step} is no flip")
    assert seen == {(), (-1,), (-2,), (-2, -1)}


def test_rotation_stays_within_its_range() -> None:
    # A bar along the upper half's middle: its angle is that of its centre of mass.
    side = 64
    mask = np.zeros((1, side, side), dtype=bool)
    mask[0, 2:30, 30:34] = True
    bar = Labelled(("bar",), (mask * np.uint8(255))[:, None], mask)
    y, x = torch.meshgrid(torch.arange(side) - 31.5, torch.arange(side) - 31.5, indexing="ij")
    for limit in (30.0, 180.0):
        data = replace(small(), train=bar, rotation=limit)
        angles = []
        for step in range(120):
            truth = augmented(data, [0], 1, step, CPU)[1][0, 0]
            middle = ((truth * x).sum(), -(truth * y).sum())
            angles.append(math.degrees(math.atan2(*middle)))
        assert max(map(abs, angles)) < limit + 2.0
        assert max(angles) > 0.8 * limit
        assert min(angles) < -0.8 * limit


def test_views_depend_on_seed_and_step() -> None:
    data = small()
    first, again, step, seed = (
        augmented(data, [0, 1], *key, CPU)[0] for key in ((5, 0), (5, 0), (5, 1), (6, 0))
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, step)
    assert not torch.equal(first, seed)
    # An image's view depends neither on its neighbours nor on its place among them.
    assert torch.equal(augmented(data, [1, 3], 5, 0, CPU)[0][0], first[1])


def test_an_image_that_comes_twice_in_a_batch_is_augmented_twice() -> None:
    images, _ = augmented(small(), [0, 1, 0], 5, 0, CPU)
    assert not torch.equal(images[0], images[2])


def by_hand(train: list[str], test: list[str]) -> dict[str, float]:
    """Blind scores of masks given as rows of 0 and 1; the first training mask validates."""

    def masks(rows: list[str]) -> Labelled:
        flat = np.array([[digit == "1" for digit in row] for row in rows])
        found = flat.reshape(len(rows), 2, 2)
        return Labelled(tuple(rows), np.zeros((len(rows), 1, 2, 2), dtype=np.uint8), found)

    first, *rest = train
    data = replace(small(), train=masks(rest), validation=masks([first]), test=masks(test))
    return blind_scores(data)


def test_blind_scores_by_hand() -> None:
    # Painting everything: 2 x 1 / (4 + 1) and 2 x 2 / (4 + 2).
    # The mean training mask is 1, 2/3, 1/3, 0. Painted above 2/3 its first pixel scores 1, 2/3,
    # 1/2 on the training masks, 2.17 in all; above 1/3 two score 2/3, 1, 4/5, 2.47 in all; above
    # 0 three score 1/2, 4/5, 1, 2.3 in all. So two: 2 x 1 / (2 + 1) and 2 x 1 / (2 + 2) in test.
    scores = by_hand(["1000", "1100", "1110"], ["0100", "0101"])
    assert scores == {
        "everything": pytest.approx((2 / 5 + 4 / 6) / 2),
        "mean mask": pytest.approx((2 / 3 + 1 / 2) / 2),
    }


def test_blind_scores_without_foreground() -> None:
    assert by_hand(["0000", "0000"], ["1000", "0000"]) == {
        "everything": pytest.approx(2 / 5 / 2),
        "mean mask": 0.5,
    }


def test_blind_scores_with_nothing_else() -> None:
    assert by_hand(["1111", "1111"], ["1111", "1100"]) == {
        "everything": pytest.approx((1 + 2 / 3) / 2),
        "mean mask": pytest.approx((1 + 2 / 3) / 2),
    }


def test_a_mean_mask_is_chosen_without_the_test_masks() -> None:
    # On the training masks the first two pixels score 1, 1, 2/5 and the second alone 2/3, 2/3, 1/2;
    # the second alone would suit this test mask.
    scores = by_hand(["1100", "1100", "0111"], ["0100"])
    assert scores["mean mask"] == pytest.approx(2 / 3)
