import warnings

import numpy as np
import pytest
import torch
from scipy.ndimage import binary_erosion, gaussian_filter
from sklearn.metrics import f1_score, jaccard_score
from torch import Tensor

from tasks.metrics import PERCENTILE, THRESHOLD, dice, mask_scores, soft_dice_loss


def blobs(count: int, side: int, share: float, seed: int) -> np.ndarray:
    """Random masks with a given share of foreground, some of it at the picture's edge."""
    rng = np.random.default_rng(seed)
    fields = gaussian_filter(rng.standard_normal((count, side, side)), (0, 2.5, 2.5))
    levels = np.quantile(fields, 1.0 - share, axis=(1, 2), keepdims=True)
    masks: np.ndarray = fields > levels
    return masks


PAIRS = [
    (blobs(6, 40, 0.3, 1), blobs(6, 40, 0.2, 2)),
    (blobs(6, 40, 0.02, 3), blobs(6, 40, 0.6, 4)),
    (blobs(6, 33, 0.1, 5), np.roll(blobs(6, 33, 0.1, 5), (2, -1), (1, 2))),
]


def counted(p: np.ndarray, y: np.ndarray) -> tuple[int, int, int]:
    """Pixels of both, of the first and of the second mask, one by one."""
    both = first = second = 0
    for a, b in zip(p.flat, y.flat, strict=True):
        both += bool(a and b)
        first += bool(a)
        second += bool(b)
    return both, first, second


@pytest.mark.parametrize(("prediction", "truth"), PAIRS)
def test_dice_and_iou_are_ratios_of_counts(prediction: np.ndarray, truth: np.ndarray) -> None:
    scores = mask_scores(prediction, truth)
    assert np.array_equal(scores.dice, dice(prediction, truth))
    for row, (p, y) in enumerate(zip(prediction, truth, strict=True)):
        both, first, second = counted(p, y)
        # MONAI divides in float32.
        assert scores.dice[row] == pytest.approx(2 * both / (first + second), rel=1e-6)
        assert scores.iou[row] == pytest.approx(both / (first + second - both), rel=1e-6)
        assert scores.dice[row] == pytest.approx(f1_score(y.ravel(), p.ravel()), rel=1e-6)
        assert scores.iou[row] == pytest.approx(jaccard_score(y.ravel(), p.ravel()), rel=1e-6)


def surface(mask: np.ndarray) -> np.ndarray:
    """Pixels of a mask with a neighbour above, below, left or right outside it; the picture's
    edge counts as outside."""
    points = np.argwhere(mask & ~binary_erosion(mask, border_value=0))
    return points.astype(np.float64)


def hausdorff(p: np.ndarray, y: np.ndarray, percentile: float) -> float:
    """MONAI's definition: the percentile (linear between ranks) of the distances from each surface
    pixel to the other mask's nearest one, in each direction; the larger of both."""
    directed: list[float] = []
    for one, other in ((surface(p), surface(y)), (surface(y), surface(p))):
        nearest = sorted(min(float(np.hypot(*(a - b))) for b in other) for a in one)
        rank = percentile / 100.0 * (len(nearest) - 1)
        below, above = nearest[int(np.floor(rank))], nearest[int(np.ceil(rank))]
        directed.append(below + float(rank - np.floor(rank)) * (above - below))
    return max(directed)


@pytest.mark.parametrize(("prediction", "truth"), PAIRS)
def test_hd95_is_a_loop_over_surface_pixels(prediction: np.ndarray, truth: np.ndarray) -> None:
    scores = mask_scores(prediction[:3], truth[:3])
    for value, p, y in zip(scores.hd95, prediction, truth, strict=False):
        assert value == pytest.approx(hausdorff(p, y, PERCENTILE), abs=1e-4)


def test_hd95_is_not_the_maximum() -> None:
    truth = np.zeros((1, 64, 64), dtype=bool)
    truth[0, 20:40, 20:40] = True
    prediction = truth.copy()
    prediction[0, 60, 60] = True  # one far pixel of 77
    assert mask_scores(prediction, truth).hd95[0] == 0.0
    assert hausdorff(prediction[0], truth[0], 100.0) == pytest.approx(np.hypot(21, 21))


def test_hd95_by_hand() -> None:
    truth, prediction = np.zeros((2, 1, 32, 32), dtype=bool)
    truth[0, 4:10, 4:10] = True
    prediction[0, 4:10, 11:17] = True
    # Shifted by 7: a surface's 20 pixels lie at 7 (its far column, 6 of them) down to 2.
    scores = mask_scores(prediction, truth)
    assert scores.hd95[0] == pytest.approx(7.0)
    assert (scores.dice[0], scores.iou[0]) == (0.0, 0.0)


