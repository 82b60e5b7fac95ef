"""Labelled images, in parts: all of them, or those that a training may see."""

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Bool, UInt8

from methods.precision import Precision
from tasks import preparation
from tasks.base import Normalisation
from tasks.selection import Rule


@dataclass(frozen=True, slots=True)
class Settings:
    """What a plan may choose about downstream training; the protocol fixes the rest.

    Attributes:
        size: Side of the images in pixels, 32 to 512.
        steps: Optimiser steps of each of the two stages; ``direct`` takes the sum.
        batch_size: Images a step; the reference uses 2, and 8 for SIIM.
        learning_rate: Adam's, constant.
        checks: How often a stage looks at its validation loss.
        fraction: Share of the training list whose labels are used.
        precision: Precision of the convolutions.
        selection: Which checkpoint of a stage is scored (``tasks.selection``).
    """

    size: int = 512
    steps: int = 2200
    batch_size: int = 2
    learning_rate: float = 1e-3
    checks: int = 20
    fraction: float = 1.0
    precision: Precision = "float32"
    selection: Rule = field(default="validation-best", metadata={"added later": True})

    def __post_init__(self) -> None:
        if not 32 <= self.size <= preparation.SIDE:
            raise ValueError(f"size must lie in 32 to {preparation.SIDE} px, not {self.size}")
        for name in ("steps", "batch_size", "checks"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class Labelled:
    """Prepared images with masks, in the order of ``ids``."""

    ids: tuple[str, ...]
    images: UInt8[np.ndarray, "images channels side side"]
    masks: Bool[np.ndarray, "images side side"]

    def __len__(self) -> int:
        return len(self.ids)

    def truth(self) -> Bool[np.ndarray, "images side side"]:
        """The masks."""
        return self.masks

    def cut(self, first: int, last: int) -> "Labelled":
        """Those from ``first`` to before ``last``; their arrays are not copied."""
        return Labelled(self.ids[first:last], self.images[first:last], self.masks[first:last])


class WithheldError(RuntimeError):
    """Test images or masks that were asked of data without any."""


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Images without masks: what those may see who learn from no label.

    Attributes:
        ids: Names of the images.
        images: Prepared, in the order of ``ids``.
        normalisation: How images enter the encoder.
        rotation: Largest rotation of the augmentation, degrees.
        flips: Whether the augmentation mirrors images.
        settings: What the plan chose.
    """

    ids: tuple[str, ...]
    images: UInt8[np.ndarray, "images channels side side"]
    normalisation: Normalisation
    rotation: float
    flips: bool
    settings: Settings

    def __len__(self) -> int:
        return len(self.ids)

    if not TYPE_CHECKING:  # to a type checker there is no such attribute, as it should be

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            if name == "masks":
                raise WithheldError("masks are withheld: this data is for those without labels")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a training may see of a task: everything but its test images.

    Attributes:
        train: Labelled images that train.
        validation: Those that choose the checkpoint.
        normalisation: How images enter the encoder.
        rotation: Largest rotation of the augmentation, degrees.
        flips: Whether the augmentation mirrors images.
        manifest: Digest of every source file, the split and the preparation.
        settings: What the plan chose.
        kind: Real or phantom images.
        variant: Which of several accepted layouts was read; empty if there is one only.
        labelled: Validation and training images one after the other, in the published order, of
            which both parts are cuts; None if they were made apart.
    """

    train: Labelled
    validation: Labelled
    normalisation: Normalisation
    rotation: float
    flips: bool
    manifest: str
    settings: Settings
    kind: str
    variant: str = ""
    labelled: Labelled | None = None

    def training(self) -> "TrainingData":
        """The same without test images."""
        return TrainingData(
            **{each.name: getattr(self, each.name) for each in fields(TrainingData)}
        )

    def unlabelled(self, *parts: Labelled) -> Unlabelled:
        """The images of some parts, one after the other, without their masks."""
        return Unlabelled(
            tuple(name for part in parts for name in part.ids),
            np.concatenate([part.images for part in parts]),
            self.normalisation,
            self.rotation,
            self.flips,
            self.settings,
        )

    if not TYPE_CHECKING:  # to a type checker there is no such attribute, as it should be

        def __getattr__(self, name: str) -> Any:  # noqa: ANN401
            if name == "test":
                raise WithheldError("test images are withheld: this data is for training only")
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


@dataclass(frozen=True, slots=True)
class SegmentationData(TrainingData):
    """A task's three parts, ready to train and score on.

    Attributes:
        test: The images that score, and are used for nothing else.
    """

    test: Labelled = field(kw_only=True)
