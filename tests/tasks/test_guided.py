"""Segmentation without labels: its rivals, its second network, and that no label is in reach."""

import json
from dataclasses import fields, replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_dilation
from scipy.stats import entropy
from skimage.filters import threshold_otsu

from methods.base import Draws
from methods.checkpoint import Checkpoint, Checkpoints, every
from methods.errors import ConfigError
from methods.ld import LocalDiscrimination
from methods.ld.shape_guided import shape_guided
from methods.pretrain import build
from tasks.guided import CELLS, FRANGI, ORACLE, REFINED, RULES, STAGES
from tasks.guided.refinement import (
    PseudoLabels,
    Refinement,
    binary_entropy,
    pseudo_labels,
    weighted_dice_loss,
)
from tasks.guided.scoring import Guided, guided
from tasks.guided.vesselness import sigmas, vesselness, vessels
from tasks.guided.view_field import view_mask
from tasks.labelled import SegmentationData, Unlabelled, WithheldError
from tasks.metrics import dice, soft_dice_loss
from tests.tasks.squares import encoder, same, small

MASKS = np.full((2, 32, 32), 255, dtype=np.uint8)


def model(kind: str = "shapes") -> Any:  # noqa: ANN401
    """An untrained method, as pre-training leaves one."""
    cls = shape_guided("octa", MASKS) if kind == "shapes" else LocalDiscrimination
    made = build(cls, replace(cls.Config(), clusters=2), "tiny", 1, seed=0).eval()
    return SimpleNamespace(encoder=made.encoder, model=made)


def work_on(data: SegmentationData, pretrained: Any, **more: Any) -> Guided:  # noqa: ANN401
    train = data.unlabelled(data.validation, data.train)
    return Guided(pretrained, train, data.unlabelled(data.test), seed=0, **more)


def pretrained_for(stages: tuple[str, ...]) -> Any:  # noqa: ANN401
    return model("ld" if stages == ORACLE else "shapes")


def test_the_field_of_view_is_the_largest_bright_part_with_its_holes() -> None:
    image = np.zeros((3, 40, 40), dtype=np.uint8)
    image[1, 5:35, 5:35] = 90
    image[1, 15:20, 15:20] = 0  # a hole
    image[0, 0, 0] = 200  # a speck
    view = view_mask(image)
    assert view.sum() == 900
    assert view[17, 17]
    assert not view[0, 0]
    assert view_mask(np.zeros((1, 8, 8), dtype=np.uint8)).all()


def vessel_image() -> tuple[np.ndarray, np.ndarray]:
    """A bright disc with dark lines in its green channel; and the lines."""
    y, x = np.mgrid[:128, :128]
    view = np.hypot(x - 64, y - 64) < 60
    lines = ((abs(x - 50) < 2) | (abs(y - 70) < 2) | (abs(x - y) < 2)) & view
    image = np.zeros((3, 128, 128), dtype=np.uint8)
    image[0][view], image[1][view] = 200, 120
    image[1][lines] = 60
    return image, lines


def test_frangi_finds_dark_lines_and_not_the_rim() -> None:
    image, lines = vessel_image()
    found = vessels(image)
    assert found[lines].mean() > 0.95
    # Lines without noise come out wider than they are; nothing else does, the rim above all.
    assert binary_dilation(lines, iterations=4)[found].mean() > 0.99
    response, view = vesselness(image, sigmas(128)), view_mask(image)
    assert np.array_equal(found, (response > threshold_otsu(response[view])) & view)


def test_frangi_finds_nothing_where_there_is_nothing() -> None:
    assert not vessels(np.full((1, 32, 32), 90, dtype=np.uint8)).any()
    assert not vessels(np.zeros((3, 32, 32), dtype=np.uint8)).any()


def test_filters_shrink_with_the_image_but_not_below_a_pixel() -> None:
    assert sigmas(512) == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert sigmas(256) == [0.5, 1.0, 1.5, 2.0, 2.5]
    assert sigmas(32) == [0.5]


