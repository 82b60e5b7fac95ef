"""How an encoder is fine-tuned for segmentation: frozen, then everything; or everything at once.

The protocol of the LD reference (https://arxiv.org/abs/2108.09440), counted in steps: a fresh
decoder and Adam for each stage, constant rate, batch-global soft Dice, the checkpoint of lowest
validation loss kept, every test image scored on its own.
"""

import math
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from torch import Tensor

from methods.draws import Draws, derive_seed, occurrences
from methods.geometry import flips, rotations, sample
from methods.networks import Encoder, SegmentationDecoder, set_precision
from tasks.base import Score, TaskScores
from tasks.metrics import THRESHOLD, dice, mask_scores, soft_dice_loss
from tasks.segmentation import Labelled, SegmentationData

#: What each stage trains: the decoder alone, or the encoder too; and its share of two stages.
STAGES = {"frozen": (False, 1), "finetuned": (True, 1), "direct": (True, 2)}


class DivergedError(RuntimeError):
    """A downstream loss that is not finite; says at which stage and step."""


@dataclass(frozen=True, slots=True)
class Segmenter:
    """An encoder with a decoder on top."""

    encoder: Encoder
    decoder: SegmentationDecoder

    def __call__(self, images: Tensor, *, trainable: bool) -> Tensor:
        """Foreground probabilities, shape (batch, 1, side, side)."""
        with torch.set_grad_enabled(trainable and torch.is_grad_enabled()):
            maps = self.encoder(images)
        out: Tensor = self.decoder(maps)
        return out

    def state(self) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """A copy of both networks' weights and statistics."""
        return deepcopy((self.encoder.state_dict(), self.decoder.state_dict()))

    def restore(self, state: tuple[dict[str, Tensor], dict[str, Tensor]]) -> None:
        """Return to a copied state."""
        self.encoder.load_state_dict(state[0])
        self.decoder.load_state_dict(state[1])


def finetune(
    encoder: Encoder,
    data: SegmentationData,
    stages: tuple[str, ...],
    *,
    seed: int,
    observe: Callable[[int], None] | None = None,
) -> TaskScores:
    """Train and score an encoder in the given stages, one after another.

    The decoder's initialisation, the order of batches and the augmentation depend on the seed and
    the stage alone, so that two methods' scores of one seed are paired. The given encoder is left
    as it was.

    Args:
        encoder: Pre-trained, on the device to use.
        data: The task's images.
        stages: ("frozen", "finetuned") or ("direct",).
        seed: Of the decoder, the batches and the augmentation.
        observe: Called after each step with 1.

    Returns:
        Scores of every test image after each stage, with the masks that were scored.

    Raises:
        DivergedError: If a loss is not finite.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "decoder"))
        decoder = SegmentationDecoder(encoder.channels)
    device = next(encoder.parameters()).device
    segmenter = Segmenter(deepcopy(encoder), decoder.to(device))
    for network in (segmenter.encoder, segmenter.decoder):
        set_precision(network, data.settings.precision)
    scores: list[Score] = []
    masks: dict[str, np.ndarray] = {}
    facts: dict[str, object] = {"blind": blind_scores(data)}
    for stage in stages:
        facts[stage] = train_stage(segmenter, data, stage, seed, observe)
        masks[stage] = predictions(segmenter, data.test, data, device)
        scores += stage_scores(stage, masks[stage], data.test)
    return TaskScores(scores, masks, facts)


def train_stage(
    segmenter: Segmenter,
    data: SegmentationData,
    stage: str,
    seed: int,
    observe: Callable[[int], None] | None,
) -> dict[str, int | float]:
    """Train one stage in place and return to its best checkpoint; what is known of it."""
    trainable, shares = STAGES[stage]
    steps = shares * data.settings.steps
    parameters = [*segmenter.decoder.parameters()]
    if trainable:
        parameters += segmenter.encoder.parameters()
    optimiser = torch.optim.Adam(parameters, lr=data.settings.learning_rate)
    device = parameters[0].device
    stream = batches(len(data.train), data.settings.batch_size, derive_seed(seed, "batches", stage))
    best_loss, best_step, best_state = math.inf, 0, segmenter.state()
    for step in range(steps):
        segmenter.decoder.train()
        segmenter.encoder.train(trainable)
        images, truth = augmented(
            data, next(stream), derive_seed(seed, "views", stage), step, device
        )
        loss = soft_dice_loss(segmenter(images, trainable=trainable), truth)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if observe is not None:
            observe(1)
        checks = min(data.settings.checks, steps)
        if (step + 1) * checks // steps > step * checks // steps:
            validation = validation_loss(segmenter, data, device)
            if not math.isfinite(validation) or not bool(torch.isfinite(loss)):
                raise DivergedError(
                    f"the {stage} loss is {float(loss.detach())}, on the validation images "
                    f"{validation}, by step {step} of {steps}: lower the learning_rate"
                )
            if validation < best_loss:
                best_loss, best_step, best_state = validation, step + 1, segmenter.state()
    segmenter.restore(best_state)
    return {"steps": steps, "best step": best_step, "validation loss": best_loss}


def batches(images: int, size: int, seed: int) -> Iterator[list[int]]:
    """Endless batches, every image once before any comes again."""

    def indices() -> Iterator[int]:
        for epoch in count():
            generator = torch.Generator().manual_seed(derive_seed(seed, epoch))
            yield from torch.randperm(images, generator=generator).tolist()

    stream = indices()
    while True:
        yield [next(stream) for _ in range(size)]


def tensors(part: Labelled, rows: list[int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Images in [0, 1] and masks 0 or 1, each (batch, channels or 1, side, side)."""
    images = torch.from_numpy(np.ascontiguousarray(part.images[rows])).to(device).float() / 255.0
    truth = torch.from_numpy(part.masks[rows]).to(device)[:, None].float()
    return images, truth


