"""How an encoder is fine-tuned for segmentation: frozen, then everything; or everything at once.

The protocol of the LD reference (https://arxiv.org/abs/2108.09440), counted in steps: a fresh
decoder, which both stages train, a fresh Adam for each stage, constant rate, batch-global soft
Dice, the checkpoint of lowest validation loss kept (or that of another rule, ``tasks.selection``),
every test image scored on its own.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch

from methods.base import Scalar, Spent
from methods.checkpoint import Checkpoint, Checkpoints, kept, moments, put_back, put_moments_back
from methods.draws import derive_seed
from methods.errors import ConfigError, DivergedError
from methods.ledger import Ledger
from methods.networks import Encoder, SegmentationDecoder, set_precision
from tasks.base import Score, TaskScores
from tasks.blind import blind_scores
from tasks.labelled import Labelled, SegmentationData, TrainingData
from tasks.metrics import dice, mask_scores, soft_dice_loss
from tasks.segmenter import Segmenter, augmented, batches, predictions, validation_loss
from tasks.selection import SELECTIONS, Check

#: What each stage trains: the decoder alone, or the encoder too; and its share of two stages.
STAGES = {"frozen": (False, 1), "finetuned": (True, 1), "direct": (True, 2)}
#: What of a fine-tuning's numbers a checkpoint holds.
POSITION = (
    *("number", "step", "taken", "facts", "parameters"),
    *("best_cost", "best_loss", "best_step", "opened"),
)
#: Those that are infinite before the first check.
LOWEST = ("best_cost", "best_loss")
#: Mean Dice of the test images, which a training asks for only if its rule of selection cheats.
Oracle = Callable[[Segmenter], float]


def finetune(
    encoder: Encoder,
    data: SegmentationData,
    stages: tuple[str, ...],
    *,
    seed: int,
    observe: Callable[[int], None] | None = None,
    checkpoints: Checkpoints | None = None,
) -> TaskScores:
    """Train and score an encoder in the given stages, one after another.

    The decoder's initialisation, the order of batches and the augmentation depend on the seed and
    the stage alone, so that two methods' scores of one seed are paired. The given encoder is left
    as it was. Training is not given the test images; they are opened when a stage has ended, or by
    the rule of selection if it is one that cheats.

    Args:
        encoder: Pre-trained, on the device to use.
        data: The task's images.
        stages: ("frozen", "finetuned"), ("frozen",) or ("direct",).
        seed: Of the decoder, the batches and the augmentation.
        observe: Called after each step with 1.
        checkpoints: Where to start from, and who keeps checkpoints how often.

    Returns:
        Scores of every test image after each stage, with the masks that were scored.

    Raises:
        DivergedError: If a loss is not finite.
    """
    cheats = SELECTIONS[data.settings.selection].opens_test
    tuning = FineTuning(
        encoder, data.training(), stages, seed, dice_of_test(data) if cheats else None
    )
    if checkpoints is not None and checkpoints.start is not None:
        tuning.restore(checkpoints.start)
    while tuning.number < len(stages):
        tuning.train(observe, checkpoints)
        # The stage is over: its network does not change any more.
        tuning.score(data.test)
    rows = [row for stage in stages for row in stage_scores(stage, tuning.masks[stage], data.test)]
    facts = {"blind": blind_scores(data), **tuning.facts}
    spent = Spent(tuning.taken, tuning.parameters, **tuning.ledger.operations())
    return TaskScores(rows, tuning.masks, facts, spent)


def dice_of_test(data: SegmentationData) -> Oracle:
    """What tells a segmenter's mean Dice on the test images."""

    def mean_dice(segmenter: Segmenter) -> float:
        device = next(segmenter.encoder.parameters()).device
        masks = predictions(segmenter, data.test, data, device)
        return float(dice(masks, data.test.masks).mean())

    return mean_dice


