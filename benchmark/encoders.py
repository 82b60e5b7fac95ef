"""Pre-trained encoders on disk, as safetensors beside what is known about their training."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from benchmark.cells import PretrainKey, canonical
from benchmark.store import ENCODER_RECORD, put_folder, write_json
from methods.base import Budget, History, Images, Method, Pretrained
from methods.networks import set_precision
from methods.order import timetable


def save(
    folder: Path,
    pretrained: Pretrained,
    key: PretrainKey,
    fingerprint: dict[str, str],
    cost: dict[str, Any],
) -> None:
    """Write an encoder's folder, whole or not at all."""
    model = pretrained.model
    phases = timetable(type(model), model.config.batch_size, pretrained.images_drawn)
    record = {
        "key": canonical(key),
        "phases": {name: len(sizes) for name, sizes in phases.items()},
        "fingerprint": fingerprint,
        "losses": pretrained.history.losses,
        "checks": pretrained.history.checks,
        "images_drawn": pretrained.images_drawn,
        "images_passed": pretrained.images_passed,
        "transferred": pretrained.transferred,
        "cost": cost,
    }

    def fill(temporary: Path) -> None:
        save_file(tensors(pretrained.model), temporary / "model.safetensors")
        save_file(tensors(pretrained.encoder), temporary / "encoder.safetensors")
        write_json(temporary / ENCODER_RECORD, record)

    put_folder(folder, fill)


def tensors(module: nn.Module) -> dict[str, torch.Tensor]:
    """A module's state on the CPU, each tensor in memory of its own."""
    return {
        name: value.detach().cpu().contiguous().clone()
        for name, value in module.state_dict().items()
    }


def load(folder: Path, method: Method[Any], images: Images, budget: Budget) -> Pretrained:
    """Read an encoder's folder back into a method freshly built on the device to use."""
    record = json.loads((folder / ENCODER_RECORD).read_text(encoding="utf-8"))
    device = next(method.parameters()).device
    with torch.random.fork_rng(devices=[]):
        method.prepare(images)
    method.load_state_dict(load_file(folder / "model.safetensors"))
    method.to(device).eval()
    set_precision(method, budget.precision)
    return Pretrained(
        encoder=method.encoder,
        model=method,
        history=History(record["losses"], record["checks"]),
        images_drawn=record["images_drawn"],
        images_passed=record["images_passed"],
        transferred=record["transferred"],
    )
