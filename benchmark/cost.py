"""What a method spends on an image drawn, measured on one step of each of its phases."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch.utils.flop_counter import FlopCounterMode

from benchmark import registry
from benchmark.contract.subject import Cls, is_control, one_batch, pool_for, ready
from methods.base import Images, Method, Phase, Progress
from methods.networks import Encoder
from methods.views import view_side

#: Side of the images that are measured on, in pixels; ratios hardly depend on it.
SIDE = 64
#: Whose passes and operations count as 1.
YARDSTICK = "simclr"


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one image drawn, averaged over a method's phases by their share of the budget.

    Attributes:
        parameters: How many numbers the optimiser moves in the last phase.
        forward: Passes of a whole view through an encoder; a crop of half the side is a quarter.
        backward: Those of them that gradients come back through.
        operations: Floating-point operations of loss and gradients, decoders and heads included.
    """

    parameters: int
    forward: float
    backward: float
    operations: float


def costs(names: Iterable[str]) -> list[dict[str, object]]:
    """A row a method: parameters, passes, and all of these against SimCLR's, which is 1."""
    measured = {name: cost(registry.method(name)) for name in [YARDSTICK, *names]}
    unit = measured[YARDSTICK]
    return [
        {
            "name": name,
            "parameters trained": measured[name].parameters,
            "forward": round(measured[name].forward / unit.forward, 2),
            "backward": round(measured[name].backward / unit.backward, 2),
            "operations": round(measured[name].operations / unit.operations, 2),
        }
        for name in names
    ]


def cost(cls: Cls) -> Cost:
    """Measure a method with its default settings on drawn images."""
    if is_control(cls):
        return Cost(0, 0.0, 0.0, 0.0)
    images = pool_for(cls, side=SIDE)
    method = ready(cls, images)
    parts = [(phase.share, spent(method, phase, images)) for phase in method.phases]
    forward, backward, operations = (
        sum(share * part[place] for share, part in parts) for place in range(3)
    )
    moved = [p for group in method.param_groups(method.phases[-1].name) for p in group["params"]]
    return Cost(sum(p.numel() for p in moved), forward, backward, operations)


def spent(method: Method[Any], phase: Phase, images: Images) -> tuple[float, float, float]:
    """Forward passes, backward passes and operations of a step, an image."""
    batch, draws = one_batch(type(method), images)
    views = method.views(batch, draws)
    area = view_side(SIDE) ** 2 * len(batch.index)
    with passes(method) as counted, FlopCounterMode(display=False) as counter:
        method.loss(views, Progress(phase.name, 0, 2)).backward()
    method.zero_grad(set_to_none=True)
    operations = counter.get_total_flops() / len(batch.index)
    return counted["forward"] / area, counted["backward"] / area, operations


@contextmanager
def passes(method: Method[Any]) -> Iterator[dict[str, int]]:
    """Count the pixels that go through every encoder inside a method."""
    counted = {"forward": 0, "backward": 0}

    def count(module: Encoder, given: tuple[Any, ...], maps: list[Any]) -> None:
        del module
        pixels = given[0].shape[0] * given[0].shape[-1] * given[0].shape[-2]
        counted["forward"] += pixels
        counted["backward"] += pixels if maps[-1].requires_grad else 0

    hooks = [
        part.register_forward_hook(count) for part in method.modules() if isinstance(part, Encoder)
    ]
    try:
        yield counted
    finally:
        for hook in hooks:
            hook.remove()
