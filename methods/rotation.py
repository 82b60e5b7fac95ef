"""Rotation: tell by which quarter turn an image was rotated.

Gidaris et al., "Unsupervised Representation Learning by Predicting Image Rotations", ICLR 2018,
https://arxiv.org/abs/1803.07728: cross-entropy over four turns, all of them of each image in one
batch (Eq. 2 and 3, section 3.1). Cross-entropy is PyTorch's.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.augmentation import Augmentation
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.networks import Encoder, pooled
from methods.schedules import cosine
from methods.tunable import tunable
from methods.views import one_view


@dataclass(frozen=True, slots=True)
class Turned:
    """Every image in every turn, an image's copies side by side.

    Attributes:
        images: Normalised images.
        turn: Which of ``Config.turns`` each was given.
    """

    images: Float[Tensor, "copies channels side side"]
    turn: Int[Tensor, " copies"]


class Rotation(Method[Turned]):
    """Classify the quarter turns of an image."""

    name = "rotation"
    paper = "https://arxiv.org/abs/1803.07728"
    phases = (Phase("pretraining", decay=cosine),)
    smallest_batch = 1

    @dataclass(frozen=True, slots=True)
    class Config:
        """Section 3.1 and the published code, with these departures.

        Adam at 1e-3 in place of SGD and batch 32, which makes 128 rotated images, in place of 128;
        crops of at least half of the area in place of 8 % (the code for ImageNet), because a small
        piece of retina has no upright. The budget counts an image once, so this method passes four
        copies through the encoder for each image drawn.

        A fundus photograph is round: its turn shows in nothing but the place of the disc and the
        macula, the arcades of the vessels, and what the camera cut off. Only left-right mirror
        images come before the turn. An upright eye's is an upright fellow eye, whereas a top-bottom
        mirror image is the half turn of a left-right one: with both flips, as under the shared
        recipe, half turns look like none, the task is to tell quarter turns from the others, and no
        loss lies below ln 2.
        """

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(5e-4, 0.0, 1e-3)
        batch_size: int = 32
        turns: tuple[int, ...] = (0, 1, 2, 3)  # quarters; better than two or eight (table 2)
        view: Augmentation = Augmentation(area=(0.5, 1.0), flip=0.5)

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        # On the global average, as in the published network in network.
        self.classifier = nn.Linear(encoder.channels[-1], len(config.turns))

    def views(self, batch: Batch, draws: Draws) -> Turned:
        """One view of each image in all turns."""
        turns = self.config.turns
        whole = one_view(batch, draws, self.config.view, "whole").images
        copies = torch.stack([whole.rot90(turn, (-2, -1)) for turn in turns], dim=1)
        labels = torch.arange(len(turns), device=whole.device).repeat(len(whole))
        return Turned(copies.flatten(0, 1), labels)

    def loss(self, views: Turned, progress: Progress) -> Scalar:
        """Eq. 3 averaged over the batch."""
        del progress
        logits = self.classifier(pooled(self.encoder(views.images)))
        return F.cross_entropy(logits, views.turn)
