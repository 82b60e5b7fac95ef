"""Barlow Twins against Eqs. 1 and 2 over single numbers, with both backends."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from methods.augmentation import Augmentation
from methods.backends import Backend
from methods.barlow_twins import BarlowTwins, cross_correlation
from methods.base import Draws, Images, Progress
from methods.networks import pooled
from methods.pretrain import build
from methods.views import TwoViews

PROGRESS = Progress("pretraining", 0, 10)
LAMBDA = 0.02
BACKENDS: tuple[Backend, ...] = ("lightly", "solo")


@pytest.fixture(params=BACKENDS)
def method(request: pytest.FixtureRequest) -> BarlowTwins:
    config = BarlowTwins.Config(
        weight_redundancy=LAMBDA, dim_hidden=32, dim_out=10, backend=request.param
    )
    made = build(BarlowTwins, config, "tiny", 3, seed=0)
    assert isinstance(made, BarlowTwins)
    return made


@pytest.fixture
def views(method: BarlowTwins, images: Images) -> TwoViews:
    index = torch.arange(6)
    return method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))


def eq_1(a: Tensor, b: Tensor, weight: float, centred: bool = True, sign: float = 1.0) -> float:
    """Eq. 2's correlations along the batch, drawn to the identity; 1e-5 as batch norm has it."""
    x, y = (list(zip(*z.detach().double().tolist(), strict=True)) for z in (a, b))
    n, total = len(a), 0.0

    def standard(column: tuple[float, ...]) -> list[float]:
        mean = math.fsum(column) / n if centred else 0.0
        variance = math.fsum((v - mean) ** 2 for v in column) / n
        return [(v - mean) / math.sqrt(variance + 1e-5) for v in column]

    x, y = [standard(c) for c in x], [standard(c) for c in y]  # type: ignore[misc]
    for i, one in enumerate(x):
        for j, other in enumerate(y):
            c = math.fsum(v * w for v, w in zip(one, other, strict=True)) / n
            total += (1.0 - c) ** 2 if i == j else sign * weight * c**2
    return total


def test_a_step_is_eq_1(method: BarlowTwins, views: TwoViews) -> None:
    a, b = (method.projector(pooled(method.encoder(v.images))) for v in (views.a, views.b))
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(eq_1(a, b, LAMBDA), rel=1e-5)
    for name, wrong in {
        "lambda": eq_1(a, b, 5e-3),
        "one view twice": eq_1(a, a, LAMBDA),
        "not centred": eq_1(a, b, LAMBDA, centred=False),
        "sign of the redundancy": eq_1(a, b, LAMBDA, sign=-1.0),
        "another image's view": eq_1(a, b.roll(1, 0), LAMBDA),
        "along units, not the batch": eq_1(a.T, b.T, LAMBDA),
        "solo-learn's own scale": 0.025 * eq_1(a, b, LAMBDA),
    }.items():
        assert loss != pytest.approx(wrong, rel=1e-3), name


@pytest.mark.parametrize("backend", BACKENDS)
def test_units_may_be_scaled_shifted_and_permuted(backend: Backend) -> None:
    """An affine change of each unit changes no correlation."""
    criterion = cross_correlation(backend, LAMBDA)
    a, b = torch.randn(2, 16, 5, generator=torch.Generator().manual_seed(0))
    loss = criterion(a, b).item()
    assert criterion(3.0 * a - 1.0, 0.5 * b + 2.0).item() == pytest.approx(loss, rel=1e-3)
    order = [3, 0, 4, 1, 2]
    assert criterion(a[:, order], b[:, order]).item() == pytest.approx(loss, rel=1e-5)
    assert criterion(a[:, order], b).item() != pytest.approx(loss, rel=1e-3)
    assert criterion(b, a).item() == pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_least_loss_of_a_small_batch_is_that_of_its_rank(backend: Backend) -> None:
    """Equal views: the diagonal is 1, and ||C||^2 >= D^2 / rank with a rank of N - 1."""
    n, d = 4, 12
    plus = torch.tensor([[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]])
    z = plus.repeat(1, 4)  # N - 1 units that do not correlate, each four times
    least = LAMBDA * (d * d / (n - 1) - d)
    assert cross_correlation(backend, LAMBDA)(z, z).item() == pytest.approx(least, rel=1e-3)
    worse = torch.randn(n, d, generator=torch.Generator().manual_seed(0))
    assert cross_correlation(backend, LAMBDA)(worse, worse).item() > 1.02 * least


def test_two_images_correlate_whatever_they_show() -> None:
    """Why the smallest batch is larger: the normalised rows are -1 and 1, up to their order."""
    criterion = cross_correlation("lightly", LAMBDA)
    a, b = torch.rand(2, 2, 5, generator=torch.Generator().manual_seed(0)).sort(dim=1).values
    a, b = 100.0 * a, 100.0 * b  # far above batch norm's 1e-5
    assert criterion(a, b).item() == pytest.approx(LAMBDA * 20, rel=1e-2)
    assert BarlowTwins.smallest_batch == 4


def test_constants_and_augmentations_are_the_papers() -> None:
    config = BarlowTwins.Config()
    assert config.weight_redundancy == 5e-3
    assert 4 <= config.dim_out / config.batch_size <= 32  # 8192 / 2048 and 8192 / 256
    first = Augmentation(
        area=(0.08, 1.0),
        flip=0.5,
        flip_vertical=0.5,  # ours
        jitter=(0.4, 0.4, 0.2, 0.1),
        jitter_probability=0.8,
        grey=0.2,
        blur=(0.1 / 224, 2.0 / 224),
        blur_probability=1.0,
    )
    assert (config.view_a, config.view_b) == (first, replace(first, blur_probability=0.1))


def test_gradients_flow_through_both_views(method: BarlowTwins) -> None:
    a, b = torch.randn(2, 6, 10, generator=torch.Generator().manual_seed(0))
    a, b = a.requires_grad_(), b.requires_grad_()
    method.criterion(a, b).backward()
    assert a.grad is not None
    assert b.grad is not None
    assert bool(a.grad.any())
    assert bool(b.grad.any())
