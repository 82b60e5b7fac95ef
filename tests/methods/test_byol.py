"""A whole step of BYOL spelled out part by part, and its target over a whole run."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from methods.augmentation import Augmentation
from methods.base import Budget, Draws, Images, Progress
from methods.byol import BYOL
from methods.networks import pooled
from methods.pretrain import build, pretrain
from methods.views import TwoViews, two_views

PROGRESS = Progress("pretraining", 0, 10)
BASE = 0.8  # far from 1, so that every step moves the target visibly


@pytest.fixture(params=["lightly", "solo"])
def method(request: pytest.FixtureRequest) -> BYOL:
    config = BYOL.Config(momentum=BASE, batch_size=4, learning_rate=1e-2, backend=request.param)
    made = build(BYOL, config, "tiny", 3, seed=0)
    assert isinstance(made, BYOL)
    return made


@pytest.fixture
def views(method: BYOL, images: Images) -> TwoViews:
    index = torch.arange(6)
    return method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))


def apart(module: nn.Module) -> None:
    """Move a network's weights, so that it cannot stand in for its copy unnoticed."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(torch.empty_like(p).uniform_(0.5, 1.5, generator=generator))


def squared_distance(q: list[float], z: list[float]) -> float:
    """Eq. 2: between the two vectors scaled to length one."""
    lengths = [math.sqrt(math.fsum(x * x for x in vector)) for vector in (q, z)]
    return math.fsum((a / lengths[0] - b / lengths[1]) ** 2 for a, b in zip(q, z, strict=True))


def eq_2(predictions: Tensor, targets: Tensor) -> float:
    rows = zip(predictions.double().tolist(), targets.double().tolist(), strict=True)
    return math.fsum(squared_distance(q, z) for q, z in rows) / len(predictions)


def test_a_step_is_eq_2_both_ways_through_the_right_networks(method: BYOL, views: TwoViews) -> None:
    apart(method.target_encoder)
    apart(method.target_projector)

    def online(images: Tensor) -> Tensor:
        projection = method.projector(pooled(method.encoder(images)))
        out: Tensor = method.predictor(projection).detach()
        return out

    def target(images: Tensor) -> Tensor:
        out: Tensor = method.target_projector(pooled(method.target_encoder(images))).detach()
        return out

    a, b = views.a.images, views.b.images
    expected = eq_2(online(a), target(b)) + eq_2(online(b), target(a))
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(expected, rel=1e-5)
    for wrong in (
        eq_2(online(a), target(a)) + eq_2(online(b), target(b)),  # the same view
        2.0 * eq_2(online(a), target(b)),  # one way only
        expected / 2.0,
    ):
        assert loss != pytest.approx(wrong, rel=1e-3)


def test_the_views_may_swap(method: BYOL, views: TwoViews) -> None:
    loss = method.loss(views, PROGRESS).item()
    assert method.loss(TwoViews(views.b, views.a), PROGRESS).item() == pytest.approx(loss, rel=1e-5)
    assert 0.0 <= loss <= 8.0


def test_gradients_reach_the_online_network_only(method: BYOL, views: TwoViews) -> None:
    method.loss(views, PROGRESS).backward()
    for part in (method.target_encoder, method.target_projector):
        assert all(p.grad is None for p in part.parameters())
    for part in (method.encoder, method.projector, method.predictor):
        assert all(p.grad is not None for p in part.parameters())
    given = {id(p) for group in method.param_groups("pretraining") for p in group["params"]}
    assert given == {
        id(p)
        for part in (method.encoder, method.projector, method.predictor)
        for p in part.parameters()
    }
    # Even where gradients are asked for, none pass through the target's projections.
    for p in method.target_encoder.parameters():
        p.requires_grad_()
    assert not method.target(views.a.images).requires_grad


def copies(*parts: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for part in parts for p in part.parameters()]


def test_the_target_follows_eq_1_over_a_run(
    method: BYOL, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """xi <- tau xi + (1 - tau) theta after every step, tau from its base to 1."""
    real, steps, moved = BYOL.after_step, 5, list[int]()
    targets = (method.target_encoder, method.target_projector)
    assert all(
        torch.equal(a, b)
        for a, b in zip(copies(*targets), copies(method.encoder, method.projector), strict=True)
    )

    def after_step(self: BYOL, progress: Progress) -> None:
        before, online = copies(*targets), copies(self.encoder, self.projector)
        real(self, progress)
        share = (math.cos(math.pi * progress.step / (steps - 1)) + 1.0) / 2.0
        tau = 1.0 - (1.0 - BASE) * share
        assert tau == pytest.approx(
            {0: BASE, 2: (1.0 + BASE) / 2.0, 4: 1.0}.get(progress.step, tau)
        )
        for old, theta, new in zip(before, online, copies(*targets), strict=True):
            torch.testing.assert_close(new, tau * old + (1.0 - tau) * theta, rtol=1e-5, atol=1e-7)
        if any(not torch.equal(a, b) for a, b in zip(before, copies(*targets), strict=True)):
            moved.append(progress.step)

    monkeypatch.setattr(BYOL, "after_step", after_step)
    pretrain(method, images, Budget(images=4 * steps, checks=1), seed=0)
    assert moved == [0, 1, 2, 3]  # at tau = 1 it stands still


def test_the_augmentations_are_table_6s(
    method: BYOL, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[Augmentation] = []

    def recorded(batch: object, draws: object, a: Augmentation, b: Augmentation) -> TwoViews:
        got.extend([a, b])
        return two_views(batch, draws, a, b)  # type: ignore[arg-type]

    monkeypatch.setattr("methods.byol.two_views", recorded)
    index = torch.arange(2)
    method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))
    first = Augmentation(
        area=(0.08, 1.0),
        aspect=(3 / 4, 4 / 3),
        flip=0.5,
        flip_vertical=0.5,  # ours
        jitter=(0.4, 0.4, 0.2, 0.1),
        jitter_probability=0.8,
        grey=0.2,
        blur=(0.1 / 224, 2.0 / 224),
        blur_probability=1.0,
    )
    assert got == [first, replace(first, blur_probability=0.1)]
