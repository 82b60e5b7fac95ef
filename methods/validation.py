"""The validation loss of a pre-training: the same held-out batches and views at every check."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from methods import parallel
from methods.base import Images, Scalar, derive_seed

#: Validation batches per training step: the reference's 100 batches an epoch of 1,000 steps.
VALIDATION_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Checks:
    """When and on what a training looks at its validation loss.

    Attributes:
        steps: Of the whole training.
        number: How many checks there are over the run.
        batch_size: Images a batch.
        seed: Decides which held-out images are drawn.
    """

    steps: int
    number: int
    batch_size: int
    seed: int

    def due(self, step: int) -> bool:
        """Whether a check follows the step that makes ``step`` steps."""
        number = min(self.number, max(self.steps, 1))
        return step * number // self.steps > (step - 1) * number // self.steps

    @property
    def batches(self) -> int:
        """Batches of one check."""
        return max(1, round(VALIDATION_SHARE * self.steps / min(self.number, self.steps)))

    def images(self, images: Images) -> int:
        """Images that one check draws; none if the pool holds none out."""
        return self.batches * self.batch_size if images.held_out else 0

    def drawn(self, images: Images) -> list[list[int]]:
        """The held-out images of every batch, with replacement."""
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "validation"))
        size = (self.batches, self.batch_size)
        places = torch.randint(images.held_out, size, generator=generator) + len(images)
        rows: list[list[int]] = places.tolist()
        return rows

    def loss(self, images: Images, loss_of: Callable[[list[int], int], Scalar]) -> float:
        """The mean loss, or infinity if the pool holds no images out.

        Args:
            images: The pool.
            loss_of: Gives the loss of the images at some places; the number, below 0, tells the
                batches' draws apart from those of training steps.
        """
        if not images.held_out:
            return math.inf
        losses = [loss_of(index, -1 - n) for n, index in enumerate(self.drawn(images))]
        return float(parallel.agreed(torch.stack(losses).mean()))
