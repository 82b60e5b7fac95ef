"""Instance discrimination against Eqs. 4 to 10 term by term, and its memory over a run."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from methods.augmentation import Augmentation
from methods.base import Budget, Draws, Images, Progress
from methods.errors import ConfigError
from methods.instdisc import InstanceDiscrimination, Recalled
from methods.instdisc.bank import MemoryBank, nce
from methods.pretrain import build, pretrain

PROGRESS = Progress("pretraining", 0, 10)
TAU, M, LAMBDA, N = 0.2, 7, 3.0, 12
CPU = torch.device("cpu")


def made(images: Images, **settings: Any) -> InstanceDiscrimination:  # noqa: ANN401
    config = InstanceDiscrimination.Config(temperature=TAU, negatives=M, batch_size=4)
    method = build(InstanceDiscrimination, replace(config, **settings), "tiny", 3, seed=0)
    assert isinstance(method, InstanceDiscrimination)
    method.prepare(images)
    return method


def views_of(method: InstanceDiscrimination, images: Images, *index: int) -> Recalled:
    chosen = torch.tensor(index)
    return method.views(images.batch(chosen, CPU), Draws(0, 0, chosen))


def dot(a: list[float], b: list[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def eq_10(v: Tensor, own: Tensor, noise: Tensor, **change: float) -> float:
    """The paper's loss over single numbers; ``change`` makes it wrong in a named way."""
    tau, weight, sign = change.get("tau", TAU), change.get("weight", 0.0), change.get("sign", 1.0)
    vs, owns, rows = (x.double().tolist() for x in (v, own, noise))
    exps = [[math.exp(dot(f, r) / tau) for r in near] for f, near in zip(vs, rows, strict=True)]
    z = N / (M * len(vs)) * math.fsum(e for near in exps for e in near)  # Eq. 8
    z, m_p_n, total = change.get("z", z), M * change.get("p_n", 1.0 / N), 0.0
    for f, row, near in zip(vs, owns, exps, strict=True):
        p = math.exp(dot(f, row) / tau) / z  # Eq. 4
        total -= math.log(p / (p + m_p_n))  # Eq. 6
        total -= sign * math.fsum(math.log(1.0 - e / z / (e / z + m_p_n)) for e in near)
        total += weight * math.fsum((x - y) ** 2 for x, y in zip(f, row, strict=True))
    return total / len(vs)


def test_a_step_is_eq_10_on_the_banks_rows(images: Images) -> None:
    method = made(images, weight_proximal=LAMBDA)
    views = views_of(method, images, 3, 0, 7, 11)
    v, rows = method.vectors(views.images).detach(), method.bank.rows
    own, noise = rows[[3, 0, 7, 11]], rows[views.noise]
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(eq_10(v, own, noise, weight=LAMBDA), rel=1e-5)
    for name, wrong in {
        "temperature": eq_10(v, own, noise, weight=LAMBDA, tau=0.07),
        "sign of the noise": eq_10(v, own, noise, weight=LAMBDA, sign=-1.0),
        "another image's row": eq_10(v, own.roll(1, 0), noise, weight=LAMBDA),
        "P_n forgotten": eq_10(v, own, noise, weight=LAMBDA, p_n=1.0),
        "Z forgotten": eq_10(v, own, noise, weight=LAMBDA, z=1.0),
        "no proximal term": eq_10(v, own, noise),
    }.items():
        assert loss != pytest.approx(wrong, rel=1e-3), name


def test_z_may_be_kept_from_the_first_batch_as_published(images: Images) -> None:
    method = made(images, z_from="first batch", learning_rate=1e-2)
    assert method.bank.z.item() == 0.0
    pretrain(method, images, Budget(images=12, checks=1), seed=0)
    kept = method.bank.z.item()
    assert 0.8 * N < kept < 2.0 * N  # n E[exp(cosine / tau)] of random rows
    views = views_of(method, images, 1, 2)
    v, rows = method.vectors(views.images).detach(), method.bank.rows.clone()
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(eq_10(v, rows[[1, 2]], rows[views.noise], z=kept), rel=1e-5)
    assert loss != pytest.approx(eq_10(v, rows[[1, 2]], rows[views.noise]), rel=1e-3)
    method.after_step(PROGRESS)
    assert method.bank.z.item() == kept


