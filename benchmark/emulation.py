"""Convolutions in bfloat16 on processors for which PyTorch has none but a loop.

oneDNN computes them on x86 from AVX-512 on. Without, PyTorch falls back to a loop that takes fifty
times as long as a convolution in float32. What oneDNN does where the instructions lack is done here
too: factors are bfloat16, sums float32, the result is rounded to bfloat16.
"""

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor

#: Channels from which it is worth to lay them apart for oneDNN's float32 gradients of weights, slow
#: where a pixel's channels lie side by side. Forward and back, AVX2: 24 to 37 GFLOP/s with 48
#: channels of four large maps, 35 to 31 with 32 of smaller ones.
PLANAR = 32


class Window(NamedTuple):
    """How a kernel moves over maps, pixels down and to the right."""

    stride: Sequence[int]
    padding: Sequence[int]


def lacks_bfloat16() -> bool:
    """Whether PyTorch computes convolutions in bfloat16 by its loop on this processor."""
    available = torch.backends.mkldnn.is_available()
    return not (available and torch.ops.mkldnn._is_mkldnn_bf16_supported())


def convolved(maps: Tensor, weight: Tensor, bias: Tensor | None, window: Window) -> Tensor:
    """A convolution of bfloat16 numbers with sums in float32, rounded.

    Args:
        maps: (batch, channels, height, width).
        weight: (outputs, channels, height, width).
        bias: (outputs,) or None.
        window: Stride and zeros around the maps.
    """
    wide = None if bias is None else bias.float()
    out: Tensor = torch.ops.aten.convolution(
        maps.float(), weight.float(), wide, *window, [1, 1], False, [0, 0], 1
    )
    return out.bfloat16()


def gradients(
    out: Tensor, maps: Tensor, weight: Tensor, window: Window, wanted: Sequence[bool]
) -> tuple[Tensor | None, ...]:
    """Gradients by maps, weight and bias, with sums in float32 and rounded as in ``convolved``.

    Args:
        out: The gradient by what ``convolved`` returned.
        maps: (batch, channels, height, width).
        weight: (outputs, channels, height, width).
        window: Stride and zeros around the maps.
        wanted: Which of the three; None stands for the others.
    """
    by_maps, by_weight, by_bias = wanted
    out, maps, weight = out.float(), maps.float(), weight.float()
    form = [[len(weight)], *window, [1, 1], False, [0, 0], 1]
    backward = torch.ops.aten.convolution_backward
    first, *_ = backward(out, maps, weight, *form, [by_maps, False, False])
    if by_weight and maps.shape[1] >= PLANAR:
        out, maps, weight = out.contiguous(), maps.contiguous(), weight.contiguous()
    _, *others = backward(out, maps, weight, *form, [False, by_weight, by_bias])
    return tuple(None if one is None else one.bfloat16() for one in (first, *others))


def emulate_where_needed() -> None:
    """Let convolutions in bfloat16 not take much longer than in float32, whatever the processor."""
    if lacks_bfloat16():
        emulate_bfloat16()


@cache
def emulate_bfloat16() -> torch.library.Library:
    """Replace PyTorch's loops on the CPU for the rest of this process where maps are bfloat16.

    The loops go on to serve float32: small single images, those of ``convolved`` among them.
    """
    forward, backward = "aten::_slow_conv2d_forward", "aten::_slow_conv2d_backward.output_mask"
    loop, loop_back = (torch.library.get_kernel(name, "CPU") for name in (forward, backward))

    def convolve(  # noqa: PLR0913, PLR0917 - arguments as PyTorch gives them
        keys: torch.DispatchKeySet,
        maps: Tensor,
        weight: Tensor,
        size: Sequence[int],
        bias: Tensor | None,
        stride: Sequence[int],
        padding: Sequence[int],
    ) -> Tensor:
        if maps.dtype == torch.bfloat16:
            return convolved(maps, weight, bias, Window(stride, padding))
        out: Tensor = loop.call_boxed(keys, maps, weight, size, bias, stride, padding)
        return out

    def differentiate(  # noqa: PLR0913, PLR0917
        keys: torch.DispatchKeySet,
        out: Tensor,
        maps: Tensor,
        weight: Tensor,
        size: Sequence[int],
        stride: Sequence[int],
        padding: Sequence[int],
        wanted: Sequence[bool],
    ) -> tuple[Tensor | None, ...]:
        if maps.dtype == torch.bfloat16:
            return gradients(out, maps, weight, Window(stride, padding), wanted)
        found: tuple[Tensor | None, ...] = loop_back.call_boxed(
            keys, out, maps, weight, size, stride, padding, wanted
        )
        return found

    library = torch.library.Library("aten", "IMPL")
    library.impl(forward, convolve, "CPU", with_keyset=True)
    library.impl(backward, differentiate, "CPU", with_keyset=True)
    return library
