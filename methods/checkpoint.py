"""A training under way as tensors and plain values, enough to go on as if never interrupted."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a training stands.

    Attributes:
        tensors: Parameters and buffers (queues and momentum weights are among them), the
            optimiser's moments, the generators' states, and the best weights so far; on the CPU,
            each in memory of its own.
        values: Position and history, JSON-ready.
    """

    tensors: dict[str, Tensor]
    values: dict[str, Any]

    def part(self, name: str) -> dict[str, Tensor]:
        """The tensors whose names start with "name/", without it."""
        start = f"{name}/"
        return {
            key.removeprefix(start): value
            for key, value in self.tensors.items()
            if key.startswith(start)
        }


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What to do about interruptions.

    Attributes:
        keep: Given a checkpoint whenever one is due.
        due: Told how many steps were taken, after each; whether it is time for a checkpoint.
        start: The checkpoint to go on from; from the beginning if None.
    """

    keep: Callable[[Checkpoint], None]
    due: Callable[[int], bool]
    start: Checkpoint | None = None


def every(steps: int) -> Callable[[int], bool]:
    """Due after every so many steps."""
    return lambda step: step % steps == 0


def kept(tensors: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Copies on the CPU under "name/"."""
    return {
        f"{name}/{key}": value.detach().cpu().contiguous().clone() for key, value in tensors.items()
    }


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Every parameter and buffer, those too that ``state_dict`` leaves out (lightly's queues)."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


@torch.no_grad()
def put_back(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy kept tensors into a module that was built alike.

    Raises:
        ValueError: If the module has other tensors.
    """
    present = tensors_of(module)
    if set(present) != set(tensors):
        raise ValueError(
            "the checkpoint is of another method or settings: it differs in "
            f"{', '.join(sorted(set(present) ^ set(tensors))[:3])}"
        )
    for name, value in tensors.items():
        present[name].copy_(value)


def moments(optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """An optimiser's state, by parameter and name."""
    return {
        f"{number}/{name}": value
        for number, state in optimiser.state_dict()["state"].items()
        for name, value in state.items()
    }


def put_moments_back(optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Load what ``moments`` gave into an optimiser over the same parameters."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, _, name = key.partition("/")
        state.setdefault(int(number), {})[name] = value
    groups = optimiser.state_dict()["param_groups"]
    optimiser.load_state_dict({"state": state, "param_groups": groups})
    # The layout in memory decides how kernels add up, and a file does not keep it.
    for parameter, known in optimiser.state.items():
        for name, value in known.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                known[name] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)


def generators(device: torch.device) -> dict[str, Tensor]:
    """States of torch's global generators."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def put_generators_back(states: dict[str, Tensor], device: torch.device) -> None:
    """Set torch's global generators."""
    torch.set_rng_state(states["cpu"])
    if "cuda" in states and device.type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
