"""One of two processes that train together, for ``test_parallel``: tries every method.

Called with the path of a JSON file for what it finds, and with torchrun's environment. Process 0
computes by itself, too, what one process would, and notes how far the two differ.
"""

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from benchmark import registry
from benchmark.contract.subject import made, one_batch, pool_for, ready
from methods import METHODS, parallel
from methods.base import Budget, Method, Progress, Scalar
from methods.checkpoint import Checkpoint, Checkpoints, every, tensors_of
from methods.networks import Encoder, PixelDecoder
from methods.parallel.networks import split_networks
from methods.precision import Precision
from methods.pretrain import pretrain

Found = dict[str, Any]


def digest(tensors: Mapping[str, Tensor]) -> str:
    """The same for tensors that are the same to the bit."""
    code = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        code.update(name.encode() + value.detach().contiguous().numpy().tobytes())
    return code.hexdigest()


def difference(some: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> float:
    """The largest over tensors, relative to each one's largest entry.

    What is a thousand times smaller than the largest of all is nought but for rounding: batch
    normalisation in training takes every gradient from the bias before it.
    """
    assert some.keys() == right.keys(), sorted(some.keys() ^ right.keys())
    sizes = {
        name: float(value.abs().max()) if value.numel() else 0.0 for name, value in right.items()
    }
    least = 1e-3 * max(sizes.values(), default=0.0) + 1e-12
    gaps = [
        float((some[name] - value).abs().max()) / max(sizes[name], least)
        for name, value in right.items()
        if value.numel()
    ]
    return max(gaps, default=0.0)


def gradients(method: nn.Module) -> dict[str, Tensor]:
    return {name: part.grad for name, part in method.named_parameters() if part.grad is not None}


def loss_of(method: Method[Any], phase: str, rows: slice) -> Scalar:
    """The loss of some of the pool's first images."""
    images = pool_for(type(method))
    batch, draws = one_batch(type(method), images, rows.stop)
    some = images.batch(batch.index[rows], torch.device("cpu"))
    return method.loss(method.views(some, draws.part(rows)), Progress(phase, 1, 2))


def step(start: Method[Any], phase: str, size: int) -> Found:
    """A step's gradients by both ranks, norms in evaluation mode, against one's own."""
    method, alone = statistics_fixed(deepcopy(start)), statistics_fixed(deepcopy(start))
    with parallel.split(method):
        loss = loss_of(method, phase, slice(0, size))
        parallel.backward(loss, method)
    found: Found = {"digest": digest(gradients(method))}
    if parallel.rank() == 0:
        expected = loss_of(alone, phase, slice(0, size))
        expected.backward()
        found["loss"] = difference({"": loss.detach()}, {"": expected.detach()})
        found["gradients"] = difference(gradients(method), gradients(alone))
        found["parameters"] = len(gradients(alone))
    return found


def statistics_fixed(method: Method[Any]) -> Method[Any]:
    for part in method.modules():
        if isinstance(part, _BatchNorm):
            part.eval()
    return method


def left_behind(start: Method[Any], phase: str, size: int) -> Found:
    """What a loss leaves in buffers, norms in training mode, before rank 0 sends its own."""
    method, alone = deepcopy(start), deepcopy(start)
    split_networks(method)
    loss = loss_of(method, phase, slice(0, size)).detach()
    found: Found = {"digest": digest(dict(method.named_buffers()))}
    if parallel.rank() == 0:
        expected = loss_of(alone, phase, slice(0, size)).detach()
        found["loss"] = difference({"": loss}, {"": expected})
        found["buffers"] = difference(numbers(method), numbers(alone))
    return found


def exact(rows: int) -> Found:
    """Gradients and statistics of a network in training mode, in float64."""
    generator = torch.Generator().manual_seed(rows)
    images = torch.randn(rows, 3, 32, 32, generator=generator, dtype=torch.float64)
    weights = [torch.randn(rows, generator=generator) for _ in range(3)]

    def run(split: bool) -> tuple[float, dict[str, Tensor]]:
        torch.manual_seed(0)
        encoder = Encoder("tiny", 3)
        decoder = PixelDecoder(encoder.channels, {"z": 4})
        network = nn.ModuleDict({"encoder": encoder, "decoder": decoder})
        network["head"] = nn.Linear(128, 128)
        network.double()
        if split:
            split_networks(network)
        maps = network["encoder"](images)
        # A split decoder is given maps that never left their ranks, and whole ones.
        again = [each * 2.0 for each in maps]
        parts = [network["head"](maps[-1].mean(dim=(2, 3))).square().sum(dim=1)]
        parts += [
            network["decoder"](given, ("z",))["z"].double().square().mean(dim=(1, 2, 3))
            for given in (maps, again)
        ]
        loss = sum(((p * w).sum() for p, w in zip(parts, weights, strict=True)), torch.zeros(()))
        parallel.backward(loss, network) if split else loss.backward()
        return loss.item(), gradients(network) | dict(network.double().named_buffers())

    (loss, tensors), (expected, right) = run(True), run(False)
    return {"loss": abs(loss / expected - 1.0), "tensors": difference(tensors, right)}


def numbers(method: nn.Module) -> dict[str, Tensor]:
    return {name: value.float() for name, value in method.named_buffers()}


def apart(start: Method[Any]) -> float:
    """How far gradients would be off if both ranks met their own negatives only."""
    alone, half = deepcopy(start).eval(), deepcopy(start).eval()
    phase = start.phases[0].name
    loss_of(alone, phase, slice(0, 8)).backward()
    for rows in (slice(0, 4), slice(4, 8)):
        (loss_of(half, phase, rows) / 2.0).backward()
    return difference(gradients(half), gradients(alone))


def training(fresh: Method[Any], precision: Precision = "float32") -> Found:
    """Two steps a phase in the loop, and a check."""
    kept: list[Checkpoint] = []
    method = deepcopy(fresh)
    drawn = 2 * max(1, len(method.phases)) * method.config.batch_size
    budget = Budget(images=drawn, checks=1, precision=precision)
    result = pretrain(
        method,
        pool_for(type(method)),
        budget,
        seed=0,
        checkpoints=Checkpoints(kept.append, due=every(1)),
    )
    return {
        "losses": result.history.losses,
        "checks": [check["loss"] for check in result.history.checks],
        "counts": [result.images_drawn, result.images_passed],
        "digests": [digest(each.tensors) for each in kept] + [digest(tensors_of(result.model))],
        "split": sum(type(part).__name__.startswith("Split") for part in method.modules()),
    }


def everything(names: Iterable[str]) -> Found:
    """What a process has to show, by method."""
    found: Found = {"exact": {rows: exact(rows) for rows in (1, 5)}}
    for name in names:
        cls = registry.method(name)
        fresh, start = made(cls), ready(cls, pool_for(cls))
        size = 3 * cls.group if cls.group > 1 else 7  # slices of unequal size
        found[name] = {
            "steps": {phase.name: step(start, phase.name, size) for phase in cls.phases},
            "left": {phase.name: left_behind(start, phase.name, size) for phase in cls.phases},
            "training": training(fresh),
        }
        if parallel.rank() == 0:
            with pytest.MonkeyPatch.context() as patch:  # what one process does
                patch.setattr("torch.distributed.is_initialized", lambda: False)
                found[name]["alone"] = training(fresh)
        if name == "inpainting":
            found["one image"] = step(start, cls.phases[0].name, 1)
            found["bfloat16"] = training(fresh, "bfloat16")
        if name == "simclr":
            found["apart"] = apart(start)
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    with parallel.joined(torch.device("cpu")):
        assert parallel.ranks() == 2
        out = everything(METHODS)
    Path(sys.argv[1]).write_text(json.dumps(out), encoding="utf-8")
