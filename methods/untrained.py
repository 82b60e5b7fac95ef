"""What the controls share that train nothing: no phase, no image drawn."""

from typing import ClassVar

from methods.base import Batch, Draws, Method, Phase, Progress, Scalar


class Untrained(Method[Batch]):
    """Keeps its encoder as it was made; only the batch-norm statistics are calibrated."""

    phases: ClassVar[tuple[Phase, ...]] = ()

    def views(self, batch: Batch, draws: Draws) -> Batch:
        """The batch itself."""
        del draws
        return batch

    def loss(self, views: Batch, progress: Progress) -> Scalar:
        """A constant: there is nothing to learn."""
        del progress
        return views.images.new_zeros(())
