"""Our own path, as a plan runs it: prepared files, views, optimiser steps.

python -m benchmark.speed.ours simclr --size 64 --precision auto
"""

from math import ceil
from time import perf_counter
from typing import Any

import torch

from benchmark import registry
from benchmark.computing import keep_freed
from benchmark.speed.measuring import seconds_a_step
from benchmark.speed.photographs import labelled, pool
from benchmark.speed.work import Work
from methods.base import Budget, Method
from methods.networks import Encoder
from methods.order import timetable
from methods.pretrain import build, pretrain
from tasks.finetuning import FineTuning
from tasks.labelled import Settings

#: The stages of fine-tuning that are timed; each weighs as much as the other.
STAGES = ("frozen", "finetuned")


def pretraining(work: Work, cls: type[Method[Any]] | None = None) -> float:
    """Seconds a step of pre-training from the memory-mapped cache on.

    Of a method with several phases the mean, each weighted by the images that it draws.

    Args:
        work: What to time.
        cls: The method, if it is not the registered one of the work's name.
    """
    cls = cls or registry.method(work.what)
    return sum(each.share * phase(work, cls, place) for place, each in enumerate(cls.phases))


def phase(work: Work, cls: type[Method[Any]], place: int) -> float:
    """Seconds a step of one phase."""
    method = build(cls, work.config, "tiny", 3, seed=0)
    # Twice as long as what is timed: the phase's last step, which a check follows, is not reached.
    wanted = work.warm + work.steps
    drawn = ceil(2 * wanted * work.batch / cls.phases[place].share / cls.group) * cls.group
    earlier = list(timetable(cls, work.batch, drawn).values())[:place]
    until = sum(map(sum, earlier)) + wanted * work.batch
    budget = Budget(images=drawn, checks=1, precision=work.precision, statistics="trained")
    ticks: list[float] = []
    pretrain(
        method,
        pool(work.folder, work.size),
        budget,
        seed=0,
        observe=lambda _: ticks.append(perf_counter()),
        until=until,
    )
    return seconds_a_step(ticks, work.steps)


def tuning(work: Work, encoder: Encoder) -> FineTuning:
    """A fine-tuning of as many steps a stage as are run."""
    settings = Settings(
        size=work.size,
        steps=work.warm + work.steps,
        batch_size=work.batch,
        checks=1,
        precision=work.precision,
    )
    return FineTuning(encoder, labelled(work.folder, settings), STAGES, 0)


def initial() -> Encoder:
    """The encoder that is fine-tuned, and every rival's."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Encoder("tiny", 3)


def finetuning(work: Work) -> float:
    """Seconds a step of fine-tuning, the mean of both stages; validation is not timed."""
    under_way, seconds = tuning(work, initial()), 0.0
    for number in range(len(STAGES)):
        under_way.number = number
        under_way.begin()
        ticks = []
        for _ in range(work.warm + work.steps):
            under_way.train_step()
            ticks.append(perf_counter())
        seconds += seconds_a_step(ticks, work.steps)
    return seconds / len(STAGES)


def block(work: Work) -> float:
    """Seconds a step of our own path."""
    keep_freed()
    return finetuning(work) if work.what == "finetuning" else pretraining(work)


if __name__ == "__main__":
    from benchmark.speed.alone import main

    main(block, __doc__)
