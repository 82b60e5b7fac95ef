"""A whole step of SimCLR: which tensors meet in NT-Xent, and what the views go through."""

import math

import pytest
import torch
from torch import Tensor

from methods.augmentation import Augmentation
from methods.base import Draws, Images, Progress
from methods.networks import pooled
from methods.pretrain import build
from methods.simclr import SimCLR
from methods.views import TwoViews, two_views

PROGRESS = Progress("pretraining", 0, 10)


@pytest.fixture(params=["lightly", "solo"])
def method(request: pytest.FixtureRequest) -> SimCLR:
    config = SimCLR.Config(temperature=0.3, backend=request.param)
    made = build(SimCLR, config, "tiny", 3, seed=0)
    assert isinstance(made, SimCLR)
    return made


@pytest.fixture
def views(method: SimCLR, images: Images) -> TwoViews:
    index = torch.arange(6)
    return method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))


def cosine(a: list[float], b: list[float]) -> float:
    product = math.fsum(x * y for x, y in zip(a, b, strict=True))
    return product / math.sqrt(math.fsum(x * x for x in a) * math.fsum(y * y for y in b))


def nt_xent(a: Tensor, b: Tensor, temperature: float) -> float:
    """Eq. 1 and Algorithm 1: rows 2k-1 and 2k are the two views of image k."""
    z = [row for pair in zip(a.double().tolist(), b.double().tolist(), strict=True) for row in pair]
    losses = []
    for i in range(len(z)):
        partner = i + 1 if i % 2 == 0 else i - 1
        s = [math.exp(cosine(z[i], z[k]) / temperature) for k in range(len(z))]
        losses.append(-math.log(s[partner] / math.fsum(s[k] for k in range(len(z)) if k != i)))
    return math.fsum(losses) / len(losses)


def test_a_step_is_eq_1_on_projections_of_both_views(method: SimCLR, views: TwoViews) -> None:
    projections = [method.head(pooled(method.encoder(v.images))) for v in (views.a, views.b)]
    a, b = (z.detach() for z in projections)
    assert a.shape == (6, 128)
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(nt_xent(a, b, 0.3), rel=1e-5)
    for wrong in (nt_xent(a, a, 0.3), nt_xent(a, b.roll(1, 0), 0.3), nt_xent(a, b, 0.5)):
        assert loss != pytest.approx(wrong, rel=1e-3)


def test_the_views_may_swap_and_the_images_permute(method: SimCLR, views: TwoViews) -> None:
    loss = method.loss(views, PROGRESS).item()
    assert method.loss(TwoViews(views.b, views.a), PROGRESS).item() == pytest.approx(loss, rel=1e-5)
    a, b = torch.randn(2, 6, 16, generator=torch.Generator().manual_seed(0))
    order = [3, 0, 5, 1, 4, 2]
    assert method.criterion(a[order], b[order]).item() == pytest.approx(
        method.criterion(a, b).item(), rel=1e-5
    )


def test_validation_leaves_no_trace(method: SimCLR, views: TwoViews) -> None:
    """No memory bank: the loss of a batch does not depend on the batches before."""
    method.eval()
    first = method.loss(views, PROGRESS).item()
    method.loss(TwoViews(views.b, views.b), PROGRESS)
    assert method.loss(views, PROGRESS).item() == first


def test_the_augmentation_is_appendix_as(
    method: SimCLR, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[Augmentation] = []

    def recorded(batch: object, draws: object, a: Augmentation, b: Augmentation) -> TwoViews:
        got.extend([a, b])
        return two_views(batch, draws, a, b)  # type: ignore[arg-type]

    monkeypatch.setattr("methods.simclr.two_views", recorded)
    index = torch.arange(2)
    method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))
    published = Augmentation(
        area=(0.08, 1.0),
        aspect=(3 / 4, 4 / 3),
        flip=0.5,
        flip_vertical=0.5,  # ours
        jitter=(0.8, 0.8, 0.8, 0.2),
        jitter_probability=0.8,
        grey=0.2,
        blur=(0.1 / 224, 2.0 / 224),
        blur_probability=0.5,
    )
    assert got == [published, published]
