"""A batch in slices, one a rank, and whole again, with gradients.

What runs whole runs on every rank alike; what is split sees a slice of the images. While gradients
flow, a tensor that is whole holds on each rank one part in ``ranks()`` of its gradient, the same
everywhere, because each rank starts from that part of the one loss (``methods.parallel.backward``).
A slice holds all of its gradient. So the sum over ranks is right for every parameter, whichever
side of the border it is used on, or both, and leaving a slice needs no message backwards.
"""

from typing import Any

import torch
from torch import Tensor, distributed


def ranks() -> int:
    """How many processes train together; one without a process group."""
    return distributed.get_world_size() if started() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return distributed.get_rank() if started() else 0


def started() -> bool:
    """Whether this process has joined a group."""
    return distributed.is_available() and distributed.is_initialized()


def own(total: int) -> slice:
    """This rank's rows of ``total``: consecutive, as many as any other's or one fewer or more."""
    return slice(total * rank() // ranks(), total * (rank() + 1) // ranks())


def all_rows(mine: Tensor, total: int) -> Tensor:
    """Every rank's slice below each other, of any shape (rows, ...); without gradients.

    Collectives want the same shape of all, so slices are filled up to the longest. Maps are sent
    and come back channels last, as networks make them; whether a slice is so must not be asked,
    because ranks without images would answer otherwise.
    """
    last = mine.dim() == 4
    sent = mine.movedim(1, -1) if last else mine
    longest = -(-total // ranks())
    filled = sent.new_zeros(longest, *sent.shape[1:])
    filled[: len(sent)] = sent
    parts = [torch.empty_like(filled) for _ in range(ranks())]
    distributed.all_gather(parts, filled)
    ends = [total * number // ranks() for number in range(ranks() + 1)]
    out = torch.cat([part[: ends[n + 1] - ends[n]] for n, part in enumerate(parts)])
    return out.movedim(-1, 1) if last else out


class Gather(torch.autograd.Function):
    """From slices to the whole."""

    @staticmethod
    def forward(ctx: Any, mine: Tensor, total: int) -> Tensor:  # noqa: ANN401
        """All rows, of which ``mine`` are this rank's."""
        ctx.total = total
        return all_rows(mine, total)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        """Each rank knows the gradient of all rows, and takes that of its own."""
        (whole,) = gradients
        return whole[own(ctx.total)] * ranks(), None


class Scatter(torch.autograd.Function):
    """From the whole to slices."""

    @staticmethod
    def forward(ctx: Any, whole: Tensor) -> Tensor:  # noqa: ANN401
        """This rank's rows."""
        ctx.total = len(whole)
        return whole[own(len(whole))].clone(memory_format=torch.preserve_format)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        """Each rank knows the gradient of its own rows; all of them make the whole's."""
        (mine,) = gradients
        return all_rows(mine, ctx.total) / ranks()


def gathered(mine: Tensor, total: int) -> Tensor:
    """The ``total`` rows of which every rank holds ``own(total)``."""
    out: Tensor = Gather.apply(mine, total)
    return out


def scattered(whole: Tensor) -> Tensor:
    """This rank's rows of what every rank holds whole."""
    if not whole.requires_grad or not torch.is_grad_enabled():
        return whole[own(len(whole))]
    out: Tensor = Scatter.apply(whole)
    return out