@pytest.mark.parametrize(("prediction", "truth"), PAIRS)
def test_scores_are_symmetric(prediction: np.ndarray, truth: np.ndarray) -> None:
    there, back = mask_scores(prediction, truth), mask_scores(truth, prediction)
    for one, other in zip(there, back, strict=True):
        assert np.allclose(one, other, rtol=1e-6)


def test_perfect_masks() -> None:
    masks = blobs(5, 24, 0.2, 9)
    scores = mask_scores(masks, masks)
    assert scores.dice.tolist() == scores.iou.tolist() == [1.0] * 5
    assert scores.hd95.tolist() == [0.0] * 5
    assert all(values.dtype == np.float64 for values in scores)


def test_empty_masks() -> None:
    some = blobs(1, 20, 0.2, 0)[0]
    none = np.zeros_like(some)
    scores = mask_scores(np.stack([none, none, some, some]), np.stack([none, some, none, some]))
    assert scores.dice.tolist() == [1.0, 0.0, 0.0, 1.0]
    assert scores.iou.tolist() == [1.0, 0.0, 0.0, 1.0]
    assert np.array_equal(scores.hd95, [0.0, np.nan, np.nan, 0.0], equal_nan=True)


def test_all_empty() -> None:
    none = np.zeros((3, 20, 20), dtype=bool)
    assert mask_scores(none, none).hd95.tolist() == [0.0] * 3
    assert np.isnan(mask_scores(none, ~none).hd95).all()


def test_no_warning_reaches_the_caller() -> None:
    prediction, truth = PAIRS[0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        mask_scores(prediction, truth)
    assert not caught


def test_masks_that_cannot_be_written() -> None:
    masks = blobs(2, 20, 0.2, 1)
    masks.flags.writeable = False
    assert mask_scores(masks, masks).dice.tolist() == [1.0, 1.0]


def test_published_constants() -> None:
    assert (THRESHOLD, PERCENTILE) == (0.5, 95.0)


def batch(seed: int, share: float = 0.3) -> tuple[Tensor, Tensor]:
    """Probabilities and a target, float64, shape (3, 1, 12, 12)."""
    generator = torch.Generator().manual_seed(seed)
    prediction = torch.rand(3, 1, 12, 12, generator=generator, dtype=torch.float64)
    target = torch.rand(3, 1, 12, 12, generator=generator, dtype=torch.float64) < share
    return prediction, target.double()


@pytest.mark.parametrize("share", [0.3, 0.01, 0.0, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_soft_dice_is_a_loop_over_pixels(seed: int, share: float) -> None:
    prediction, target = batch(seed, share)
    p, y = prediction.flatten().tolist(), target.flatten().tolist()
    if not any(y):
        p, y = [1.0 - value for value in p], [1.0] * len(y)
    product = sum(a * b for a, b in zip(p, y, strict=True))
    expected = -2.0 * product / (sum(y) + sum(p) + 1.0)
    assert float(soft_dice_loss(prediction, target)) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_range_and_perfect_prediction(share: float) -> None:
    for seed in range(5):
        prediction, target = batch(seed, share)
        loss = float(soft_dice_loss(prediction, target))
        best = float(soft_dice_loss(target, target))
        worst = float(soft_dice_loss(1.0 - target, target))
        assert -1.0 < best < loss < worst
        assert worst == 0.0
        area = float(target.sum()) or float(target.numel())
        assert best == pytest.approx(-2.0 * area / (2.0 * area + 1.0), rel=1e-12)


def test_an_empty_batch_is_scored_on_its_background() -> None:
    prediction, target = batch(0, share=0.0)
    full = torch.ones_like(target)
    assert soft_dice_loss(prediction, target) == soft_dice_loss(1.0 - prediction, full)


def test_one_image_with_foreground_keeps_the_batch_upright() -> None:
    prediction, target = batch(0, share=0.0)
    target[1, 0, 3, 4] = 1.0
    expected = -2.0 * prediction[1, 0, 3, 4] / (1.0 + prediction.sum() + 1.0)
    assert float(soft_dice_loss(prediction, target)) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_gradient_points_towards_the_target(share: float) -> None:
    prediction, target = batch(4, share)
    prediction.requires_grad_()
    soft_dice_loss(prediction, target).backward()
    assert prediction.grad is not None
    # Descending raises foreground and lowers background, wherever the quotient moves at all.
    assert (prediction.grad[target == 1.0] < 0.0).all()
    assert (prediction.grad[target == 0.0] > 0.0).all()


def test_order_of_images_is_no_matter() -> None:
    prediction, target = batch(5)
    order = torch.tensor([2, 0, 1])
    assert float(soft_dice_loss(prediction[order], target[order])) == pytest.approx(
        float(soft_dice_loss(prediction, target)), rel=1e-12
    )
