"""What a step of each training takes at a plan's own size, counted and not computed."""

from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from benchmark.forecast.probe import TRAINING, Setting, Started, drawn_pool
from benchmark.speed.hollow import Cost, Hollow
from methods.base import Draws, Images, Method, Phase, Progress
from methods.draws import occurrences
from methods.networks import Encoder, SegmentationDecoder, set_precision
from methods.pretrain import build
from methods.terms import OPTIMISER
from tasks.base import NORMALISATION
from tasks.labelled import Labelled, Settings, TrainingData
from tasks.metrics import soft_dice_loss
from tasks.segmenter import Segmenter, augmented

CPU = torch.device("cpu")


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step.

    Attributes:
        images: Drawn in it.
        forward: Views and loss.
        whole: With gradients, the optimiser and what follows it.
    """

    images: int
    forward: Cost
    whole: Cost


def pretraining(
    cls: type[Method[Any]],
    config: Any,  # noqa: ANN401
    setting: Setting,
) -> tuple[Started, list[Step]]:
    """A method that has met a small pool, and a step of each of its phases.

    The method holds no meaningful numbers afterwards.
    """
    count = max(TRAINING, cls.smallest_pool(config))
    small = drawn_pool(count, 3, setting.side)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        method = build(cls, config, setting.width, 3, seed=0)
        set_precision(method, setting.precision)
        method.prepare(small)
        with Hollow():
            before = sum(method.before_phase(phase.name, small) for phase in method.phases)
            between = method.before_epoch(small) if method.phases else 0
    passes = (before / len(small), between / len(small))
    images = at_size(small, config.batch_size, setting.size)
    steps = [step(method, phase, images) for phase in method.phases]
    return Started(method, small, *passes, config.batch_size), steps


def at_size(images: Images, count: int, side: int) -> Images:
    """As many blank images of another side."""
    blank = torch.zeros(count, len(images.mean), side, side, dtype=torch.uint8)
    return Images(blank.numpy(), images.mean, images.std)


def step(method: Method[Any], phase: Phase, images: Images) -> Step:
    """One step of a phase."""
    config = method.config
    optimiser = adam(method.param_groups(phase.name))
    index = torch.arange(config.batch_size)
    draws = Draws(0, 0, index, occurrences(index.tolist()), CPU)
    progress = Progress(phase.name, 0, 2)
    method.train()
    with Hollow() as seen:
        loss = method.loss(method.views(images.batch(index, CPU), draws), progress)
        forward = seen.cost
        loss.backward()
        optimiser.step()
        method.after_step(progress)
    method.zero_grad(set_to_none=True)
    return Step(len(index), forward, seen.cost)


def adam(groups: list[dict[str, Any]]) -> torch.optim.Optimizer:
    """The loop's optimiser on a GPU, after its first step has made its moments.

    One op after the other: the fused kernel, which moves fewer bytes, cannot be counted.
    """
    optimiser = OPTIMISER(groups, lr=1e-3, foreach=True, fused=False)
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.empty_like(parameter)
    with Hollow():
        optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return optimiser


def segmenter(setting: Setting) -> Segmenter:
    """An encoder with the downstream decoder."""
    with torch.random.fork_rng(devices=[]):
        encoder = Encoder(setting.width, 3)
        made = Segmenter(encoder, SegmentationDecoder(encoder.channels))
    for network in (made.encoder, made.decoder):
        set_precision(network, setting.precision)
    return made


def blank_task(batch: int, size: int) -> TrainingData:
    """A task of one batch of blank images."""
    part = Labelled(
        tuple(map(str, range(batch))),
        torch.zeros(batch, 3, size, size, dtype=torch.uint8).numpy(),
        torch.zeros(batch, size, size, dtype=torch.bool).numpy(),
    )
    return TrainingData(
        part, part, NORMALISATION["fundus"], 180.0, flips=True, manifest="",
        settings=Settings(size=size, batch_size=batch), kind="phantom",
    )  # fmt: skip


def finetuning(setting: Setting, batch: int, *, trainable: bool) -> Step:
    """One step of fine-tuning, with the encoder frozen or not."""
    made, data = segmenter(setting), blank_task(batch, setting.size)
    made.decoder.train()
    made.encoder.train(trainable)
    moved: list[nn.Parameter] = [*made.decoder.parameters()]
    moved += made.encoder.parameters() if trainable else []
    optimiser = adam([{"params": moved}])
    with Hollow() as seen:
        images, truth = augmented(data, list(range(batch)), 0, 0, CPU)
        loss = soft_dice_loss(made(images, trainable=trainable), truth)
        forward = seen.cost
        loss.backward()
        optimiser.step()
    return Step(batch, forward, seen.cost)


@torch.no_grad()
def looking(setting: Setting, batch: int, *, decoder: bool) -> Step:
    """A look at images with the encoder, and the decoder if wanted."""
    made = segmenter(setting)
    for network in (made.encoder, made.decoder):
        network.eval()
    blank = partial(torch.zeros, batch, 3, setting.size, setting.size)
    with Hollow() as seen:
        if decoder:
            made(blank(), trainable=False)
        else:
            made.encoder(blank())
    return Step(batch, seen.cost, seen.cost)