def normalised(images: Tensor, data: SegmentationData) -> Tensor:
    """Images in [0, 1] as the encoder takes them."""
    mean = images.new_tensor(data.normalisation.mean)[:, None, None]
    std = images.new_tensor(data.normalisation.std)[:, None, None]
    return (images - mean) / std


def augmented(
    data: SegmentationData, rows: list[int], seed: int, step: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """A training batch after flips (fundus only) and a rotation, zeros outside.

    Images are sampled bilinearly, masks to the nearest pixel.
    """
    images, truth = tensors(data.train, rows, device)
    draws = Draws(seed, step, torch.tensor(rows), occurrences(rows), device)
    placement = rotations(draws.uniform("rotation", -data.rotation, data.rotation))
    if data.flips:
        mirrors = flips(draws.chance("flip", 0.5), draws.chance("flip vertical", 0.5))
        placement = mirrors @ placement
    side = images.shape[-1]
    turned = sample(images, placement, side, "bilinear")
    return normalised(turned, data), sample(truth, placement, side, "nearest")


@torch.no_grad()
def probabilities(
    segmenter: Segmenter, part: Labelled, data: SegmentationData, device: torch.device
) -> Tensor:
    """Foreground probabilities of a part's images, batch by batch, (images, 1, side, side)."""
    for network in (segmenter.encoder, segmenter.decoder):
        network.eval()
    rows = torch.arange(len(part)).split(max(data.settings.batch_size, 8))
    out = [
        segmenter(normalised(tensors(part, chunk.tolist(), device)[0], data), trainable=False)
        for chunk in rows
    ]
    return torch.cat(out)


def validation_loss(segmenter: Segmenter, data: SegmentationData, device: torch.device) -> float:
    """Soft Dice over the whole validation part."""
    part = data.validation
    _, truth = tensors(part, list(range(len(part))), device)
    return float(soft_dice_loss(probabilities(segmenter, part, data, device), truth))


def predictions(
    segmenter: Segmenter, part: Labelled, data: SegmentationData, device: torch.device
) -> np.ndarray:
    """Boolean masks of a part's images, shape (images, side, side)."""
    masks: np.ndarray = (
        (probabilities(segmenter, part, data, device)[:, 0] > THRESHOLD).cpu().numpy()
    )
    return masks


def stage_scores(stage: str, masks: np.ndarray, test: Labelled) -> list[Score]:
    """Every metric of every test image."""
    by_metric = mask_scores(masks, test.masks)._asdict()
    return [
        Score(stage, image, metric, float(value))
        for metric, values in by_metric.items()
        for image, value in zip(test.ids, values, strict=True)
    ]


def blind_scores(data: SegmentationData) -> dict[str, float]:
    """Mean test Dice of two answers that ignore the image.

    "everything" paints the whole picture. "mean mask" paints where the mean training mask exceeds
    the threshold that does best on the training masks themselves.
    """
    labelled = np.concatenate([data.train.masks, data.validation.masks])
    mean = labelled.mean(axis=0)
    levels = np.unique(np.quantile(mean, np.linspace(0.0, 1.0, 65)))[:-1]
    painted = [np.broadcast_to(mean > level, labelled.shape) for level in levels]
    fits = [float(dice(guess, labelled).mean()) for guess in painted]
    best = mean > levels[int(np.argmax(fits))] if len(levels) else mean > 0.0
    answers = {"everything": np.ones_like(best), "mean mask": best}
    return {
        name: float(dice(np.broadcast_to(answer, data.test.masks.shape), data.test.masks).mean())
        for name, answer in answers.items()
    }
