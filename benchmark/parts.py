"""The tables of a plan, and what a task's table leaves to the common one."""

import math
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from methods.errors import ConfigError
from methods.precision import Precision
from tasks.labelled import Settings
from tasks.landmarks.data import SUPPORTS, WINDOW, LandmarkSettings
from tasks.selection import Rule
from tasks.splits import LEAST_TRAINING

Fraction = Annotated[float, Field(gt=0, le=1)]
#: Of a window, as a fraction of the image's side.
Width = Annotated[float, Field(gt=0, le=1)]


class Part(BaseModel):
    """A table of the plan; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class BudgetPart(Part):
    """What each pre-training spends (``methods.base.Budget``), and what an audit compares.

    Attributes:
        images: Images drawn; every method spends exactly as many, but those of ``own``.
        checks: How often the validation loss is computed.
        statistics: Batch-norm statistics of the encoder.
        axis: What an audit holds methods to have spent alike. It changes no training and no key.
        tolerance: By how many per cent they may differ on that axis.
        own: Images that some methods draw instead, by name: to spend alike on another axis.
    """

    images: int = Field(gt=0)
    checks: int = Field(default=20, gt=0)
    statistics: Literal["recalibrated", "trained"] = "recalibrated"
    axis: Literal["images", "steps", "flops", "seconds"] = "images"
    tolerance: float = Field(default=1.0, ge=0)
    own: dict[str, Annotated[int, Field(gt=0)]] = {}

    def of(self, method: str) -> "BudgetPart":
        """What a method spends."""
        return self.model_copy(update={"images": self.own.get(method, self.images), "own": {}})


class LimitsPart(Part):
    """The most that a cell may spend; nothing by default."""

    hours: float | None = Field(default=None, gt=0)
    memory_gib: float | None = Field(default=None, gt=0)


class EncoderPart(Part):
    """A row of somebody else's weights (``methods.given``).

    Attributes:
        file: Relative to the plan; ``.safetensors``, ``.pth`` or ``.pt``.
        channels: "mean" averages kernels for colour over its channels where images are grey.
    """

    file: str
    channels: Literal["same", "mean"] = "same"


class ShapePart(Part):
    """A row of shape-guided local discrimination (``methods.ld.shape_guided``).

    Attributes:
        masks: A folder of masks, relative to the plan; or "phantom:octa", "phantom:angiography".
        pattern: Of the files' names in the folder.
        note: What the masks are, for those who read the table.
    """

    masks: str
    pattern: str = "*"
    note: str = ""

    @property
    def said(self) -> str:
        """What the prior is, in a few words; of a folder its name, not where it lies."""
        told = (
            self.masks if self.masks.startswith("phantom:") else f"masks of {Path(self.masks).name}"
        )
        return f"{told}: {self.note}" if self.note else told


class PhantomPart(Part):
    """The phantoms that ``--data phantom`` writes.

    Attributes:
        scale: Share of each data set's images.
        most: After the scale, no training list is longer than this and no test list longer than
            half of it; pools are not cut. No limit if None.
        size: Short side in pixels.
        seed: Of every image.
    """

    scale: float = Field(default=0.25, gt=0, le=1)
    most: int | None = Field(default=None, ge=LEAST_TRAINING)
    size: int = Field(default=256, ge=64)
    seed: int = 0


class LandmarksPart(Part):
    """How landmarks are found (``tasks.landmarks``); it changes no other cell.

    Attributes:
        supports: How many annotated images take turns.
        window: Standard deviation of the Gaussian weight, as a fraction of the image's side.
        windows: Other widths whose effect is measured besides.
    """

    supports: int = Field(default=SUPPORTS, gt=0)
    window: Width = WINDOW
    windows: list[Width] = []

    def settings(self, task: str, size: int, precision: Precision, images: int) -> LandmarkSettings:
        """As the tasks take them.

        Args:
            task: For errors.
            size: Side of the images in pixels.
            precision: Of the convolutions.
            images: How many supports can be drawn from.

        Raises:
            ConfigError: If there are fewer images than supports.
        """
        if self.supports > images:
            raise ConfigError(
                f"landmarks.supports = {self.supports}, and {task} has {images} images to draw "
                "them from: ask for fewer, or for more phantoms (phantom.scale, phantom.most)"
            )
        return LandmarkSettings(
            size=size,
            precision=precision,
            supports=self.supports,
            window=self.window,
            windows=tuple(self.windows),
        )


class TuningPart(Part):
    """How ``ldbench tune`` searches (``benchmark.tuning``); it changes no cell.

    Attributes:
        images: Images that a trial draws if it goes on to the end; the budget's if None.
        rungs: How often trials are compared on the way; 1 for no halving.
        factor: How many times fewer trials go on with how many times more images.
        sampler: Who says where a trial looks.
        stage: What is fine-tuned and validated.
        tasks: Whose validation images count; all of the plan's if empty.
        seed: Of the search, and of every training in it; none of the plan's seeds, so that the luck
            of one of them is not what is tuned.
    """

    images: int | None = Field(default=None, gt=0)
    rungs: int = Field(default=3, gt=0, le=10)
    factor: int = Field(default=2, gt=1)
    sampler: Literal["tpe", "random", "grid"] = "tpe"
    stage: Literal["frozen", "finetuned", "direct"] = "frozen"
    tasks: list[str] = []
    seed: int = 1000


class TunedPart(Part):
    """What tuning has found for a method on a domain; ``ldbench run --tuned`` fills it in.

    Attributes:
        config: The best trial's hyperparameters.
        trial: Which was the best.
        study: The study's name.
        kind: Of the images that were scored.
        brackets: How many trials began together, again and again.
        images: Images that a trial drew if it went on to the end.
        rungs: How often trials were compared.
        factor: How many times fewer went on each time.
        sampler: Who said where a trial looked.
        stage: What was fine-tuned and validated.
        tasks: Whose validation images counted.
        selection: Which checkpoint of a fine-tuning was validated.
    """

    config: dict[str, int | float]
    trial: int = Field(ge=0)
    study: str
    kind: str
    brackets: list[int] = Field(min_length=1)
    images: int = Field(gt=0)
    rungs: int = Field(gt=0)
    factor: int = Field(gt=1)
    sampler: str
    stage: str
    tasks: list[str] = Field(min_length=1)
    selection: str

    @property
    def trials(self) -> int:
        """How many there were."""
        return sum(self.brackets)

    @property
    def terms(self) -> str:
        """All that methods of one table must have been given alike."""
        trials = " + ".join(map(str, self.brackets))
        halving = f"in {self.rungs} rungs by {self.factor}" if self.rungs > 1 else "each"
        return (
            f"{trials} trials of {self.images} images {halving} ({self.sampler}, {self.stage}, "
            f"{self.selection}, on {', '.join(self.tasks)})"
        )


class TaskPart(Part):
    """What fine-tuning on one task does otherwise than ``[downstream]`` says."""

    steps: int | None = Field(default=None, gt=0)
    epochs: float | None = Field(default=None, gt=0)
    batch_size: int | None = Field(default=None, gt=0)
    learning_rate: float | None = Field(default=None, gt=0)
    checks: int | None = Field(default=None, gt=0)
    fractions: list[Fraction] | None = Field(default=None, min_length=1)


class DownstreamPart(Part):
    """What each fine-tuning spends (``tasks.labelled.Settings``).

    Attributes:
        steps: Optimiser steps of each of the two stages; either these or ``epochs``.
        epochs: Passes over the training images instead, a part of one too; the steps are rounded
            up.
        batch_size: Images a step.
        learning_rate: Adam's, constant.
        checks: How often a stage looks at its validation loss.
        fractions: Shares of the training list whose labels are used, each a cell of its own.
        selection: Which checkpoint of a stage is scored (``tasks.selection``).
        finetuned: Whether everything is fine-tuned once the decoder is trained; a results folder
            keeps to the one or the other.
        direct: Methods that are fine-tuned in one stage besides.
        decoder: Whether a decoder is trained at all; without it there are the cells of ``probe``
            and of ``[shapes]`` only. A results folder keeps to it, too.
        probe: Whether frozen features are scored without a decoder too, of every method, by a
            linear probe and by nearest neighbours (``tasks.probing``).
        tasks: Exceptions, by the task's name or the stem of an own task's file.
    """

    steps: int | None = Field(default=None, gt=0)
    epochs: float | None = Field(default=None, gt=0)
    batch_size: int = Field(default=2, gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    checks: int = Field(default=20, gt=0)
    fractions: list[Fraction] = Field(default=[1.0], min_length=1)
    selection: Rule = "validation-best"
    finetuned: bool = True
    decoder: bool = True
    direct: list[str] = ["random"]
    probe: bool = False
    tasks: dict[str, TaskPart] = {}

    def of(self, task: str) -> "DownstreamPart":
        """With the exceptions of one task in place of the common settings."""
        own = self.tasks.get(task, TaskPart()).model_dump(exclude_none=True)
        if "steps" in own or "epochs" in own:
            own = {"steps": None, "epochs": None} | own
        return self.model_copy(update={**own, "tasks": {}})

    def check(self, *, trained: bool) -> None:
        """Insist on one count for every task, and on no fraction twice.

        Args:
            trained: Whether there is a task that anything is trained for.

        Raises:
            ConfigError: Naming the table.
        """
        parts: dict[str, DownstreamPart | TaskPart] = {"downstream": self}
        parts |= {f"downstream.tasks.{task}": own for task, own in self.tasks.items()}
        for place, part in parts.items():
            if part.steps is not None and part.epochs is not None:
                raise ConfigError(f"{place} has both steps and epochs: give one of them")
            if len(set(part.fractions or ())) < len(part.fractions or ()):
                raise ConfigError(f"{place}.fractions lists one twice: {part.fractions}")
        if trained and self.steps is None and self.epochs is None:
            raise ConfigError("downstream needs steps or epochs: give one of them")

    def settings(self, size: int, precision: Precision, fraction: float, images: int) -> Settings:
        """As the tasks take them.

        Args:
            size: Side of the images in pixels.
            precision: Of the convolutions.
            fraction: Share of the labels.
            images: How many images train then, without those that validate.
        """
        epochs = self.epochs or 0.0
        # A hair less, so that a product such as 0.1 x 30 is not rounded up for its last digit.
        counted = max(1, math.ceil(epochs * images / self.batch_size - 1e-9))
        return Settings(
            size=size,
            steps=self.steps or counted,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            checks=self.checks,
            fraction=fraction,
            precision=precision,
            selection=self.selection,
        )
