"""Weights that somebody else has trained, as a row of the table: what they cost is unknown.

An encoder of this project, or torchvision's ``vgg16_bn`` (Simonyan and Zisserman, ICLR 2015,
https://arxiv.org/abs/1409.1556), which is the same network. Nothing is trained; only the batch-norm
statistics are calibrated on the pool, as for all.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from methods.errors import ConfigError
from methods.networks import Encoder
from methods.untrained import Untrained
from methods.weights import Weights, fitted, read_weights


class Given(Untrained):
    """A control: weights from a file, which trains nothing and draws no image."""

    name = "given"
    paper = "https://arxiv.org/abs/1409.1556"
    weights: ClassVar[Weights]

    @dataclass(frozen=True, slots=True)
    class Config:
        """Which file; nothing is trained, so the others are never used."""

        file_sha256: str = ""
        layout: str = ""
        channels: str = "same"
        learning_rate: float = 0.0
        weight_decay: float = 0.0
        batch_size: int = 32

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        encoder.load_state_dict(fitted(self.weights, encoder, config.channels))


def given(name: str, path: Path) -> type[Given]:
    """A row of a table of its own: the encoder in a file.

    Args:
        name: Of the row.
        path: ``.safetensors``, or ``.pth`` or ``.pt`` with nothing but tensors.

    Raises:
        ConfigError: If the file holds no such encoder.
    """
    try:
        stat = path.stat()
    except OSError as error:
        raise ConfigError(f"encoder {name}: {path} cannot be read ({error.strerror})") from error
    weights = read_weights(path, stat.st_size, stat.st_mtime_ns)
    return type(name, (Given,), {"name": name, "weights": weights})
