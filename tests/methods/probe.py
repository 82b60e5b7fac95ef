"""A method that costs nothing and remembers how the training loop called it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from methods.base import Batch, Budget, Draws, Images, Method, Phase, Progress
from methods.networks import Encoder
from methods.pretrain import build
from methods.schedules import Halving

BUDGET = Budget(images=40, checks=5, statistics="trained")


@dataclass(frozen=True, slots=True)
class ProbeConfig:
    learning_rate: float = 0.1
    weight_decay: float = 0.0
    batch_size: int = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """One call of the loss."""

    training: bool
    gradient: bool
    index: list[int]
    numbers: Tensor
    weight: float
    progress: Progress


class Probe(Method[Batch]):
    """Minimises the distance of one weight to 3, and remembers how it was called."""

    name = "probe"
    paper = "https://example.org"
    Config = ProbeConfig

    config: ProbeConfig

    def __init__(self, encoder: Encoder, config: ProbeConfig) -> None:
        super().__init__(encoder, config)
        self.weight = nn.Parameter(torch.zeros(()))
        self.head = nn.Linear(4, 4)
        self.seen: list[Seen] = []
        self.events: list[str] = []
        self.validation: Iterator[float] = iter(())

    def views(self, batch: Batch, draws: Draws) -> Batch:
        self.index, self.numbers = batch.index.tolist(), draws.uniform("x")
        return batch

    def loss(self, views: Batch, progress: Progress) -> Tensor:
        assert len(views.images) == len(self.index)
        self.seen.append(
            Seen(
                self.training,
                torch.is_grad_enabled(),
                self.index,
                self.numbers,
                self.weight.item(),
                progress,
            )
        )
        if not self.training:
            return torch.tensor(next(self.validation, 1.0))
        self.events.append("step")
        return (self.weight - 3.0) ** 2

    def before_epoch(self, images: Images) -> int:
        self.events.append("epoch")
        return len(images)

    def after_step(self, progress: Progress) -> None:
        self.events.append(f"after {progress.step}")


def probe(seed: int = 0, **settings: Any) -> Probe:  # noqa: ANN401
    method = build(Probe, ProbeConfig(**settings), "tiny", 3, seed=seed)
    assert isinstance(method, Probe)
    return method


def steps(method: Probe) -> list[Seen]:
    return [seen for seen in method.seen if seen.training]


def checks(method: Probe) -> list[Seen]:
    return [seen for seen in method.seen if not seen.training]


def with_phases(monkeypatch: pytest.MonkeyPatch, *phases: Phase) -> None:
    monkeypatch.setattr(Probe, "phases", phases)


def two_phases(transfer: Literal["last", "lowest validation loss"]) -> tuple[Phase, Phase]:
    return Phase("one", 0.2, Halving(2)), Phase("two", 0.8, Halving(4), transfer)
