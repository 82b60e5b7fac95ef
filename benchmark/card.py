"""What an encoder's card says, for those who use it without the benchmark (``methods.cards``)."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmark.cells import Cell, canonical
from benchmark.durable import sha256
from methods.base import Pretrained
from methods.cards import ARCHITECTURE, FORMAT, WEIGHTS
from methods.given import Given
from tasks.base import NORMALISATION
from tasks.manifest import digest
from tasks.pools import Pool


def card(pretrained: Pretrained, cell: Cell, pool: Pool, weights: Path) -> dict[str, Any]:
    """Architecture, input, method, data and training, JSON-ready.

    Args:
        pretrained: The encoder.
        cell: Whose encoder it is.
        pool: What it was trained on.
        weights: The file with its tensors.
    """
    key, encoder = cell.pretrain, pretrained.encoder
    values = NORMALISATION[pool.info.domain]
    return {
        "format": FORMAT,
        "architecture": {
            "name": ARCHITECTURE,
            "width": encoder.width,
            "channels_in": encoder.channels_in,
            "channels": encoder.channels,
            "strides": encoder.strides,
        },
        "input": {**asdict(values), "values": [0.0, 1.0], "size": key.size},
        "method": {
            "name": key.method,
            "paper": type(pretrained.model).paper,
            "config": canonical(key)["config"],
        },
        "pool": source(pool, cell),
        "training": {
            "images_drawn": drawn(pretrained),
            "images_passed": pretrained.images_passed,
            "transferred": pretrained.transferred,
            "seed": key.seed,
            "precision": encoder.precision,
            "statistics": key.budget.get("statistics"),
            "torch": torch.__version__,
        },
        "fingerprint": digest(dict(cell.fingerprint)),
        "weights": {"file": WEIGHTS, "sha256": sha256(weights)},
    }


def source(pool: Pool, cell: Cell) -> dict[str, Any]:
    """On which images an encoder was trained, and under which terms they stand."""
    return {
        "name": cell.pretrain.pool,
        "domain": pool.info.domain,
        "dataset": pool.info.dataset,
        "page": pool.info.page,
        "terms": pool.info.terms,
        "manifest": cell.pretrain.manifest,
        "excluded": len(cell.pretrain.excluded),
    }


def drawn(pretrained: Pretrained) -> int | None:
    """Images drawn for training; None, unknown, if somebody else has trained."""
    return None if isinstance(pretrained.model, Given) else pretrained.images_drawn
