"""What promises are tried on: a method with a small pool, freshly built, ready or trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from benchmark.contract.pool import blobs
from methods.base import Batch, Budget, Draws, Images, Method, Pretrained, Progress
from methods.checkpoint import tensors_of
from methods.networks import Width
from methods.pretrain import build, pretrain

Cls = type[Method[Any]]
CPU = torch.device("cpu")

#: The batch that the contract trains with, where the method allows it.
BATCH = 8
#: Training images of the contract's pool, and those held out, where the method needs no more.
TRAINING, HELD_OUT = 12, 4


class BrokenError(AssertionError):
    """A promise that is not kept; says what to mend."""


def insist(kept: bool, remedy: str) -> None:
    """Raise what to mend unless the promise is kept."""
    if not kept:
        raise BrokenError(remedy)


def made(
    cls: Cls, channels: int = 3, seed: int = 0, width: Width = "tiny", batch: int = BATCH
) -> Method[Any]:
    """A freshly built method with a batch that suits it."""
    size = max(batch, cls.smallest_batch)
    size += -size % cls.group
    return build(cls, replace(cls.Config(), batch_size=size), width, channels, seed=seed)


def pool_for(cls: Cls, channels: int = 3, side: int = 32) -> Images:
    """Drawn images, as many as the method needs."""
    training = max(TRAINING, cls.smallest_pool(cls.Config()))
    return pool_of(training, channels, side)


@cache
def pool_of(training: int, channels: int, side: int) -> Images:
    """The same pool for everyone who asks."""
    return blobs(training + HELD_OUT, channels, side, HELD_OUT)


def budget_for(cls: Cls, steps: int = 3) -> Budget:
    """A budget of so many full batches."""
    size = made(cls).config.batch_size
    return Budget(images=steps * size, checks=2)


def is_control(cls: Cls) -> bool:
    """A control trains nothing and is exempt from what is promised of training."""
    return not cls.phases


@cache
def trained(cls: Cls, channels: int = 3, seed: int = 0) -> Pretrained:
    """A short training, the same for everyone who asks; must not be changed."""
    images = pool_for(cls, channels)
    return pretrain(made(cls, channels, seed), images, budget_for(cls), seed=seed)


def one_batch(cls: Cls, images: Images, size: int = 0) -> tuple[Batch, Draws]:
    """The first training images and their draws."""
    index = torch.arange(size or made(cls).config.batch_size) % len(images)
    return images.batch(index, CPU), Draws(0, 3, index, index // len(images))


def progress_of(cls: Cls, place: int = -1) -> Progress:
    """The first step of a phase."""
    return Progress(cls.phases[place].name if cls.phases else "", 0, 2)


def ready(cls: Cls, images: Images, **how: Any) -> Method[Any]:  # noqa: ANN401
    """A method that has met its pool, as at the start of its last phase."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        method = made(cls, images.pixels.shape[1], **how)
        method.prepare(images)
        for phase in method.phases:
            method.before_phase(phase.name, images)
        if method.phases:
            method.before_epoch(images)
    return method.train()


def different_tensors(one: Method[Any], other: Method[Any]) -> list[str]:
    """Names of two methods' parameters and buffers that are not equal to the bit."""
    a, b = tensors_of(one), tensors_of(other)
    return [key for key in a | b if key not in a or key not in b or not torch.equal(a[key], b[key])]


@contextmanager
def recorded(drawn: list[int]) -> Iterator[None]:
    """Note every image that is fetched from any pool."""
    real = Images.batch

    def batch(self: Images, index: Tensor, device: torch.device) -> Batch:
        drawn.extend(index.tolist())
        return real(self, index, device)

    Images.batch = batch  # type: ignore[method-assign]
    try:
        yield
    finally:
        Images.batch = real  # type: ignore[method-assign]
