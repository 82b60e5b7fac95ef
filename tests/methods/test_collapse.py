"""A collapse is seen: in vectors with known spread, and in a method that collapses on purpose."""

import math
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from methods.base import Batch, Budget, Draws, Images, Method, Progress
from methods.collapse import spread
from methods.networks import Encoder, pooled
from methods.pretrain import build, pretrain
from methods.spread import Spread, collapsed

GENERATOR = torch.Generator().manual_seed(0)


def test_uniform_directions_have_deviation_one() -> None:
    vectors = torch.randn(4000, 16, generator=GENERATOR)
    assert spread(vectors).deviation == pytest.approx(1.0, abs=0.02)
    assert spread(vectors).rank == pytest.approx(16.0, abs=0.1)


@pytest.mark.parametrize("rank", [1, 2, 5])
def test_the_rank_counts_directions(rank: int) -> None:
    basis = torch.linalg.qr(torch.randn(12, 12, generator=GENERATOR))[0][:, : rank + 1]
    vectors = torch.randn(2000, rank, generator=GENERATOR)
    # On a sphere in rank + 1 dimensions, far from the origin, so that unit vectors stay flat.
    points = torch.cat([0.01 * vectors, torch.ones(2000, 1)], dim=1) @ basis.T
    assert spread(points).rank == pytest.approx(rank, abs=0.1)


def test_the_rank_is_the_exponential_of_the_singular_values_entropy() -> None:
    vectors = torch.randn(9, 5, generator=GENERATOR)
    unit = vectors.double() / vectors.double().norm(dim=1, keepdim=True)
    centred = unit - unit.mean(0)
    eigenvalues = torch.linalg.eigvalsh(centred.T @ centred).clamp_min(0.0).sqrt().tolist()
    shares = [value / sum(eigenvalues) for value in eigenvalues]
    assert spread(vectors).rank == pytest.approx(
        math.exp(-sum(p * math.log(p) for p in shares if p > 0.0))
    )
    assert spread(7.0 * vectors).rank == pytest.approx(spread(vectors).rank, rel=1e-5)


def test_equal_vectors_have_no_spread() -> None:
    assert spread(torch.ones(5, 3)) == (0.0, 0.0)
    assert spread(torch.randn(1, 3)) == (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Settings:
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    batch_size: int = 8


class Falling(Method[Batch]):
    """Pulls all projections together and pushes none apart."""

    name = "falling"
    paper = "https://example.org"
    Config = Settings

    def __init__(self, encoder: Encoder, config: Settings) -> None:
        super().__init__(encoder, config)
        self.head = nn.Linear(encoder.channels[-1], 32)

    def views(self, batch: Batch, draws: Draws) -> Batch:
        return batch

    def vectors(self, images: Tensor) -> Tensor:
        out: Tensor = self.head(pooled(self.encoder(images)))
        return out

    def loss(self, views: Batch, progress: Progress) -> Tensor:
        z = functional.normalize(self.vectors(views.normalised(views.images)), dim=1)
        return (z[:, None] - z[None]).square().sum(dim=2).mean()


class Rising(Falling):
    """The same with the opposite sign."""

    name = "rising"

    def loss(self, views: Batch, progress: Progress) -> Tensor:
        return -super().loss(views, progress)


@pytest.mark.parametrize(("cls", "falls"), [(Falling, True), (Rising, False)])
def test_a_deliberate_collapse_is_flagged(cls: type[Falling], falls: bool, images: Images) -> None:
    method = build(cls, Settings(), "tiny", 3, seed=0)
    result = pretrain(method, images, Budget(images=800, checks=4), seed=0)
    last = result.history.checks[-1]
    assert collapsed(Spread(last["deviation"], last["rank"])) is falls, last
