"""SimCLR, BYOL and in-painting against slow references from their papers."""

import math

import pytest
import torch
from torch import Tensor

from methods.base import Draws, Images, Progress
from methods.byol import BYOL
from methods.inpainting import Inpainting, missing_error
from methods.networks import Encoder
from methods.pretrain import build
from methods.simclr import SimCLR


def views_of(method: SimCLR | BYOL | Inpainting, images: Images) -> object:
    index = torch.arange(8)
    return method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))


def nt_xent_loop(a: Tensor, b: Tensor, temperature: float) -> float:
    """Eq. 1 of SimCLR, averaged over 2 N anchors, term by term in float64."""
    z = torch.cat([a, b]).double()
    z = z / z.norm(dim=1, keepdim=True)
    count, total = len(a), 0.0
    for i in range(2 * count):
        among = sum(math.exp(float(z[i] @ z[k]) / temperature) for k in range(2 * count) if k != i)
        positive = math.exp(float(z[i] @ z[(i + count) % (2 * count)]) / temperature)
        total -= math.log(positive / among)
    return total / (2 * count)


def test_simclr_is_eq_1() -> None:
    method = SimCLR(Encoder("tiny", 3), SimCLR.Config(temperature=0.3))
    a, b = torch.randn(2, 6, 8, generator=torch.Generator().manual_seed(0))
    loss = method.criterion(a, b).item()
    assert loss == pytest.approx(nt_xent_loop(a, b, 0.3), rel=1e-5)
    assert loss == pytest.approx(method.criterion(3.0 * b, a).item(), rel=1e-5)
    assert abs(nt_xent_loop(a, b.roll(1, 0), 0.3) - loss) > 1e-2  # swapped positives
    assert abs(nt_xent_loop(a, b, 0.1) - loss) > 1e-2


def byol(images: Images) -> tuple[BYOL, object]:
    method = build(BYOL, BYOL.Config(), "tiny", 3, seed=0)
    assert isinstance(method, BYOL)
    return method, views_of(method, images)


def test_byol_is_eq_2_both_ways(images: Images) -> None:
    method, views = byol(images)
    method.eval()
    progress = Progress("pretraining", 0, 10)
    total = 0.0
    for one, other in ((views.a, views.b), (views.b, views.a)):  # type: ignore[attr-defined]
        q, z = method.predicted(one.images), method.target(other.images)
        for row, target in zip(q, z, strict=True):
            difference = row / row.norm() - target / target.norm()
            total += float((difference**2).sum().detach()) / len(q)
    assert method.loss(views, progress).item() == pytest.approx(total, rel=1e-5)  # type: ignore[arg-type]


def test_byols_target_gets_no_gradient_and_moves_by_eq_1(images: Images) -> None:
    method, views = byol(images)
    method.loss(views, Progress("pretraining", 0, 10)).backward()  # type: ignore[arg-type]
    targets = [*method.target_encoder.parameters(), *method.target_projector.parameters()]
    assert all(p.grad is None and not p.requires_grad for p in targets)
    online, target = method.encoder, method.target_encoder
    for step, momentum in ((0, 0.99), (5, None), (9, 1.0)):
        with torch.no_grad():
            for p in online.parameters():
                p.add_(1.0)
        before = [p.clone() for p in target.parameters()]
        method.after_step(Progress("pretraining", step, 10))
        cosine = 1.0 - (1.0 - 0.99) * (math.cos(math.pi * step / 9) + 1.0) / 2.0
        tau = cosine if momentum is None else momentum
        assert tau == pytest.approx(cosine)
        for old, p, now in zip(before, online.parameters(), target.parameters(), strict=True):
            assert torch.allclose(now, tau * old + (1.0 - tau) * p, atol=1e-6)


def test_byols_target_runs_through_its_own_weights(images: Images) -> None:
    method, views = byol(images)
    method.eval()
    a = views.a.images  # type: ignore[attr-defined]
    before = method.target(a)
    with torch.no_grad():
        for p in method.encoder.parameters():
            p.zero_()
    assert torch.equal(method.target(a), before)


def test_inpainting_counts_missing_pixels_only() -> None:
    generator = torch.Generator().manual_seed(0)
    restored, whole = torch.rand(2, 2, 3, 4, 4, generator=generator)
    missing = (torch.rand(2, 1, 4, 4, generator=generator) > 0.5).float()
    terms = [
        float((restored[n, c, y, x] - whole[n, c, y, x]) ** 2)
        for n in range(2)
        for c in range(3)
        for y in range(4)
        for x in range(4)
        if missing[n, 0, y, x] == 1
    ]
    loss = missing_error(restored, whole, missing).item()
    assert loss == pytest.approx(sum(terms) / len(terms), rel=1e-6)
    elsewhere = restored + (1.0 - missing) * 5.0
    assert missing_error(elsewhere, whole, missing).item() == pytest.approx(loss, rel=1e-6)
    assert missing_error(whole, whole, torch.zeros_like(missing)).item() == 0.0


def test_holes_differ_between_images_and_hide_what_is_to_be_restored(images: Images) -> None:
    method = build(Inpainting, Inpainting.Config(), "tiny", 3, seed=0)
    assert isinstance(method, Inpainting)
    views = views_of(method, images)
    missing = views.missing  # type: ignore[attr-defined]
    assert set(missing.unique().tolist()) == {0.0, 1.0}
    shares = missing.mean(dim=(1, 2, 3))
    assert ((shares > 0.05) & (shares < 0.3)).all()
    assert len({tuple(hole.flatten().tolist()) for hole in missing}) > 4
    method.eval()
    progress = Progress("pretraining", 0, 2)
    seen: list[Tensor] = []
    method.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    method.loss(views, progress)  # type: ignore[arg-type]
    assert float((seen[0] * missing).abs().max()) == 0.0
