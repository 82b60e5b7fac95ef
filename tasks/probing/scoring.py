"""How a frozen encoder is scored without training a decoder: fit, choose, then open the test."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import sklearn
import torch
from jaxtyping import Bool
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from torch.utils.flop_counter import FlopCounterMode

from methods.base import Spent, derive_seed
from methods.networks import Encoder
from tasks.base import Score, TaskScores
from tasks.finetuning import stage_scores
from tasks.labelled import Labelled, SegmentationData, TrainingData
from tasks.probing.choice import THRESHOLDS, Choice, chosen, dice_at, enlarged
from tasks.probing.classifiers import Classifier, linear_probe, neighbours
from tasks.probing.features import Frozen
from tasks.probing.pictures import feature_colours, median_image, region_colours
from tasks.probing.representation import representation
from tasks.probing.sampling import COUNT, cover, drawn, marked

#: Validation images that choose variant and threshold, the first ones: two numbers need no more.
CHOOSERS = 32
#: Told that something was done, so that limits of time and memory are looked at.
Observe = Callable[[int], None]


def probe(
    pretrained: Any,  # noqa: ANN401
    data: SegmentationData,
    stages: tuple[str, ...],
    *,
    seed: int,
    observe: Observe | None = None,
) -> TaskScores:
    """Score a frozen encoder by a linear probe and by nearest neighbours.

    The pixels drawn and the augmented views depend on the seed alone, so that two methods' scores
    of one seed are paired. The given encoder is left as it was. Fits and choices are not given the
    test images, which are opened afterwards. The same number of threads gives the same bits.

    Args:
        pretrained: What pre-training left (``methods.base.Pretrained``), on the device to use.
        data: The task's images.
        stages: Some of ``tasks.probing.STAGES``.
        seed: Of everything drawn.
        observe: Called with 0 between parts of the work: no step is taken.

    Returns:
        Scores of every test image by each stage, with the masks that were scored, and pictures of
        the features, and of the regions of methods that have them, of one test image.

    Raises:
        DivergedError: If the encoder's features are not finite.
    """
    with threadpool_limits(limits=torch.get_num_threads()):
        probing = Probing(pretrained.encoder, data.training(), stages, seed, observe)
        with FlopCounterMode(display=False) as fitting:
            probing.fit()
        with FlopCounterMode(display=False) as aside:
            probing.choose()
            # Nothing is fitted or chosen any more.
            masks = probing.predict(data.test)
            told = representation(probing.frozen, seed)
            pictured = median_image(data.test.masks)
            model = getattr(pretrained, "model", None)
            pictures = probing.pictures(data.test, pictured, model)
    rows: list[Score] = []
    for stage in stages:
        rows += stage_scores(stage, masks[stage], data.test)
    facts = {
        **probing.facts,
        "representation": told,
        "pictured": data.test.ids[pictured],
        "scikit-learn": sklearn.__version__,
    }
    # No step was taken and no parameter of the encoder moved; fits on the CPU are not counted.
    spent = Spent(forward=fitting.get_total_flops(), aside=aside.get_total_flops())
    return TaskScores(rows, masks, facts, spent, pictures)


class Probing:
    """One encoder's classifiers under way.

    Attributes:
        frozen: The encoder.
        classifiers: By their stage, once fitted.
        choices: What validation images prefer, by the stage.
        facts: Of each stage, JSON-ready.
    """

    def __init__(
        self,
        encoder: Encoder,
        data: TrainingData,
        stages: tuple[str, ...],
        seed: int,
        observe: Observe | None = None,
    ) -> None:
        self.frozen, self.data, self.stages = Frozen.of(encoder, data), data, stages
        self.observe = observe
        self.rng = np.random.default_rng(derive_seed(seed, "cells that are probed"))
        self.classifiers: dict[str, Classifier] = {}
        self.choices: dict[str, Choice] = {}
        self.facts: dict[str, dict[str, Any]] = {}

    def fit(self) -> None:
        """Fit every stage's classifier to the same cells of the training images."""
        train = self.data.train
        sample = drawn(marked(cover(train.masks, self.frozen.side)), COUNT, self.rng)
        rows = np.unique(sample.image)
        images = self.frozen.pixels(train, rows.tolist())
        features = np.concatenate(
            [pixels[sample.cell[sample.image == row]] for row, pixels in zip(rows, images)]  # noqa: B905
        ).astype(np.float64)
        foreground = int(sample.foreground.sum())
        for stage in self.stages:
            self.classifiers[stage] = (
                linear_probe(features, sample.foreground)
                if stage == "probe"
                else neighbours(features, sample.foreground, self.frozen.weights)
            )
            self.facts[stage] = {
                "foreground drawn": foreground,
                "background drawn": len(sample) - foreground,
                **self.classifiers[stage].facts,
            }
            self.rest()

    def choose(self) -> None:
        """Choose each stage's variant and threshold by the validation images' mean Dice."""
        size, masks = self.data.settings.size, self.data.validation.masks
        scores: dict[str, list[np.ndarray]] = {stage: [] for stage in self.stages}
        choosers = min(CHOOSERS, len(masks))
        for row, pixels in self.passed(self.data.validation, choosers):
            for stage in self.stages:
                found = enlarged(self.classifiers[stage].probabilities(pixels), size)
                scores[stage].append(dice_at(found, masks[row], THRESHOLDS))
        for stage in self.stages:
            choice = self.choices[stage] = chosen(scores[stage])
            variants = self.classifiers[stage].variants
            self.facts[stage] |= {
                "selection": "validation Dice",
                **variants[choice.variant],
                "threshold": choice.threshold,
                "validation dice": choice.dice,
                "validation images": choosers,
                # What is counted here are variants compared: a probe takes no training steps.
                "steps": len(variants),
            }

    def predict(self, test: Labelled) -> dict[str, Bool[np.ndarray, "images side side"]]:
        """Every stage's masks of the test images, by what was chosen."""
        size = self.data.settings.size
        for stage in self.stages:
            # Choices that are there have compared all of their variants.
            compared = self.facts[stage]["steps"] if stage in self.choices else 0
            self.facts[stage]["test opened after step"] = compared
        masks = {stage: np.zeros((len(test), size, size), dtype=bool) for stage in self.stages}
        for row, pixels in self.passed(test, len(test)):
            for stage, choice in self.choices.items():
                found = self.classifiers[stage].probabilities(pixels)[[choice.variant]]
                masks[stage][row] = enlarged(found, size)[0] > choice.threshold
        return masks

    def pictures(self, test: Labelled, row: int, model: object) -> dict[str, np.ndarray]:
        """Pictures of one test image's features and, where the method has them, regions."""
        (pixels,) = self.frozen.pixels(test, [row])
        found = {"features": feature_colours(pixels, self.frozen.weights, self.data.settings.size)}
        regions = region_colours(model, self.frozen.inputs(test, [row]))
        return found if regions is None else {**found, "clusters": regions}

    def passed(self, part: Labelled, count: int) -> Iterator[tuple[int, np.ndarray]]:
        """The features of a part's first images, with their rows."""
        for row, pixels in enumerate(self.frozen.pixels(part, range(count))):
            yield row, pixels
            self.rest()

    def rest(self) -> None:
        """Let limits be looked at."""
        if self.observe is not None:
            self.observe(0)
