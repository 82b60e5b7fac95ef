"""The bare step on tensors that are in memory already: E, which nothing with that model can beat.

    python -m benchmark.speed.limits simclr --size 64 [--precision bfloat16]

Neither files nor views nor the ledger: forward, loss, backward, optimiser.
"""

from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from benchmark import registry
from benchmark.computing import keep_freed
from benchmark.speed.measuring import seconds_a_step
from benchmark.speed.ours import STAGES, initial, tuning
from benchmark.speed.photographs import pool
from benchmark.speed.work import Work
from methods.base import Draws, Method, Progress
from methods.draws import derive_seed, occurrences
from methods.networks import set_precision
from methods.pretrain import build
from methods.terms import OPTIMISER
from tasks.metrics import soft_dice_loss
from tasks.segmenter import augmented


def pretraining(work: Work) -> float:
    """Seconds of a bare step in the method's last phase."""
    method = build(registry.method(work.what), work.config, "tiny", 3, seed=0)
    set_precision(method, work.precision)
    images = pool(work.folder, work.size)
    method.prepare(images)
    last = method.phases[-1].name
    method.before_phase(last, images)
    method.before_epoch(images)
    method.train()
    index = torch.arange(work.batch)
    draws = Draws(0, 0, index, occurrences(index.tolist()), torch.device("cpu"))
    views = method.views(images.batch(index, torch.device("cpu")), draws)
    return timed(work, method, views, last)


def timed(work: Work, method: Method[Any], views: Any, phase: str) -> float:  # noqa: ANN401
    """Seconds of a step on these views."""
    optimiser = OPTIMISER(method.param_groups(phase), lr=work.config.learning_rate)
    ticks = []
    for number in range(work.warm + work.steps):
        progress = Progress(phase, number, work.warm + work.steps)
        optimiser.zero_grad(set_to_none=True)
        loss: Tensor = method.loss(views, progress)
        loss.backward()
        optimiser.step()
        method.after_step(progress)
        ticks.append(perf_counter())
    return seconds_a_step(ticks, work.steps)


def finetuning(work: Work) -> float:
    """Seconds of a bare step of fine-tuning, the mean of both stages."""
    under_way, seconds = tuning(work, initial()), 0.0
    for number, stage in enumerate(STAGES):
        under_way.number = number
        under_way.begin()
        segmenter, trainable = under_way.segmenter, under_way.trainable
        segmenter.decoder.train()
        segmenter.encoder.train(trainable)
        views = derive_seed(0, "views", stage)
        batch = list(range(work.batch))
        images, truth = augmented(under_way.data, batch, views, 0, under_way.device)
        ticks = []
        for _ in range(work.warm + work.steps):
            under_way.optimiser.zero_grad(set_to_none=True)
            loss = soft_dice_loss(segmenter(images, trainable=trainable), truth)
            loss.backward()
            under_way.optimiser.step()
            ticks.append(perf_counter())
        seconds += seconds_a_step(ticks, work.steps)
    return seconds / len(STAGES)


def block(work: Work) -> float:
    """Seconds of a bare step."""
    keep_freed()
    return finetuning(work) if work.what == "finetuning" else pretraining(work)


if __name__ == "__main__":
    from benchmark.speed.alone import main

    main(block, __doc__)
