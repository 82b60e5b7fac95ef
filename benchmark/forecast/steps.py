"""What a step takes: seconds on this machine, and operations, which need not be computed."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode


class ContentError(RuntimeError):
    """A computation that asks what its tensors hold."""


def operations(module: nn.Module, loss: Callable[[], Tensor]) -> tuple[float, float]:
    """Floating-point operations of a loss, and of the loss with its gradients.

    Args:
        module: What the loss runs through; its parameters have lost their contents afterwards.
        loss: Computes it.

    Raises:
        ContentError: If the loss asks for contents, as a choice of rows by their values does.
    """
    try:
        with FakeTensorMode(allow_non_fake_inputs=True) as mode:
            empty(module, mode)
            return counted(loss)
    except (RuntimeError, NotImplementedError) as error:
        raise ContentError(str(error)) from error


def empty(module: nn.Module, mode: FakeTensorMode) -> None:
    """Put tensors without content in place of every parameter and buffer."""
    for part in module.modules():
        for name, value in part.named_parameters(recurse=False):
            hollow = mode.from_tensor(value.detach())
            setattr(part, name, nn.Parameter(hollow, requires_grad=value.requires_grad))
        for name, buffer in part.named_buffers(recurse=False):
            setattr(part, name, mode.from_tensor(buffer))


def counted(loss: Callable[[], Tensor]) -> tuple[float, float]:
    """Floating-point operations of a loss, and of the loss with its gradients."""
    with FlopCounterMode(display=False) as counter:
        value = loss()
        forward = float(counter.get_total_flops())
        if value.requires_grad:
            value.backward()
    return forward, float(counter.get_total_flops())


def seconds(step: Callable[[], object], device: torch.device) -> float:
    """Of the faster of two calls after a first, which finds memory and algorithms."""
    took = []
    for _ in range(3):
        start = time.perf_counter()
        step()
        settle(device)
        took.append(time.perf_counter() - start)
    return min(took[1:])


def settle(device: torch.device) -> None:
    """Wait for what a GPU is still computing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
