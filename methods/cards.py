"""A trained encoder from its folder: tensors and a card in JSON, never code.

``card.json`` beside ``encoder.safetensors`` says what the encoder is, what it takes and what made
it. Both can be copied anywhere.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from methods.errors import ConfigError
from methods.networks import Encoder, set_precision

CARD, WEIGHTS = "card.json", "encoder.safetensors"
#: What a card's ``format`` says; raised when older programs could not read it any more.
FORMAT = 1
ARCHITECTURE = "vgg16_bn"


@dataclass(frozen=True, slots=True)
class Card:
    """What is known about an encoder.

    Attributes:
        folder: Where it is.
        record: All that the card says.
    """

    folder: Path
    record: dict[str, Any]

    def normalised(
        self, images: Float[Tensor, "batch channels height width"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Images with values in [0, 1] as the encoder takes them."""
        mean = images.new_tensor(self.record["input"]["mean"])[:, None, None]
        std = images.new_tensor(self.record["input"]["std"])[:, None, None]
        return (images - mean) / std


def read_card(folder: str | Path) -> Card:
    """What is known about the encoder in a folder.

    Raises:
        ConfigError: If there is no card, or none that can be read.
    """
    path = Path(folder) / CARD
    try:
        record = json.loads(path.read_bytes())
        version = record["format"]
        known = (record["architecture"]["name"], version) == (ARCHITECTURE, FORMAT)
        _ = record["input"]["mean"], record["input"]["std"], record["weights"]["sha256"]
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}): name the folder of an encoder, one of "
            "OUT/encoders"
        ) from error
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ConfigError(f"{path} is no encoder's card ({error!r}): fetch it again") from error
    if not known:
        raise ConfigError(
            f"{path} is of format {version!r} or of another network than {ARCHITECTURE}: read it "
            "with the version of ldbench that wrote it"
        )
    return Card(Path(folder), record)


def load_encoder(folder: str | Path) -> Encoder:
    """The encoder in a folder, on the CPU, in evaluation mode and at the precision of its training.

    Args:
        folder: With ``card.json`` and ``encoder.safetensors``.

    Raises:
        ConfigError: If a file is missing, damaged or not of one encoder.
    """
    card = read_card(folder)
    path = card.folder / WEIGHTS
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror}): copy it again") from error
    if hashlib.sha256(data).hexdigest() != card.record["weights"]["sha256"]:
        raise ConfigError(f"{path} was changed: its SHA-256 is not its card's; copy it again")
    try:
        network, training = card.record["architecture"], card.record["training"]
        with torch.random.fork_rng(devices=[]):  # its initial weights are not wanted
            encoder = Encoder(network["width"], network["channels_in"])
        encoder.load_state_dict(load(data))
        set_precision(encoder, training["precision"])
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"{card.folder} holds no encoder as its card says: {reason}") from error
    return encoder.eval()