def test_uncertainty_is_the_entropy_of_the_mean_share() -> None:
    p = np.linspace(0.0, 1.0, 11)
    expected = entropy(np.stack([p, 1.0 - p]), base=2, axis=0)
    assert np.allclose(binary_entropy(p), expected)
    # Both sure and alike, both sure and at odds, undecided; and outside the view.
    shares = np.array([[1.0, 1.0, 0.5, 1.0], [1.0, 0.0, 0.5, 1.0]]).reshape(2, 1, 2, 2)
    view = np.array([[[True, True], [True, False]]])
    found = pseudo_labels(shares, view)
    assert found.weights.ravel().tolist() == [1.0, 0.0, 0.0, 0.0]
    assert found.masks.ravel().tolist() == [True, False, False, False]


@pytest.mark.parametrize("empty", [False, True])
def test_weights_of_one_give_the_familys_loss(empty: bool) -> None:
    rng = torch.Generator().manual_seed(0)
    p, y = torch.rand(2, 1, 8, 8, generator=rng), torch.rand(2, 1, 8, 8, generator=rng) > 0.5
    target = torch.zeros_like(p) if empty else y.float()
    assert torch.allclose(
        weighted_dice_loss(p, target, torch.ones_like(p)), soft_dice_loss(p, target)
    )


def test_the_loss_is_a_weighted_sum_over_pixels() -> None:
    p, y, w = (
        torch.tensor(v).reshape(1, 1, 1, 3) for v in ([0.2, 0.9, 0.4], [0.0, 1, 1], [1, 0.5, 0])
    )
    expected = -2 * (0.5 * 0.9) / (0.5 + 0.2 + 0.5 * 0.9 + 1)
    assert float(weighted_dice_loss(p, y, w)) == pytest.approx(expected)


def test_masks_are_out_of_reach() -> None:
    data = small()
    images = data.unlabelled(data.train, data.test)
    assert images.ids == data.train.ids + data.test.ids
    assert "masks" not in {each.name for each in fields(Unlabelled)}
    with pytest.raises(WithheldError, match="masks are withheld"):
        images.masks  # type: ignore[attr-defined]  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'mask'"):
        images.mask  # type: ignore[attr-defined]  # noqa: B018
    # Nothing that an evaluation is given beside the test images holds one.
    for part in vars_of(work_on(data, model())):
        assert not isinstance(part, type(data.train) | type(data))


def vars_of(work: Guided) -> list[object]:
    return [getattr(work, each.name) for each in fields(work)]


@pytest.mark.parametrize("stages", [stages for stages in CELLS if stages != ORACLE])
def test_no_label_changes_a_prediction(stages: tuple[str, ...]) -> None:
    data = small()
    flipped = {
        name: replace(getattr(data, name), masks=~getattr(data, name).masks)
        for name in ("train", "validation", "test")
    }
    other = replace(data, **flipped)
    found = [
        guided(work_on(each, pretrained_for(stages)), stages, each.test) for each in (data, other)
    ]
    for stage in stages:
        assert np.array_equal(found[0].masks[stage], found[1].masks[stage])
        assert found[0].facts[stage]["selection"] != "oracle"
        assert found[0].facts[stage]["test opened after step"] == found[0].facts[stage]["steps"]


def test_the_oracle_takes_the_best_cluster_and_says_so() -> None:
    data, pretrained = small(), model("ld")
    (stage,) = ORACLE
    found = guided(work_on(data, pretrained), ORACLE, data.test)
    facts = found.facts[stage]
    assert facts["selection"] == "oracle"
    assert "oracle" in stage
    assert facts["cluster"] == int(np.argmax(facts["dice by cluster"]))
    own = [s.value for s in found.scores if s.metric == "dice"]
    assert np.mean(own) == pytest.approx(max(facts["dice by cluster"]))


