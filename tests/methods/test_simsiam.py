"""A whole step of SimSiam spelled out, its stop-gradient, and the predictor's own rate."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from methods.augmentation import FLIPPED, Augmentation
from methods.backends import Backend
from methods.base import Budget, Draws, Images, Progress
from methods.networks import pooled
from methods.pretrain import build, pretrain
from methods.schedules import cosine
from methods.simsiam import SimSiam
from methods.views import TwoViews

PROGRESS = Progress("pretraining", 0, 10)


def made(backend: Backend = "lightly", **settings: Any) -> SimSiam:  # noqa: ANN401
    method = build(SimSiam, SimSiam.Config(backend=backend, **settings), "tiny", 3, seed=0)
    assert isinstance(method, SimSiam)
    return method


@pytest.fixture(params=["lightly", "solo"])
def method(request: pytest.FixtureRequest) -> SimSiam:
    return made(request.param)


@pytest.fixture
def views(method: SimSiam, images: Images) -> TwoViews:
    index = torch.arange(6)
    return method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))


def outputs(method: SimSiam, views: TwoViews) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Predictions and projections of both views: p_a, p_b, z_a, z_b."""
    a, b = (method.projector(pooled(method.encoder(v.images))) for v in (views.a, views.b))
    return method.predictor(a), method.predictor(b), a, b


def negative_cosine(p: Tensor, z: Tensor) -> float:
    """Eq. 1, averaged over the rows."""
    total = 0.0
    for x, y in zip(p.detach().double().tolist(), z.detach().double().tolist(), strict=True):
        length = math.sqrt(math.fsum(v * v for v in x) * math.fsum(v * v for v in y))
        total -= math.fsum(v * w for v, w in zip(x, y, strict=True)) / length
    return total / len(p)


def test_a_step_is_eq_4(method: SimSiam, views: TwoViews) -> None:
    p_a, p_b, z_a, z_b = outputs(method, views)
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(
        0.5 * (negative_cosine(p_a, z_b) + negative_cosine(p_b, z_a)), rel=1e-5, abs=1e-7
    )
    for name, wrong in {
        "the same view": 0.5 * (negative_cosine(p_a, z_a) + negative_cosine(p_b, z_b)),
        "no predictor": negative_cosine(z_a, z_b),
        "a sum": negative_cosine(p_a, z_b) + negative_cosine(p_b, z_a),
        "sign": -loss,
    }.items():
        assert loss != pytest.approx(wrong, rel=1e-3), name


def gradients(method: SimSiam, loss: Tensor) -> Tensor:
    parameters = [*method.encoder.parameters(), *method.projector.parameters()]
    return torch.cat([g.flatten() for g in torch.autograd.grad(loss, parameters)])


def test_no_gradient_flows_through_the_projection_that_is_met(
    method: SimSiam, views: TwoViews
) -> None:
    got = gradients(method, method.loss(views, PROGRESS))
    p_a, p_b, z_a, z_b = outputs(method, views)

    def eq_4(a: Tensor, b: Tensor) -> Tensor:
        return -0.5 * (F.cosine_similarity(p_a, b).mean() + F.cosine_similarity(p_b, a).mean())

    held = gradients(method, eq_4(z_a.detach(), z_b.detach()))
    torch.testing.assert_close(got, held, rtol=1e-3, atol=1e-6)
    p_a, p_b, z_a, z_b = outputs(method, views)
    flowing = gradients(method, eq_4(z_a, z_b))
    assert float((got - flowing).norm() / got.norm()) > 0.1


def test_the_loss_lies_between_its_ends_and_does_not_mind_the_order(
    method: SimSiam, views: TwoViews
) -> None:
    loss = method.loss(views, PROGRESS).item()
    assert -1.0 <= loss <= 1.0
    swapped = method.loss(TwoViews(views.b, views.a), PROGRESS).item()
    assert swapped == pytest.approx(loss, rel=1e-5, abs=1e-7)
    same = torch.randn(4, 8, generator=torch.Generator().manual_seed(0))
    assert method.distance(same, 3.0 * same).item() == pytest.approx(-1.0)
    assert method.distance(same, -same).item() == pytest.approx(1.0)


def test_the_predictors_rate_stays_while_the_others_fall(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[list[float]] = []
    real = torch.optim.Adam.step

    def step(self: torch.optim.Adam, closure: None = None) -> None:
        rates.append([group["lr"] for group in self.param_groups])
        real(self, closure)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    method = made(learning_rate=1e-2, batch_size=4)
    groups = method.param_groups("pretraining")
    given = [id(p) for group in groups for p in group["params"]]
    assert sorted(given) == sorted(id(p) for p in method.parameters())
    assert {id(p) for p in groups[1]["params"]} == {id(p) for p in method.predictor.parameters()}
    pretrain(method, images, Budget(images=20, checks=1), seed=0)
    assert rates == [[1e-2 * cosine(n / 5), 1e-2] for n in range(5)]


def spread(method: SimSiam, images: Images) -> float:
    """Standard deviation of unit projections times sqrt(d): 1 spread out, 0 collapsed (4.1)."""
    method.eval()
    batch = images.batch(torch.arange(12), torch.device("cpu"))
    with torch.no_grad():
        z = method.projector(pooled(method.encoder(batch.normalised(batch.images))))
    return float(F.normalize(z, dim=1).std(dim=0).mean()) * math.sqrt(z.shape[1])


def test_a_short_training_does_not_collapse(images: Images) -> None:
    method = made(batch_size=8, view=FLIPPED)  # mild, so that thirty steps show something
    losses = pretrain(method, images, Budget(images=240, checks=1), seed=0).history.losses
    assert sum(losses[-5:]) < sum(losses[:5]) - 1.0
    assert spread(method, images) > 0.5


def test_heads_and_view_are_the_papers() -> None:
    method = made()
    norms = [part for part in method.projector.modules() if isinstance(part, nn.BatchNorm1d)]
    assert [norm.affine for norm in norms] == [
        True,
        True,
        False,
    ]  # section 3: the last has no scale
    config = SimSiam.Config()
    assert config.dim_out == 4 * config.dim_predictor  # a bottleneck
    assert config.view == Augmentation(
        area=(0.2, 1.0),
        flip=0.5,
        flip_vertical=0.5,  # ours
        jitter=(0.4, 0.4, 0.4, 0.1),
        jitter_probability=0.8,
        grey=0.2,
        blur=(0.1 / 224, 2.0 / 224),
        blur_probability=0.5,
    )
