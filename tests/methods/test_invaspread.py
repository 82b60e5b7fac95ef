"""Invariant and spreading features against the paper's probabilities, vector by vector."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from methods.augmentation import INSTDISC
from methods.base import Draws, Images, Progress
from methods.batch_criterion import batch_criterion
from methods.invaspread import InvariantSpreading
from methods.networks import pooled
from methods.pretrain import build
from methods.views import TwoViews

PROGRESS = Progress("pretraining", 0, 10)
GOLDEN = Path(__file__).parents[1] / "golden" / "batch_criterion.npz"


@pytest.fixture
def method() -> InvariantSpreading:
    made = build(InvariantSpreading, InvariantSpreading.Config(temperature=0.3), "tiny", 3, seed=0)
    assert isinstance(made, InvariantSpreading)
    return made


@pytest.fixture
def views(method: InvariantSpreading, images: Images) -> TwoViews:
    index = torch.arange(6)
    return method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))


def vectors(method: InvariantSpreading, views: TwoViews) -> tuple[Tensor, Tensor]:
    """Unit vectors of both views, which batch norm sees together."""
    both = torch.cat([views.a.images, views.b.images])
    a, b = F.normalize(method.head(pooled(method.encoder(both))).detach(), dim=1).chunk(2)
    return a, b


def negative_log_likelihood(
    a: Tensor, b: Tensor, temperature: float, sign: float = 1.0, spread: bool = True
) -> float:
    """J: every vector is its partner with P, and none of the others, over all but itself."""
    f = torch.cat([a, b]).double().tolist()
    n, total = len(f), 0.0
    for i in range(n):
        partner = (i + n // 2) % n
        e = [
            math.exp(math.fsum(x * y for x, y in zip(f[i], f[k], strict=True)) / temperature)
            for k in range(n)
        ]
        among = math.fsum(e[k] for k in range(n) if k != i)
        total -= math.log(e[partner] / among)
        if spread:
            others = (k for k in range(n) if k not in (i, partner))
            total -= sign * math.fsum(math.log(1.0 - e[k] / among) for k in others)
    return total / n


def test_a_step_is_the_batchs_negative_log_likelihood(
    method: InvariantSpreading, views: TwoViews
) -> None:
    a, b = vectors(method, views)
    assert a.shape == (6, 128)
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(negative_log_likelihood(a, b, 0.3), rel=1e-5)
    for name, wrong in {
        "temperature": negative_log_likelihood(a, b, 0.1),
        "another image's view": negative_log_likelihood(a, b.roll(1, 0), 0.3),
        "sign of the spreading part": negative_log_likelihood(a, b, 0.3, sign=-1.0),
        "no spreading part": negative_log_likelihood(a, b, 0.3, spread=False),  # NT-Xent
        "one view twice": negative_log_likelihood(a, a, 0.3),
    }.items():
        assert loss != pytest.approx(wrong, rel=1e-3), name


def test_the_criterion_on_image_vectors_is_the_published_codes() -> None:
    """The golden values were made by the reference; 64 vectors of 16 dimensions."""
    record = np.load(GOLDEN)
    x = torch.from_numpy(record["x"]).requires_grad_()
    loss = batch_criterion(F.normalize(x, dim=1), float(record["temperature"]))
    loss.backward()
    assert loss.item() == pytest.approx(float(record["loss"]), rel=1e-4)
    a, b = F.normalize(x.detach(), dim=1).chunk(2)
    assert negative_log_likelihood(a, b, 0.1) == pytest.approx(float(record["loss"]), rel=1e-4)
    assert x.grad is not None
    expected = torch.from_numpy(record["grad"])
    assert float((x.grad - expected).norm() / expected.norm()) < 1e-3


def test_the_views_may_swap_and_the_images_permute(
    method: InvariantSpreading, views: TwoViews
) -> None:
    loss = method.loss(views, PROGRESS).item()
    assert method.loss(TwoViews(views.b, views.a), PROGRESS).item() == pytest.approx(loss, rel=1e-5)
    a, b = vectors(method, views)
    order = [3, 0, 5, 1, 4, 2]
    shuffled = batch_criterion(torch.cat([a[order], b[order]]), 0.3).item()
    assert shuffled == pytest.approx(batch_criterion(torch.cat([a, b]), 0.3).item(), rel=1e-5)


def test_the_length_of_vectors_does_not_matter(method: InvariantSpreading, views: TwoViews) -> None:
    loss = method.loss(views, PROGRESS).item()
    with torch.no_grad():
        method.head.weight.mul_(7.0)
        method.head.bias.mul_(7.0)
    assert method.loss(views, PROGRESS).item() == pytest.approx(loss, rel=1e-5)


def test_both_views_are_those_of_instance_discrimination() -> None:
    """Section 4.1: the same augmentations, the same 128 dimensions."""
    config = InvariantSpreading.Config()
    assert config.view == INSTDISC
    assert (config.temperature, config.dim_out) == (0.1, 128)
