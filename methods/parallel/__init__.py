"""Data-parallel pre-training: one run over several processes, the same as in one.

Every rank runs the same loop with the same seeds and draws the whole batch's views. Encoders and
decoders, where the time goes, compute their rank's slice of it and gather what they give, so that
projectors, queues, memory banks and losses see the whole batch on every rank: negatives are those
of one process. Gradients are then summed over ranks. Methods know nothing of it; that ranks agree
rests on their drawing from ``Draws`` and torch's global generators alone, which are seeded alike.

Start ``torchrun --nproc-per-node N`` on a program that calls ``pretrain`` inside ``joined``.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

from methods.errors import ConfigError
from methods.parallel.gathering import rank, ranks, started
from methods.parallel.networks import make_whole, split_networks

#: How long a rank waits for another: while the first one prepares images, or waits for others'
#: leases, torch's 10 to 30 minutes are too short. If a rank dies, torchrun ends all.
PATIENCE = timedelta(days=7)

__all__ = ["agreed", "backward", "joined", "rank", "ranks", "split"]


@contextmanager
def joined(device: torch.device) -> Iterator[torch.device]:
    """Take part in the group that torchrun started, if it started this process.

    NCCL joins GPUs and gloo CPUs.

    Args:
        device: Where to train; "cuda" becomes this process's own GPU.

    Yields:
        The device of this process.

    Raises:
        ConfigError: If this machine has fewer GPUs than processes.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1 or started():
        yield device
        return
    if device.type == "cuda":
        number = int(os.environ["LOCAL_RANK"])
        if number >= torch.cuda.device_count():
            raise ConfigError(
                f"process {number} finds {torch.cuda.device_count()} GPUs: start torchrun with "
                "--nproc-per-node of at most as many"
            )
        device = torch.device("cuda", number)
        torch.cuda.set_device(device)  # where NCCL looks
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    yield device
    # Not after an error: the others still wait for this process, and torchrun ends them all.
    distributed.destroy_process_group()


@contextmanager
def split(method: nn.Module) -> Iterator[None]:
    """Split a method's networks over the ranks; afterwards all ranks hold what rank 0 does."""
    if ranks() == 1:
        yield
        return
    split_networks(method)
    try:
        yield
    finally:
        make_whole(method)
    together([*method.parameters(), *method.buffers()], from_first)


def backward(loss: Tensor, method: nn.Module) -> None:
    """The gradient of the whole batch's loss for every parameter, the same on all ranks.

    ``methods.parallel.gathering`` says why each rank starts from a part of the loss. Arithmetic on
    GPUs may differ between ranks in the last digit. Gradients do not, being sums, and buffers, such
    as queues, are rank 0's, so that ranks never drift apart.
    """
    if ranks() == 1:
        loss.backward()
        return
    (loss / ranks()).backward()
    gradients = [each.grad for each in method.parameters() if each.grad is not None]
    together(gradients, distributed.all_reduce)
    together(method.buffers(), from_first)


def agreed(loss: Tensor) -> Tensor:
    """Rank 0's value of what all computed, where a choice hangs on it."""
    if ranks() > 1:
        from_first(loss)
    return loss


def from_first(tensor: Tensor) -> None:
    """Rank 0's values on every rank."""
    distributed.broadcast(tensor, src=0)


@torch.no_grad()
def together(tensors: Iterable[Tensor], collective: Callable[[Tensor], object]) -> None:
    """Apply a collective that works in place to many tensors in one message a type."""
    kinds: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        kinds.setdefault(tensor.dtype, []).append(tensor)
    for same in kinds.values():
        flat = torch.cat([tensor.reshape(-1) for tensor in same])
        collective(flat)
        for tensor, part in zip(same, flat.split([each.numel() for each in same]), strict=True):
            tensor.copy_(part.view(tensor.shape))
