"""Full-resolution maps of LD's losses, with gradients of their own.

At full resolution memory binds: the formulas as they stand keep several maps of all images and
channels until the backward pass, and pass over them many times. Each of these keeps what it gives
and little else.
"""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

#: The reference's numerics, not tunables: they only keep logarithms and quotients finite.
EPS_NORM = 1e-10
EPS_SHARE = 1e-9
EPS_LOG = 1e-30

LN_2 = math.log(2.0)
#: Where a zero vector has no direction, any number will do, but zero.
TINY = torch.finfo(torch.float32).tiny

Maps = Float[Tensor, "images dim height width"]


class Unit(torch.autograd.Function):
    """v = x / (|x| + e) over the channels."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:  # noqa: ANN401
        """Unit vectors."""
        norm: Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True)
        v = x / (norm + EPS_NORM)
        ctx.save_for_backward(v, norm)
        return v

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        """(g - v <v, g> (1 + e / |x|)) / (|x| + e)."""
        v, norm = ctx.saved_tensors
        (g,) = gradients
        along = (v * g).sum(dim=1, keepdim=True).mul_(1.0 + EPS_NORM / norm.clamp_min(TINY))
        return torch.addcmul(g, v, along, value=-1.0).div_(norm + EPS_NORM)


class Divided(torch.autograd.Function):
    """r = s / sum of s over the channels, with s = sigmoid(logits) + e."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor) -> Tensor:  # noqa: ANN401
        """Shares."""
        s = torch.sigmoid(logits).add_(EPS_SHARE)
        whole = s.sum(dim=1, keepdim=True)
        r = s.div_(whole)
        ctx.save_for_backward(r, whole)
        return r

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        """(g - <r, g>) / whole, times the sigmoid's slope."""
        r, whole = ctx.saved_tensors
        (g,) = gradients
        slope = (g - (r * g).sum(dim=1, keepdim=True)).div_(whole)
        sigmoid: Tensor = (r * whole).sub_(EPS_SHARE)
        return sigmoid.mul(1.0 - sigmoid).mul_(slope)


class Bits(torch.autograd.Function):
    """-r log2(r + e) - (1 - r) log2(1 - r + e) of every share."""

    @staticmethod
    def forward(ctx: Any, r: Tensor) -> Tensor:  # noqa: ANN401
        """Bits."""
        ctx.save_for_backward(r)
        rest = 1.0 - r
        out = torch.log2(r + EPS_LOG).mul_(r)
        return out.addcmul_(rest, torch.log2(rest + EPS_LOG)).neg_()

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ANN401
        """-log2(r + e) - r / (r + e) / ln 2, minus the same of 1 - r."""
        (r,) = ctx.saved_tensors
        (of_bits,) = gradients
        rest = 1.0 - r
        slope = torch.log2(rest + EPS_LOG).sub_(torch.log2(r + EPS_LOG))
        slope.add_((rest / (rest + EPS_LOG)).sub_(r / (r + EPS_LOG)), alpha=1.0 / LN_2)
        return slope.mul_(of_bits)


def unit(x: Maps) -> Maps:
    """The unit vector of every pixel; a zero vector stays zero."""
    v: Tensor = Unit.apply(x)
    return v


def divided(logits: Maps) -> Maps:
    """Every pixel's shares of the channels, positive and adding up to 1."""
    r: Tensor = Divided.apply(logits)
    return r


def bits(r: Maps) -> Maps:
    """The binary entropy of every share in [0, 1], in bits."""
    out: Tensor = Bits.apply(r)
    return out
