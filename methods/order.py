"""In which order a pool's images are drawn, and in batches of which size."""

from collections.abc import Iterator
from itertools import accumulate, count, pairwise
from typing import Any, Literal

import torch

from methods.base import Method
from methods.draws import derive_seed
from methods.errors import ConfigError

#: The choice of checkpoint that needs images held out (``Phase.transfer``).
LOWEST = "lowest validation loss"


def order(seed: int, pool: int, sampling: Literal["epochs", "replacement"]) -> Iterator[int]:
    """An endless stream of image indices, the same for every method with the same sampling.

    Args:
        seed: Decides the order.
        pool: Number of images.
        sampling: "epochs" draws a new permutation each pass, "replacement" independent indices.
    """
    for epoch in count():
        generator = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))
        if sampling == "epochs":
            indices = torch.randperm(pool, generator=generator)
        else:
            indices = torch.randint(pool, (pool,), generator=generator)
        yield from indices.tolist()


def timetable(method: type[Method[Any]], batch_size: int, images: int) -> dict[str, list[int]]:
    """The batches of every phase, by its name; they add up to ``images`` exactly.

    Raises:
        ConfigError: If the batch or the number of images does not suit the method.
    """
    if images % method.group and method.phases:
        raise ConfigError(
            f"{method.name} draws images in groups of {method.group}, not {images}: change "
            "budget.images"
        )
    return {
        phase.name: batch_sizes(drawn, method, batch_size)
        for phase, drawn in zip(method.phases, phase_images(images, method), strict=True)
    }


def batch_sizes(images: int, method: type[Method[Any]], size: int) -> list[int]:
    """Split a number of images into the method's batches; a last one too short joins its neighbour.

    Raises:
        ConfigError: If the batch or the number of images does not suit the method.
    """
    least, group = method.smallest_batch, method.group
    if size < least or size % group:
        raise ConfigError(
            f"{method.name} needs batches of at least {least} images in groups of {group}, "
            f"not {size}: raise batch_size"
        )
    if images < least:
        raise ConfigError(
            f"{method.name} draws at least {least} images a phase, not {images}: raise "
            "budget.images"
        )
    full, rest = divmod(images, size)
    sizes = [size] * full
    if rest >= least or not sizes:
        sizes += [rest] if rest else []
    else:
        sizes[-1] += rest
    return sizes


def phase_images(images: int, method: type[Method[Any]]) -> list[int]:
    """Images that each phase draws: its share in whole groups, the last phase taking the rest.

    The counts add up to ``images`` exactly.
    """
    shares = accumulate(phase.share for phase in method.phases)
    ends = [round(share * images / method.group) * method.group for share in shares]
    if ends:
        ends[-1] = images
    return [end - start for start, end in pairwise([0, *ends])]


def pool_suits(method: type[Method[Any]], config: Any, images: int, held_out: int) -> None:  # noqa: ANN401
    """Insist that a pool is large enough for a method.

    Args:
        method: Its class.
        config: Its settings.
        images: How many images train.
        held_out: How many serve the validation loss.

    Raises:
        ConfigError: If there are too few.
    """
    least = method.smallest_pool(config)
    if images < least:
        raise ConfigError(
            f"{method.name} needs a pool of at least {least} training images with these settings, "
            f"not {images}: give it more images or change its settings"
        )
    if not held_out and any(phase.transfer == LOWEST for phase in method.phases):
        raise ConfigError(
            f"{method.name} transfers the checkpoint of {LOWEST}, but the pool of {images} images "
            "holds none out for it: give it more images"
        )