def test_many_negatives_pull_like_the_softmax_with_z_held_still() -> None:
    """With m >> n the gradient is that of Eq. 3's log-likelihood (section 3.2)."""
    n, m = 6, 60_000
    s = torch.randn(1, n, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    s.requires_grad_()
    every = torch.arange(m).remainder(n)  # each row equally often
    loss = nce(s[:, 2], s[:, every], s.detach().exp().sum(), n)
    (gradient,) = torch.autograd.grad(loss, s)
    (softmax,) = torch.autograd.grad(-s.log_softmax(1)[0, 2], s)
    torch.testing.assert_close(gradient, softmax, rtol=1e-3, atol=1e-3)


def test_rows_move_and_stay_on_the_sphere() -> None:
    bank = MemoryBank(4, 3)
    before, (one, two) = bank.rows.clone(), torch.eye(3)[:2]
    assert torch.allclose(before.norm(dim=1), torch.ones(4))
    bank.move(torch.tensor([2, 0, 2]), torch.stack([one, two, two]), 0.25)  # image 2 twice
    first = F.normalize(0.25 * before[2] + 0.75 * one, dim=0)
    torch.testing.assert_close(bank.rows[2], F.normalize(0.25 * first + 0.75 * two, dim=0))
    torch.testing.assert_close(bank.rows[0], F.normalize(0.25 * before[0] + 0.75 * two, dim=0))
    assert torch.equal(bank.rows[[1, 3]], before[[1, 3]])


def test_a_run_remembers_what_every_step_saw(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    banks, seen, real = (
        list[Tensor](),
        list[tuple[list[int], Tensor]](),
        InstanceDiscrimination.loss,
    )

    def loss(self: InstanceDiscrimination, views: Recalled, progress: Progress) -> Tensor:
        if self.training:
            banks.append(self.bank.rows.clone())
            seen.append((views.index.tolist(), self.vectors(views.images).detach()))
        return real(self, views, progress)

    monkeypatch.setattr(InstanceDiscrimination, "loss", loss)
    method = made(images)
    pretrain(method, images, Budget(images=20, checks=5), seed=0)  # five steps, a check after each
    expected = banks[0].clone()
    assert [len(index) for index, _ in seen] == [4] * 5
    for index, vectors in seen:
        for row, vector in zip(index, vectors, strict=True):
            expected[row] = F.normalize(0.5 * expected[row] + 0.5 * vector, dim=0)
    torch.testing.assert_close(method.bank.rows, expected)
    assert not torch.allclose(banks[0], expected)
    assert {"bank.rows", "bank.z"} <= set(dict(method.named_buffers()))  # in every checkpoint
    assert not any("bank" in name for name, _ in method.named_parameters())


def test_held_out_images_meet_their_plain_view_and_leave_no_trace(images: Images) -> None:
    method = made(images).eval()
    views = views_of(method, images, 13, 2, 15)
    assert len(views_of(method, images, 1, 2).plain) == 0
    whole = images.batch(torch.tensor([13, 15]), CPU)
    small = F.interpolate(whole.images, size=16, mode="bilinear", align_corners=False)
    torch.testing.assert_close(views.plain, whole.normalised(small))
    before = method.bank.rows.clone()
    with torch.no_grad():
        v, plain = method.vectors(views.images), method.vectors(views.plain)
        loss = method.loss(views, PROGRESS).item()
    own = torch.stack([plain[0], before[2], plain[1]])
    assert loss == pytest.approx(eq_10(v, own, before[views.noise]), rel=1e-5)
    method.after_step(PROGRESS)
    assert torch.equal(method.bank.rows, before)
    assert method.bank.z.item() == 0.0


def test_noise_is_uniform_over_the_bank(make_images: Callable[..., Images]) -> None:
    pool = make_images(count=9, held_out=1)
    method = made(pool, negatives=4096)
    noise = views_of(method, pool, *range(8)).noise
    counts = torch.bincount(noise.flatten(), minlength=8).double()
    assert float(((counts - 4096.0) ** 2 / 4096.0).sum()) < 30.0  # chi-square, 7 degrees, p 1e-4
    assert torch.equal(views_of(method, pool, 5, 3).noise, noise[[5, 3]])  # whatever the place
    assert not torch.equal(noise[0], noise[1])


def test_one_image_has_nothing_to_be_told_from(make_images: Callable[..., Images]) -> None:
    pool = make_images(count=2, held_out=1)
    with pytest.raises(ConfigError, match="instdisc needs a pool of at least 2 training images"):
        pretrain(made(pool), pool, Budget(images=8), seed=0)


def test_the_view_is_the_published_codes() -> None:
    published = Augmentation(
        area=(0.2, 1.0),
        aspect=(3 / 4, 4 / 3),
        flip=0.5,
        flip_vertical=0.5,  # ours
        jitter=(0.4, 0.4, 0.4, 0.4),
        jitter_probability=1.0,
        grey=0.2,
    )
    assert InstanceDiscrimination.Config().view == published
