"""D: fine-tuning with PNG files decoded and augmented by PIL every epoch, in float32.

    python -m benchmark.speed.rivals.straight_finetuning finetuning --size 64

A dataset class that opens image and mask of 512 px, makes them smaller and flips and turns both,
behind a DataLoader with two workers. Network, optimiser, loss and number of steps are ours.
"""

import random
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, RandomSampler

from benchmark.speed.measuring import seconds_a_step
from benchmark.speed.ours import STAGES, initial
from benchmark.speed.photographs import LABELLED
from benchmark.speed.work import WORKERS, Work
from methods.networks import SegmentationDecoder
from tasks.base import NORMALISATION
from tasks.finetuning import STAGES as TRAINED
from tasks.metrics import soft_dice_loss

#: Adam's rate.
RATE = 1e-3
#: Largest rotation in degrees.
ROTATION = 180.0


class Photographs(Dataset[tuple[Tensor, Tensor]]):
    """Images and masks, augmented anew whenever they are asked for."""

    def __init__(self, folder: Path, size: int) -> None:
        self.masks = sorted((folder / "masks").glob("*.png"))[:LABELLED]
        self.images = [folder / "images" / mask.name for mask in self.masks]
        self.size = size

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        side = (self.size, self.size)
        image = Image.open(self.images[index]).convert("RGB")
        image = image.resize(side, Image.Resampling.BILINEAR)
        mask = Image.open(self.masks[index]).convert("L").resize(side, Image.Resampling.NEAREST)
        for turn in (Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.FLIP_TOP_BOTTOM):
            if random.random() < 0.5:
                image, mask = image.transpose(turn), mask.transpose(turn)
        degrees = random.uniform(-ROTATION, ROTATION)
        levels = np.array(image.rotate(degrees, Image.Resampling.BILINEAR), dtype=np.float32)
        truth = np.array(mask.rotate(degrees, Image.Resampling.NEAREST)) > 127
        norm = NORMALISATION["fundus"]
        mean, std = (np.array(each, dtype=np.float32) for each in (norm.mean, norm.std))
        pixels = (levels / np.float32(255.0) - mean) / std
        return torch.from_numpy(pixels).permute(2, 0, 1), torch.from_numpy(truth)[None].float()


def loader(work: Work) -> DataLoader[tuple[Tensor, Tensor]]:
    """Batches without an end of an epoch, at which workers would start anew."""
    dataset = Photographs(work.folder, work.size)
    sampler = RandomSampler(dataset, replacement=True, num_samples=work.loaded)
    return DataLoader(dataset, work.batch, sampler=sampler, num_workers=WORKERS)


def block(work: Work) -> float:
    """Seconds a step, the mean of both stages."""
    encoder = initial()
    return sum(stage(work, encoder, TRAINED[name][0]) for name in STAGES) / len(STAGES)


def stage(work: Work, encoder: torch.nn.Module, trainable: bool) -> float:
    """Seconds a step of one stage with a fresh decoder."""
    decoder = SegmentationDecoder(initial().channels)
    encoder.train(trainable)
    parameters = [*decoder.parameters(), *(encoder.parameters() if trainable else ())]
    optimiser = adam(parameters)
    ticks = []
    for images, truth in islice(loader(work), work.warm + work.steps):
        with torch.set_grad_enabled(trainable):
            maps = encoder(images)
        optimiser.zero_grad()
        loss = soft_dice_loss(decoder(maps), truth)
        loss.backward()
        optimiser.step()
        ticks.append(perf_counter())
    return seconds_a_step(ticks, work.steps)


def adam(parameters: list[torch.nn.Parameter]) -> torch.optim.Adam:
    """Our optimiser."""
    return torch.optim.Adam(parameters, lr=RATE, fused=True)


if __name__ == "__main__":
    from benchmark.speed.alone import main

    main(block, __doc__)
