"""No pre-training: the floor that every method has to beat.

He et al., "Delving Deep into Rectifiers", ICCV 2015, https://arxiv.org/abs/1502.01852: the
initialisation itself. Only the batch-norm statistics are calibrated on the pool, as for all.
"""

from dataclasses import dataclass
from typing import ClassVar

from methods.base import Batch, Draws, Method, Phase, Progress, Scalar


class RandomInitialisation(Method[Batch]):
    """A control: trains nothing and draws no image."""

    name = "random"
    paper = "https://arxiv.org/abs/1502.01852"
    phases: ClassVar[tuple[Phase, ...]] = ()

    @dataclass(frozen=True, slots=True)
    class Config:
        """Nothing is trained, so these are never used."""

        learning_rate: float = 0.0
        weight_decay: float = 0.0
        batch_size: int = 32

    config: Config

    def views(self, batch: Batch, draws: Draws) -> Batch:
        """The batch itself."""
        del draws
        return batch

    def loss(self, views: Batch, progress: Progress) -> Scalar:
        """A constant: there is nothing to learn."""
        del progress
        return views.images.new_zeros(())
