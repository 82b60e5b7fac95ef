"""Convolutions in bfloat16 where PyTorch has none: right to the last bit but for ties and sums."""

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark import computing, emulation, machine
from benchmark.cells import EMULATES
from benchmark.emulation import (
    PLANAR,
    Window,
    convolved,
    emulate_bfloat16,
    gradients,
)

#: Of bfloat16's eight bits, one in the last place.
ULP = 2.0**-7


@pytest.fixture
def loops() -> Iterator[None]:
    """PyTorch without oneDNN, as on processors for which that has no bfloat16."""
    torch._C._set_mkldnn_enabled(False)
    yield
    torch._C._set_mkldnn_enabled(True)


@pytest.fixture
def emulated(loops: None) -> Iterator[None]:
    """The same, its loops replaced for one test."""
    library = emulate_bfloat16.__wrapped__()
    yield
    library._destroy()


def rounded(*tensors: Tensor) -> list[Tensor]:
    """In bfloat16, channels side by side as the networks have them."""
    form = torch.channels_last
    return [
        one.bfloat16().to(memory_format=form) if one.dim() == 4 else one.bfloat16()
        for one in tensors
    ]


def close(found: Tensor | None, exact: Tensor | None) -> bool:
    """Whether nearly all numbers are the exact ones rounded, and none is off by more than a bit."""
    assert found is not None
    assert exact is not None
    rounded, found = exact.bfloat16().double(), found.double()
    same = (found == rounded).double().mean().item()
    tiny = 1e-3 * exact.abs().max().item()  # sums that cancel
    return same > 0.98 and torch.allclose(found, rounded, rtol=ULP, atol=tiny)


@pytest.mark.parametrize(("size", "stride", "padding"), [(3, 1, 1), (1, 1, 0), (3, 2, 1)])
@pytest.mark.parametrize(("channels", "bias"), [(5, True), (5, False), (PLANAR, True)])
@pytest.mark.usefixtures("emulated")
def test_factors_are_bfloat16_and_sums_are_not(
    size: int, stride: int, padding: int, channels: int, bias: bool
) -> None:
    made = torch.Generator().manual_seed(size + stride)
    drawn = torch.randn(2, channels, 12, 10, generator=made)
    maps = drawn.contiguous(memory_format=torch.channels_last).requires_grad_()
    layer = nn.Conv2d(channels, 7, size, stride, padding, bias=bias)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = layer(maps)
    slope = torch.randn(out.shape, generator=made).bfloat16()
    out.backward(slope)

    factors = (maps, *layer.parameters())
    exact = [one.detach().bfloat16().double().requires_grad_() for one in factors]
    wanted = F.conv2d(exact[0], exact[1], exact[2] if bias else None, stride, padding)
    wanted.backward(slope.double())
    assert out.dtype == torch.bfloat16
    assert close(out, wanted)
    for one, true in zip(factors, exact, strict=True):
        assert close(one.grad, true.grad)


@pytest.mark.parametrize("channels", [5, PLANAR])
@pytest.mark.parametrize("wanted", [[True, True, True], [False, True, False], [True, False, False]])
def test_with_onednn_in_float32(channels: int, wanted: list[bool]) -> None:
    """As it is on a processor that has no bfloat16; only what is wanted is computed."""
    made = torch.Generator().manual_seed(channels)
    maps, weight, bias, out = rounded(
        torch.randn(2, channels, 12, 10, generator=made),
        torch.randn(7, channels, 3, 3, generator=made),
        torch.randn(7, generator=made),
        torch.randn(2, 7, 12, 10, generator=made),
    )
    window = Window((1, 1), (1, 1))
    exact = [one.double().requires_grad_() for one in (maps, weight, bias)]
    true = F.conv2d(exact[0], exact[1], exact[2], padding=1)
    true.backward(out.double())
    assert close(convolved(maps, weight, bias, window), true)
    for found, one, asked in zip(
        gradients(out, maps, weight, window, wanted), exact, wanted, strict=True
    ):
        assert close(found, one.grad) if asked else found is None


def test_float32_is_what_it_was(loops: None) -> None:
    """Of single small images, whose convolutions PyTorch leaves to the same loops."""
    made = torch.Generator().manual_seed(0)
    weight = torch.randn(4, 3, 3, 3, generator=made)

    def computed() -> tuple[Tensor, Tensor]:
        maps = torch.ones(1, 3, 8, 8, requires_grad=True)
        out = F.conv2d(maps, weight)
        (gradient,) = torch.autograd.grad(out.square().sum(), maps)
        return out, gradient

    before = computed()
    library = emulate_bfloat16.__wrapped__()
    after = computed()
    library._destroy()
    assert all(torch.equal(*pair) for pair in zip(before, after, strict=True))


@pytest.mark.parametrize("lacking", [True, False])
def test_loops_are_replaced_only_where_the_processor_needs_it(
    monkeypatch: pytest.MonkeyPatch, lacking: bool
) -> None:
    replaced: list[bool] = []
    monkeypatch.setattr(emulation, "lacks_bfloat16", lambda: lacking)
    monkeypatch.setattr(emulation, "emulate_bfloat16", lambda: replaced.append(True))
    computing.ready(torch.get_num_threads())
    assert replaced == [True] * lacking


@pytest.mark.parametrize("lacking", [True, False])
def test_results_say_that_bfloat16_was_computed_in_float32(
    monkeypatch: pytest.MonkeyPatch, lacking: bool
) -> None:
    monkeypatch.setattr(machine, "lacks_bfloat16", lambda: lacking)
    assert machine.Meter(torch.device("cpu")).read().get(EMULATES, False) == lacking
