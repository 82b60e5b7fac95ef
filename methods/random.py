"""No pre-training: the floor that every method has to beat.

He et al., "Delving Deep into Rectifiers", ICCV 2015, https://arxiv.org/abs/1502.01852: the
initialisation itself. Only the batch-norm statistics are calibrated on the pool, as for all.
"""

from dataclasses import dataclass

from methods.untrained import Untrained


class RandomInitialisation(Untrained):
    """A control: trains nothing and draws no image."""

    name = "random"
    paper = "https://arxiv.org/abs/1502.01852"

    @dataclass(frozen=True, slots=True)
    class Config:
        """Nothing is trained, so these are never used."""

        learning_rate: float = 0.0
        weight_decay: float = 0.0
        batch_size: int = 32

    config: Config
