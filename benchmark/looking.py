"""An encoder's folder, ready to look at images with: the whole method where it can be had."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load

from benchmark import registry
from benchmark.durable import intact
from benchmark.emulation import emulate_where_needed
from benchmark.encoders import MODEL
from benchmark.fingerprint import fingerprint
from benchmark.grid import changed
from methods.base import DenseEmbedding, Method
from methods.cards import Card, load_encoder, read_card
from methods.errors import ConfigError, UnknownNameError
from methods.ld.shape_guided import shape_guided
from methods.networks import set_precision
from methods.pretrain import build
from tasks.base import NORMALISATION, Domain
from tasks.exploring.seeing import GRID, Seeing
from tasks.manifest import digest

#: Where a results folder keeps its encoders (``benchmark.store``).
ENCODERS = "encoders"
#: What a model may be asked for (``methods.base.DenseEmbedding``, ``MaskPredictor``).
ASKED = ("embed", "masks")


@dataclass(frozen=True, slots=True)
class Looker:
    """An encoder that looks at images.

    Attributes:
        card: What is known about it.
        seeing: Its networks.
        domain: Of the images that it takes.
        notes: What is shown in place of what it has not, and why, in sentences.
    """

    card: Card
    seeing: Seeing
    domain: Domain
    notes: tuple[str, ...]

    @property
    def method(self) -> str:
        """The method's name."""
        return str(self.card.record["method"]["name"])

    @property
    def size(self) -> int:
        """Side of the images that it was trained on, in pixels."""
        return int(self.card.record["input"]["size"])


def looker(folder: Path, device: torch.device) -> Looker:
    """Read an encoder, and its whole method if that gives embeddings or regions.

    Args:
        folder: An encoder's, or a results folder with one encoder.
        device: Where to compute.

    Raises:
        ConfigError: If there is no encoder, it is damaged, or there are several.
        StoreError: If a file was changed.
    """
    card = read_card(encoder_folder(folder))
    try:
        domain, size = card.record["pool"]["domain"], card.record["input"]["size"]
        _ = card.record["method"]["name"], card.record["method"]["config"]
    except (KeyError, TypeError) as error:
        raise ConfigError(f"{card.folder} has a card without {error}: fetch it again") from error
    if domain not in NORMALISATION or not isinstance(size, int):
        raise ConfigError(
            f"{card.folder} is of {domain!r} images of {size!r} px: of which nothing is known here"
        )
    encoder = load_encoder(card.folder)
    model, why = whole_method(card)
    if model is not None:
        encoder = model.encoder
        model.to(device)
    seeing = Seeing(encoder.to(device), model, card.normalised, grid_of(model))
    return Looker(card, seeing, domain, (*notes(seeing, why), *stale(card, model)))


def grid_of(model: Method[Any] | None) -> int:
    """Patches a side on which a method trains its embedding, if it says so."""
    own = model.config if isinstance(model, DenseEmbedding) else None
    grid = getattr(own, "grid", GRID)
    return grid if isinstance(grid, int) else GRID


def encoder_folder(folder: Path) -> Path:
    """The folder itself, or the one encoder of a results folder.

    Raises:
        ConfigError: If there are several to choose from.
    """
    inside = folder / ENCODERS
    found = sorted(card.parent for card in inside.glob("*/card.json"))
    if len(found) > 1:
        named = ", ".join(described(read_card(one)) for one in found)
        raise ConfigError(f"{inside} holds {len(found)} encoders, name one of them: {named}")
    return found[0] if found else folder


def described(card: Card) -> str:
    """An encoder's folder with what tells it from others."""
    record = card.record
    method, pool, training = (record.get(part, {}) for part in ("method", "pool", "training"))
    facts = (method.get("name"), pool.get("domain"), f"seed {training.get('seed')}")
    return f"{card.folder.name} ({', '.join(map(str, facts))})"


def whole_method(card: Card) -> tuple[Method[Any] | None, str]:
    """The method that trained an encoder, in evaluation mode, if it gives more than its encoder.

    Returns:
        The method, or None; and in that case why.

    Raises:
        ConfigError: If its settings or tensors are not those of today's code.
    """
    name, network = card.record["method"]["name"], card.record["architecture"]
    try:
        cls = class_of(card)
    except UnknownNameError:
        return None, f"{name} is no method that is installed here"
    if not any(hasattr(cls, asked) for asked in ASKED):
        return None, f"{name} has neither embeddings of pixels nor regions"
    if not (card.folder / MODEL).is_file():
        return None, f"there is no {MODEL} beside the encoder"
    try:
        config = changed(cls.Config(), card.record["method"]["config"], f"setting of {name}")
        model = build(cls, config, network["width"], network["channels_in"], seed=0)
        tensors = load(intact(card.folder, MODEL))
        # Buffers that only ``prepare`` makes remember the pool, and nothing asked for here.
        model.load_state_dict({entry: tensors[entry] for entry in model.state_dict()})
        emulate_where_needed()
        set_precision(model, card.record["training"]["precision"])
    except (KeyError, TypeError, ValueError, RuntimeError, SafetensorError, UnknownNameError) as e:
        reason = " ".join(str(e).split())[:200]
        raise ConfigError(
            f"{card.folder} does not fit today's {name} ({reason}): look at it with the version of "
            "ldbench that wrote it"
        ) from e
    return model.eval(), ""


def class_of(card: Card) -> type[Method[Any]]:
    """The class that trained an encoder; of a shape prior's row without the prior.

    Raises:
        UnknownNameError: If it is not installed.
    """
    name = card.record["method"]["name"]
    if not of_shapes(card):
        return registry.method(name)
    # Only training looks at the masks, and no encoder's folder holds them.
    return shape_guided(name, np.zeros((1, 1, 1), dtype=np.uint8))


def of_shapes(card: Card) -> bool:
    """Whether a shape prior taught an encoder: a row of a plan, no method that is registered."""
    return "masks_sha256" in card.record["method"]["config"]


def notes(seeing: Seeing, why: str) -> list[str]:
    """What is shown in place of embeddings and regions.

    Args:
        seeing: What is at hand.
        why: There is no whole method; empty if there is.
    """
    missing = list[str]()
    if not seeing.divides:
        missing.append("no regions are drawn")
    if not seeing.embeds:
        missing.append(
            "patches are compared by the encoder's own features in place of an embedding (averaged "
            f"over each of {seeing.grid} x {seeing.grid} cells and standardised over the images "
            "searched, every level counting alike)"
        )
    if not missing:
        return []
    said = " and ".join(missing)
    return [f"{said[0].upper()}{said[1:]}: {why or 'the method has none'}."]


def stale(card: Card, model: Method[Any] | None) -> list[str]:
    """That the code which reads a method's tensors is another than the one that trained them."""
    if model is None:
        return []
    module = registry.SHAPE_GUIDED if of_shapes(card) else registry.module_of(model.name)
    code = fingerprint(module)
    if card.record.get("fingerprint") == digest(dict(code)):
        return []
    return [f"The code of {model.name} has changed since this encoder was trained."]
