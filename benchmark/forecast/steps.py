"""What a step takes: seconds on this machine, and operations, which need not be computed."""

import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

#: Seconds of a step that is not timed twice.
LONG = 0.5


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


def measured(
    make: Callable[[], Callable[[], Tensor]], device: torch.device
) -> tuple[float, float, float]:
    """Operations of a loss, those with its gradients, and seconds of a whole step.

    The step that is counted finds memory and algorithms; the one after it is timed, a quick one
    twice, of which the faster counts.

    Args:
        make: Makes views, and gives what computes their loss.
        device: Where that is.
    """
    forward, both = counted(make())
    took: list[float] = []
    while len(took) < 2 and sum(took) < LONG:
        start = time.perf_counter()
        value = make()()
        if value.requires_grad:
            value.backward()
        settle(device)
        took.append(time.perf_counter() - start)
    return forward, both, min(took)


def settle(device: torch.device) -> None:
    """Wait for what a GPU is still computing."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
