"""An encoder with a decoder on top: what it is trained on, and what it predicts."""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from itertools import count

import numpy as np
import torch
from torch import Tensor

from methods.draws import Draws, derive_seed, occurrences
from methods.geometry import Placement, flips, rotations, sample
from methods.networks import Encoder, SegmentationDecoder
from tasks.labelled import Labelled, TrainingData, Unlabelled
from tasks.metrics import THRESHOLD, soft_dice_loss


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


def normalised(images: Tensor, data: TrainingData | Unlabelled) -> Tensor:
    """Images in [0, 1] as the encoder takes them."""
    mean = images.new_tensor(data.normalisation.mean)[:, None, None]
    std = images.new_tensor(data.normalisation.std)[:, None, None]
    return (images - mean) / std


def augmented(
    data: TrainingData, rows: list[int], seed: int, step: int, device: torch.device
) -> tuple[Tensor, Tensor]:
    """A training batch after flips (fundus only) and a rotation, zeros outside.

    Images are sampled bilinearly, masks to the nearest pixel.
    """
    images, truth = tensors(data.train, rows, device)
    placement = placed(data, rows, seed, step, device)
    side = images.shape[-1]
    turned = sample(images, placement, side, "bilinear")
    return normalised(turned, data), sample(truth, placement, side, "nearest")


def placed(
    data: TrainingData | Unlabelled, rows: list[int], seed: int, step: int, device: torch.device
) -> Placement:
    """Where the pixels of an augmented batch lie: flips (fundus only) and a rotation."""
    draws = Draws(seed, step, torch.tensor(rows), occurrences(rows), device)
    placement = rotations(draws.uniform("rotation", -data.rotation, data.rotation))
    if data.flips:
        mirrors = flips(draws.chance("flip", 0.5), draws.chance("flip vertical", 0.5))
        placement = mirrors @ placement
    return placement


@torch.no_grad()
def probabilities(
    segmenter: Segmenter, part: Labelled, data: TrainingData, device: torch.device
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


def validation_loss(segmenter: Segmenter, data: TrainingData, device: torch.device) -> float:
    """Soft Dice over the whole validation part."""
    part = data.validation
    _, truth = tensors(part, list(range(len(part))), device)
    return float(soft_dice_loss(probabilities(segmenter, part, data, device), truth))


def predictions(
    segmenter: Segmenter, part: Labelled, data: TrainingData, device: torch.device
) -> np.ndarray:
    """Boolean masks of a part's images, shape (images, side, side)."""
    masks: np.ndarray = (
        (probabilities(segmenter, part, data, device)[:, 0] > THRESHOLD).cpu().numpy()
    )
    return masks
