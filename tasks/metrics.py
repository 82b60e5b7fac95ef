"""What a segmentation is trained on and scored by."""

import warnings
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

#: Foreground is where the probability exceeds this (the published protocol).
THRESHOLD = 0.5
#: Percentile of the Hausdorff distance.
PERCENTILE = 95.0


def soft_dice_loss(
    prediction: Float[Tensor, "batch 1 height width"],
    target: Float[Tensor, "batch 1 height width"],
) -> Float[Tensor, ""]:
    """The reference's batch-global soft Dice, -2 sum(p y) / (sum y + sum p + 1).

    A batch without foreground is scored on its background: prediction and target are inverted
    first, because the quotient would be zero whatever is predicted.

    Args:
        prediction: Foreground probabilities in [0, 1].
        target: 0 or 1.

    Returns:
        The loss, in (-1, 0].
    """
    empty = (target.sum() == 0).to(prediction.dtype)
    p = empty + (1.0 - 2.0 * empty) * prediction
    y = empty + (1.0 - 2.0 * empty) * target
    return -2.0 * (p * y).sum() / (y.sum() + p.sum() + 1.0)


def dice(
    prediction: Bool[np.ndarray, "images height width"],
    truth: Bool[np.ndarray, "images height width"],
) -> Float[np.ndarray, " images"]:
    """Dice of each image by MONAI; two empty masks agree, one empty mask scores 0."""
    from monai.metrics.meandice import compute_dice  # noqa: PLC0415

    p, y = (torch.from_numpy(masks.copy())[:, None].float() for masks in (prediction, truth))
    scores: np.ndarray = compute_dice(p, y, ignore_empty=False)[:, 0].numpy().astype(np.float64)
    return scores


class MaskScores(NamedTuple):
    """Scores per image, each of shape (images,).

    Two empty masks agree: Dice and IoU 1, distance 0. Where only one is empty, Dice and IoU are 0
    and the distance has no value (NaN), which is counted and never averaged in.
    """

    dice: Float[np.ndarray, " images"]
    iou: Float[np.ndarray, " images"]
    hd95: Float[np.ndarray, " images"]


def mask_scores(
    prediction: Bool[np.ndarray, "images height width"],
    truth: Bool[np.ndarray, "images height width"],
) -> MaskScores:
    """Dice, IoU and 95th-percentile Hausdorff distance (pixels) of each image, by MONAI."""
    from monai.metrics import compute_hausdorff_distance, compute_iou  # noqa: PLC0415

    p, y = (torch.from_numpy(masks.copy())[:, None].float() for masks in (prediction, truth))
    iou = compute_iou(p, y, ignore_empty=False)[:, 0].numpy().astype(np.float64)
    seen, marked = prediction.any(axis=(1, 2)), truth.any(axis=(1, 2))
    iou[~seen & ~marked] = 1.0
    hd95 = np.where(~seen & ~marked, 0.0, np.nan)
    both = np.logical_and(seen, marked)
    if both.any():
        chosen = torch.from_numpy(both)
        with warnings.catch_warnings():
            # MONAI 1.6 passes itself an argument that it deprecated.
            warnings.filterwarnings("ignore", ".*always_return_as_numpy.*", FutureWarning)
            hd95[both] = compute_hausdorff_distance(
                p[chosen], y[chosen], include_background=True, percentile=PERCENTILE
            )[:, 0].numpy()
    return MaskScores(dice(prediction, truth), iou, hd95)
