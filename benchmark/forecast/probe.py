"""What a step of pre-training or fine-tuning takes: operations at a plan's size, seconds here.

Seconds are measured on few small images. Operations are counted at the plan's own size without
being computed, on tensors that have a shape and no content; where a loss asks for content, they are
counted on the small images and grow with the area of a view.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.contract.pool import blobs
from benchmark.forecast.steps import ContentError, measured, operations
from methods.base import Draws, Images, Method, Phase, Progress
from methods.networks import Width, set_precision
from methods.precision import Precision
from methods.pretrain import build
from methods.views import view_side

#: Side of the images that are timed, in pixels, if the plan's are not smaller.
SIDE = 64
#: A batch that is timed is a method's own over this: a wider encoder takes so much longer.
SHARES: dict[Width, int] = {"tiny": 1, "small": 4, "full": 16}
#: But not fewer images: of few, most of the time goes into what a batch needs once.
FEWEST = 8
#: Training images of the drawn pool, if the method needs no more; and those held out.
TRAINING, HELD_OUT = 64, 4


@dataclass(frozen=True, slots=True)
class Setting:
    """What is the same for every measurement of a plan."""

    width: Width
    size: int
    precision: Precision
    device: torch.device

    @property
    def side(self) -> int:
        """Side of the images that are timed."""
        return min(SIDE, self.size)


@dataclass(frozen=True, slots=True)
class Spent:
    """Of one image.

    Attributes:
        forward: Floating-point operations of the loss alone.
        both: Those of the loss and its gradients.
        seconds: Of loss and gradients on this machine, views included.
    """

    forward: float
    both: float
    seconds: float

    def plus(self, other: "Spent", share: float) -> "Spent":
        """With a share of another added."""
        return Spent(
            self.forward + share * other.forward,
            self.both + share * other.both,
            self.seconds + share * other.seconds,
        )

    @property
    def seconds_forward(self) -> float:
        """Seconds of the loss alone, as if an operation took as long there."""
        return self.seconds * self.forward / self.both if self.both else 0.0


NOTHING = Spent(0.0, 0.0, 0.0)


def drawn_pool(count: int, channels: int, side: int) -> Images:
    """A pool of drawn images."""
    return blobs(count + HELD_OUT, channels, side, HELD_OUT)


def enlarged(images: Images, count: int, side: int) -> Images:
    """The first images at a larger side; what they show does not matter."""
    times = -(-side // images.side)
    pixels = images.pixels[:count].repeat(times, 2).repeat(times, 3)[..., :side, :side]
    return Images(np.ascontiguousarray(pixels), images.mean, images.std)


@dataclass(frozen=True, slots=True)
class Started:
    """A method that has met a small pool.

    Attributes:
        method: Ready for a step of its last phase.
        images: The pool.
        before: Passes over the pool that its phases began with.
        between: Passes over the pool before each epoch.
        batch_size: Of the plan; the method's own here is smaller.
    """

    method: Method[Any]
    images: Images
    before: float
    between: float
    batch_size: int


def started(cls: type[Method[Any]], config: Any, channels: int, setting: Setting) -> Started:  # noqa: ANN401
    """Build a method with a batch that is quick to time, and start every phase."""
    fewest = max(cls.smallest_batch, min(FEWEST, config.batch_size))
    size = max(fewest, config.batch_size // SHARES[setting.width])
    size += -size % cls.group
    small = replace(config, batch_size=size)
    images = drawn_pool(max(TRAINING, cls.smallest_pool(small)), channels, setting.side)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        method = build(cls, small, setting.width, channels, seed=0).to(setting.device)
        set_precision(method, setting.precision)
        method.prepare(images)
        before = sum(method.before_phase(phase.name, images) for phase in method.phases)
        between = method.before_epoch(images) if method.phases else 0
    method.train()
    passes = (before / len(images), between / len(images))
    return Started(method, images, *passes, config.batch_size)


def drawing(start: Started, setting: Setting) -> Spent:
    """What an image drawn takes, averaged over the phases by their share of the budget.

    The method is of no more use afterwards.
    """
    method, small = start.method, NOTHING
    size = method.config.batch_size
    for phase in method.phases:
        make = partial(loss_of, method, phase, start.images, setting.device)
        small = small.plus(per_image(*measured(make, setting.device), size), phase.share)
        method.zero_grad(set_to_none=True)
    if setting.size == setting.side or not method.phases:
        return small
    large = enlarged(start.images, size, setting.size)
    steps = [loss_of(method, phase, large, setting.device) for phase in method.phases]
    try:
        full = NOTHING
        for phase, step in zip(method.phases, steps, strict=True):
            full = full.plus(per_image(*operations(method, step), 0.0, size), phase.share)
    except ContentError:
        growth = (view_side(setting.size) / view_side(setting.side)) ** 2
        full = NOTHING.plus(small, growth)
    return replace(full, seconds=small.seconds * full.both / small.both)


def per_image(forward: float, both: float, seconds: float, images: int) -> Spent:
    """A step's costs shared among its images."""
    return Spent(forward / images, both / images, seconds / images)


def loss_of(
    method: Method[Any], phase: Phase, images: Images, device: torch.device
) -> Callable[[], Tensor]:
    """Computes the loss of the first images' views, which are made here."""
    index = torch.arange(method.config.batch_size) % len(images)
    draws = Draws(0, 0, index, torch.arange(len(index)) // len(images), device)
    views = method.views(images.batch(index, device), draws)
    return lambda: method.loss(views, Progress(phase.name, 0, 2))