def test_every_stage_scores_every_test_image_by_every_metric() -> None:
    data = small(steps=1)
    rows = [
        row
        for stages in CELLS
        for row in guided(work_on(data, pretrained_for(stages)), stages, data.test).scores
    ]
    assert {row.stage for row in rows} == set(STAGES)
    assert len(rows) == len(STAGES) * len(data.test) * 3


@pytest.mark.parametrize("stages", [RULES, REFINED, ORACLE])
def test_a_model_without_regions_is_refused(stages: tuple[str, ...]) -> None:
    data, nobody = small(), SimpleNamespace(encoder=encoder(), model=encoder())
    with pytest.raises(ConfigError, match=r"Encoder (knows no shape|has no clusters)"):
        guided(work_on(data, nobody), stages, data.test)
    assert guided(work_on(data, nobody), FRANGI, data.test).scores


def labels_of(data: Unlabelled) -> PseudoLabels:
    """Bright pixels, all alike sure."""
    masks = data.images[:, 0] > 110
    return PseudoLabels(masks, np.ones(masks.shape, dtype=np.float32))


def unlabelled(**settings: Any) -> Unlabelled:  # noqa: ANN401
    data = small(**settings)
    return data.unlabelled(data.validation, data.train)


def test_the_second_network_goes_on_to_the_same_bits() -> None:
    data = unlabelled(steps=4)
    kept: list[Checkpoint] = []
    whole = Refinement(encoder(), data, labels_of(data), seed=3)
    whole.train(None, Checkpoints(kept.append, every(1)))
    assert [each.values["step"] for each in kept] == [1, 2, 3, 4]
    for taken in (kept[0], kept[2]):
        start = Checkpoint(taken.tensors, json.loads(json.dumps(taken.values)))
        again = Refinement(encoder(), data, labels_of(data), seed=3)
        again.train(None, Checkpoints(lambda _: None, every(99), start))
        assert same(again.segmenter.encoder.state_dict(), whole.segmenter.encoder.state_dict())
        assert same(again.segmenter.decoder.state_dict(), whole.segmenter.decoder.state_dict())
        assert again.spent == whole.spent


def test_the_second_network_learns_what_the_labels_show() -> None:
    data = unlabelled(steps=40, batch_size=4)
    labels = labels_of(data)
    given = encoder()
    before = {name: value.clone() for name, value in given.state_dict().items()}
    training = Refinement(given, data, labels, seed=0)
    steps: list[int] = []
    training.train(steps.append, None)
    assert sum(steps) == training.spent.steps == 40
    assert dice(training.predict(data), labels.masks).mean() > 0.6
    assert same(given.state_dict(), before)


def test_pixels_without_weight_teach_nothing() -> None:
    data = unlabelled(steps=2)
    labels = labels_of(data)
    silent = np.zeros_like(labels.weights)
    silent[:, :, :16] = 1.0
    other = labels.masks.copy()
    other[:, :, 17:] ^= True
    ends = []
    for masks in (labels.masks, other):
        training = Refinement(encoder(), data, PseudoLabels(masks, silent), seed=0)
        training.train(None, None)
        ends.append(training.segmenter.decoder.state_dict())
    assert same(*ends)


def test_without_a_pseudo_label_nothing_is_trained_nor_found() -> None:
    data, pretrained = small(), model()
    with torch.no_grad():  # cluster 0 nowhere
        bias = pretrained.model.decoder.branches["clusters"][-1].bias
        bias[0], bias[1] = -50.0, 50.0
    (stage,) = REFINED
    found = guided(work_on(data, pretrained), REFINED, data.test)
    assert not found.masks[stage].any()
    assert found.facts[stage]["steps"] == 0
    assert "no pixel" in found.facts[stage]["selection"]


def test_draws_are_keyed_by_image_not_by_place() -> None:
    one, other = (Draws(0, 0, torch.tensor(rows)) for rows in ([3, 5], [5, 3]))
    assert torch.equal(one.integers("mask", 9), other.integers("mask", 9).flip(0))