class FineTuning:
    """One fine-tuning under way: where it stands.

    Raises:
        ConfigError: If the rule of selection looks at test images and there is no ``oracle``.
    """

    def __init__(
        self,
        encoder: Encoder,
        data: TrainingData,
        stages: tuple[str, ...],
        seed: int,
        oracle: Oracle | None = None,
    ) -> None:
        self.selection, self.oracle = SELECTIONS[data.settings.selection], oracle
        if self.selection.opens_test and oracle is None:
            raise ConfigError(
                f"selection {self.selection.name} looks at test images: here there are none, so "
                "choose another"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed(seed, "decoder"))
            decoder = SegmentationDecoder(encoder.channels)
        self.device = next(encoder.parameters()).device
        self.segmenter = Segmenter(deepcopy(encoder), decoder.to(self.device))
        for network in (self.segmenter.encoder, self.segmenter.decoder):
            set_precision(network, data.settings.precision)
        self.data, self.stages, self.seed = data, stages, seed
        self.masks: dict[str, np.ndarray] = {}
        self.facts: dict[str, Any] = {}
        self.ledger, self.parameters = Ledger(), 0
        # Stages ended, steps of the one under way, steps of all.
        self.number = self.step = self.taken = 0
        self.begin()

    def begin(self) -> None:
        """Start the stage under way: its own optimiser and batches; the best is what there is."""
        self.stage = self.stages[self.number]
        self.trainable, shares = STAGES[self.stage]
        settings = self.data.settings
        self.steps = shares * settings.steps
        parameters = [*self.segmenter.decoder.parameters()]
        if self.trainable:
            parameters += self.segmenter.encoder.parameters()
        self.parameters = max(self.parameters, sum(p.numel() for p in parameters))
        self.optimiser = torch.optim.Adam(parameters, lr=settings.learning_rate, fused=True)
        order = derive_seed(self.seed, "batches", self.stage)
        self.stream = batches(len(self.data.train), settings.batch_size, order)
        self.step = self.best_step = 0
        self.best_cost = self.best_loss = math.inf
        self.best = self.segmenter.state()
        # At which step the test images were looked at first.
        self.opened: int | None = None

    def train(self, observe: Callable[[int], None] | None, checkpoints: Checkpoints | None) -> None:
        """Train what is left of the stage and return to its best checkpoint."""
        checks = min(self.data.settings.checks, self.steps)
        while self.step < self.steps:
            loss = self.train_step()
            if observe is not None:
                observe(1)
            if self.step * checks // self.steps > (self.step - 1) * checks // self.steps:
                self.check(loss)
            if checkpoints is not None and checkpoints.due(self.taken):
                checkpoints.keep(self.checkpoint())
        self.segmenter.restore(self.best)

    def train_step(self) -> Scalar:
        """Draw a batch, take one step; returns the loss."""
        self.segmenter.decoder.train()
        self.segmenter.encoder.train(self.trainable)
        rows, views = next(self.stream), derive_seed(self.seed, "views", self.stage)
        images, truth = augmented(self.data, rows, views, self.step, self.device)
        self.optimiser.zero_grad(set_to_none=True)
        with self.ledger.step(self.stage) as forward_done:
            loss = soft_dice_loss(self.segmenter(images, trainable=self.trainable), truth)
            forward_done()
            loss.backward()
        self.optimiser.step()
        self.step += 1
        self.taken += 1
        done: Scalar = loss.detach()
        return done

    def check(self, loss: Scalar) -> None:
        """Look at the validation loss; keep the weights if the rule prefers them so far."""
        with self.ledger.other("validation"):
            validation = validation_loss(self.segmenter, self.data, self.device)
        if not math.isfinite(validation) or not bool(torch.isfinite(loss)):
            raise DivergedError(
                f"the {self.stage} loss is {float(loss)}, on the validation images {validation}, "
                f"by step {self.step - 1} of {self.steps}: lower the learning_rate"
            )
        cost = self.selection.cost(Check(self.step, validation, self.open_test))
        if cost < self.best_cost:
            self.best_cost, self.best_loss, self.best_step = cost, validation, self.step
            self.best = self.segmenter.state()

    def open_test(self) -> float:
        """Mean Dice of the test images now; that they were looked at is noted."""
        assert self.oracle is not None
        if self.opened is None:
            self.opened = self.step
        with self.ledger.other("oracle"):
            return self.oracle(self.segmenter)

    def score(self, test: Labelled) -> None:
        """Predict the test images with the network that the ended stage leaves; go on."""
        opened = self.step if self.opened is None else self.opened
        self.end(test, "test", {"test opened after step": opened})

    def score_validation(self) -> None:
        """The same with the validation images; test images are not opened."""
        self.end(self.data.validation, "validation", {})

    def end(self, part: Labelled, called: str, known: dict[str, Any]) -> None:
        """Predict a part with the network that the ended stage leaves; go on."""
        with self.ledger.other(called):
            self.masks[self.stage] = predictions(self.segmenter, part, self.data, self.device)
        self.facts[self.stage] = {
            "selection": self.selection.name,
            "steps": self.steps,
            "best step": self.best_step,
            "validation loss": self.best_loss,
            **known,
        }
        self.number += 1
        if self.number < len(self.stages):
            self.begin()

    def checkpoint(self) -> Checkpoint:
        """Everything that the rest depends on."""
        encoder, decoder = self.best
        tensors = {
            **kept(self.segmenter.encoder.state_dict(), "encoder"),
            **kept(self.segmenter.decoder.state_dict(), "decoder"),
            **kept(encoder, "best encoder"),
            **kept(decoder, "best decoder"),
            **kept(moments(self.optimiser), "optimiser"),
            **kept({stage: torch.from_numpy(m) for stage, m in self.masks.items()}, "masks"),
        }
        values = deepcopy({name: getattr(self, name) for name in POSITION})
        for name in LOWEST:
            if math.isinf(values[name]):
                values[name] = None  # JSON knows no infinity
        return Checkpoint(tensors, {**values, "operations": self.ledger.values()})

    def restore(self, start: Checkpoint) -> None:
        """Go to where a checkpoint was taken."""
        self.number = start.values["number"]
        self.begin()
        # The cost is missing where nothing but the validation loss could be chosen by.
        values = {"best_cost": start.values["best_loss"], "opened": None, **start.values}
        for name in POSITION:
            unset = name in LOWEST and values[name] is None
            setattr(self, name, math.inf if unset else deepcopy(values[name]))
        put_back(self.segmenter.encoder, start.part("encoder"))
        put_back(self.segmenter.decoder, start.part("decoder"))
        self.best = (start.part("best encoder"), start.part("best decoder"))
        put_moments_back(self.optimiser, start.part("optimiser"))
        self.masks = {stage: mask.numpy() for stage, mask in start.part("masks").items()}
        self.ledger = Ledger.of(start.values["operations"])
        for _ in range(self.step):
            next(self.stream)


def stage_scores(stage: str, masks: np.ndarray, test: Labelled) -> list[Score]:
    """Every metric of every test image."""
    by_metric = mask_scores(masks, test.masks)._asdict()
    return [
        Score(stage, image, metric, float(value))
        for metric, values in by_metric.items()
        for image, value in zip(test.ids, values, strict=True)
    ]
