"""Pre-trained encoders on disk, as safetensors beside what is known about their training."""

import json
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import nn

from benchmark.card import card, drawn
from benchmark.cells import Cell, canonical
from benchmark.durable import intact, put_folder, sealed, write_json
from benchmark.store import ENCODER_RECORD
from methods.base import Budget, History, Images, Method, Pretrained, Spent
from methods.cards import CARD, WEIGHTS
from methods.networks import set_precision
from methods.order import timetable
from tasks.pools import Pool

#: The whole method; what segmentation uses of it is a file of its own, with a card.
MODEL = "model.safetensors"


def save(
    folder: Path,
    pretrained: Pretrained,
    cell: Cell,
    pool: Pool,
    cost: dict[str, Any],
    before: Callable[[], None] | None = None,
) -> None:
    """Write an encoder's folder, whole or not at all.

    Args:
        folder: Its place.
        pretrained: What training has left.
        cell: One of those that it was trained for.
        pool: What it was trained on.
        cost: Seconds, memory, versions and so on.
        before: Called at the last moment; what it raises keeps the folder from appearing.
    """
    model = pretrained.model
    phases = timetable(type(model), model.config.batch_size, pretrained.images_drawn)
    record = {
        "key": canonical(cell.pretrain),
        "phases": {name: len(sizes) for name, sizes in phases.items()},
        "fingerprint": dict(cell.fingerprint),
        "losses": pretrained.history.losses,
        "checks": pretrained.history.checks,
        "images_drawn": drawn(pretrained),
        "images_passed": pretrained.images_passed,
        "transferred": pretrained.transferred,
        "cost": {**cost, **asdict(pretrained.spent)},
    }

    def fill(temporary: Path) -> None:
        # Written by us, so that a full disk is an OSError.
        (temporary / MODEL).write_bytes(save_tensors(tensors(pretrained.model)))
        (temporary / WEIGHTS).write_bytes(save_tensors(tensors(pretrained.encoder)))
        write_json(temporary / CARD, card(pretrained, cell, pool, temporary / WEIGHTS))
        write_json(temporary / ENCODER_RECORD, record)

    put_folder(folder, fill, before)


def tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """A module's state on the CPU, each tensor in memory of its own."""
    return {
        name: value.detach().cpu().contiguous().clone()
        for name, value in module.state_dict().items()
    }


def load(folder: Path, method: Method[Any], images: Images, budget: Budget) -> Pretrained:
    """Read an encoder's folder back into a method freshly built on the device to use.

    Raises:
        StoreError: If a file is missing or was changed.
    """
    digests = sealed(folder)
    record = json.loads(intact(folder, ENCODER_RECORD, digests))
    device = next(method.parameters()).device
    with torch.random.fork_rng(devices=[]):
        method.prepare(images)
    method.load_state_dict(load_tensors(intact(folder, MODEL, digests)))
    method.to(device).eval()
    set_precision(method, budget.precision)
    return Pretrained(
        encoder=method.encoder,
        model=method,
        history=History(record["losses"], record["checks"]),
        images_drawn=record["images_drawn"] or 0,
        images_passed=record["images_passed"],
        transferred=record["transferred"],
        spent=Spent(**{part.name: record["cost"][part.name] for part in fields(Spent)}),
    )
