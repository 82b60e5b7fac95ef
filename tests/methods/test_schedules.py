"""How learning rates decay, and along which curve each method's does."""

from collections.abc import Callable
from typing import Any

import pytest

from methods.base import Method
from methods.byol import BYOL
from methods.inpainting import Inpainting
from methods.schedules import Halving, WarmCosine, constant, cosine
from methods.simclr import SimCLR


def test_schedules() -> None:
    assert [constant(f) for f in (0.0, 0.7)] == [1.0, 1.0]
    assert [cosine(f) for f in (0.0, 1 / 3, 0.5, 1.0)] == pytest.approx([1.0, 0.75, 0.5, 0.0])
    assert [WarmCosine(0.2)(f) for f in (0.0, 0.1, 0.2, 0.6, 1.0)] == pytest.approx(
        [0.0, 0.5, 1.0, 0.5, 0.0]
    )
    assert [Halving(4)(f) for f in (0.0, 0.24, 0.25, 0.5, 0.75, 0.99)] == [
        1.0,
        1.0,
        0.5,
        0.25,
        0.125,
        0.125,
    ]


@pytest.mark.parametrize(
    ("method", "decay"), [(SimCLR, WarmCosine(0.1)), (BYOL, cosine), (Inpainting, cosine)]
)
def test_single_phase_methods_decay_along_a_cosine(
    method: type[Method[Any]], decay: Callable[[float], float]
) -> None:
    (phase,) = method.phases
    assert phase.decay == decay
    assert (phase.share, phase.transfer) == (1.0, "last")
