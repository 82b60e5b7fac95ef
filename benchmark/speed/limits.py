"""The bare step on tensors that are in memory already: E, which nothing with that model can beat.

    python -m benchmark.speed.limits simclr --size 64 [--precision bfloat16]

Neither files nor views nor the ledger: forward, loss, backward, optimiser.
"""

from time import perf_counter

import torch
from torch import Tensor

from benchmark import registry
from benchmark.computing import keep_freed
from benchmark.speed.measuring import seconds_a_step
from benchmark.speed.ours import STAGES, initial, tuning
from benchmark.speed.photographs import pool
from benchmark.speed.work import Work
from methods.base import Draws, Progress
from methods.draws import derive_seed, occurrences
from methods.networks import set_precision
from methods.pretrain import build
from methods.terms import OPTIMISER
from tasks.metrics import soft_dice_loss
from tasks.segmenter import augmented


class Bare:
    """A pre-training on one batch of views that are made once.

    Args:
        work: What to train; ``begin`` a phase before the first step.
    """

    def __init__(self, work: Work) -> None:
        self.work = work
        self.method = build(registry.method(work.what), work.config, "tiny", 3, seed=0)
        set_precision(self.method, work.precision)
        self.images = pool(work.folder, work.size)
        self.method.prepare(self.images)

    def begin(self, phase: str) -> None:
        """Make the views and the optimiser of a phase; phases go in order."""
        self.method.before_phase(phase, self.images)
        self.method.before_epoch(self.images)
        self.method.train()
        index, cpu = torch.arange(self.work.batch), torch.device("cpu")
        draws = Draws(0, 0, index, occurrences(index.tolist()), cpu)
        self.views = self.method.views(self.images.batch(index, cpu), draws)
        rate = self.work.config.learning_rate
        self.optimiser = OPTIMISER(self.method.param_groups(phase), lr=rate)
        self.phase, self.number = phase, 0

    def step(self) -> None:
        """Forward, loss, backward, optimiser."""
        # As in our path, which is stopped in the middle of the phase.
        progress = Progress(self.phase, self.number, 2 * (self.work.warm + self.work.steps))
        self.optimiser.zero_grad(set_to_none=True)
        loss: Tensor = self.method.loss(self.views, progress)
        loss.backward()
        self.optimiser.step()
        self.method.after_step(progress)
        self.number += 1


def pretraining(work: Work) -> float:
    """Seconds of a bare step, the mean over phases weighted by the images that they draw."""
    bare, seconds = Bare(work), 0.0
    for phase in bare.method.phases:
        bare.begin(phase.name)
        ticks = []
        for _ in range(work.warm + work.steps):
            bare.step()
            ticks.append(perf_counter())
        seconds += phase.share * seconds_a_step(ticks, work.steps)
    return seconds


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
