"""Bright squares to segment, and the tiny networks that tests fine-tune on them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from methods.networks import Encoder, SegmentationDecoder
from tasks.base import NORMALISATION
from tasks.finetuning import FineTuning
from tasks.labelled import Labelled, SegmentationData, Settings
from tasks.segmenter import Segmenter


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
        test=squares("test", 3, 32, seed),
        normalisation=NORMALISATION["chest X-ray"],
        rotation=30.0,
        flips=False,
        manifest="",
        settings=Settings(**{"size": 32, "steps": 3, "checks": 3} | settings),
        kind="phantom",
    )


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


def segmenter(seed: int = 0) -> Segmenter:
    seeing = encoder(seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Segmenter(seeing, SegmentationDecoder(seeing.channels))
