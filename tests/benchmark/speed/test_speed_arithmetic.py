"""What binds the bare step: its operations by hand, and whose time counts as convolutions'."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from benchmark.speed import arithmetic
from benchmark.speed.limits import Bare
from benchmark.speed.work import Work
from methods.networks import DEPTHS, WIDTHS
from methods.views import view_side

SIZE = 32


def convolutions_of_simclr(batch: int) -> int:
    """Operations of the encoder's 3x3 convolutions on two views an image, forward and backward."""
    side, narrow, forward, first = view_side(SIZE), 3, 0, 0
    for wide, depth in zip(WIDTHS["tiny"], DEPTHS, strict=True):
        for _ in range(depth):
            one = 2 * 9 * narrow * wide * side**2 * 2 * batch
            first = first or one
            forward, narrow = forward + one, wide
        side //= 2
    # Backward: gradients of weights and of inputs, which the images need not have.
    return 3 * forward - first


def test_operations_are_those_counted_by_hand(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arithmetic, "clocked", lambda call: [call(), 2.0][1:])
    monkeypatch.setattr(arithmetic, "convolving", lambda _: 1.0)
    expected = convolutions_of_simclr(Work("simclr", SIZE, folder).batch) / 1e9
    assert arithmetic.row(SIZE, "float32", folder, 123.4) == [
        *("simclr", str(SIZE), "float32", "2000", "0.50"),
        *(f"{expected:.0f}", "123"),
    ]


class Alone(Bare):
    """A step of one call."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call

    def step(self) -> None:
        self.call()


def test_only_convolutions_are_time_in_convolutions() -> None:
    a, kernel = torch.randn(1, 8, 32, 32), torch.randn(8, 8, 3, 3)
    assert arithmetic.convolving(Alone(lambda: F.relu(a @ a))) == 0.0
    assert arithmetic.convolving(Alone(lambda: F.conv2d(a, kernel))) > 0.0
