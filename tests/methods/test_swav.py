"""A step of SwAV spelled out from its pseudo-code, its queue and its frozen prototypes."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from methods.augmentation import Augmentation
from methods.base import Budget, Draws, Images, Progress
from methods.multi_crop import MultiCrop, SmallCrops, features
from methods.pretrain import build, pretrain
from methods.swav import SwAV
from methods.swav.criterion import swapped_prediction
from methods.views import TwoViews

Matrix = list[list[float]]
LATE = Progress("pretraining", 9, 10)
CONFIG = SwAV.Config(
    prototypes=5,
    temperature=0.2,
    epsilon=0.07,
    batch_size=4,
    queue=2,
    small=SmallCrops(3, 3 / 7, (0.05, 0.14)),
)


@pytest.fixture
def pool(make_images: Callable[..., Images]) -> Images:
    return make_images(side=64)


@pytest.fixture
def method() -> SwAV:
    made = build(SwAV, CONFIG, "tiny", 3, seed=0)
    assert isinstance(made, SwAV)
    return made


@pytest.fixture
def views(method: SwAV, pool: Images) -> MultiCrop:
    index = torch.arange(4)
    return method.views(pool.batch(index, torch.device("cpu")), Draws(0, 0, index))


def sinkhorn(scores: Matrix, epsilon: float, iterations: int) -> Matrix:
    """The pseudo-code of appendix A.1: codes, one row an image."""
    q = [[math.exp(score / epsilon) for score in row] for row in scores]
    images, prototypes = len(q), len(q[0])
    for _ in range(iterations):
        taken = [math.fsum(row[k] for row in q) for k in range(prototypes)]
        q = [[row[k] / taken[k] / prototypes for k in range(prototypes)] for row in q]
        q = [[x / math.fsum(row) / images for x in row] for row in q]
    return [[x / math.fsum(row) for x in row] for row in q]


def cross_entropy(scores: Matrix, codes: Matrix, temperature: float) -> float:
    """Eq. 2, averaged over images."""
    losses = []
    for row, code in zip(scores, codes, strict=True):
        total = math.fsum(math.exp(score / temperature) for score in row)
        losses.append(
            -math.fsum(
                q * math.log(math.exp(score / temperature) / total)
                for q, score in zip(code, row, strict=True)
            )
        )
    return math.fsum(losses) / len(losses)


def eq_6(crops: list[Matrix], codes: list[Matrix], temperature: float) -> float:
    """The sum over both codes and all other crops, over the number of its terms."""
    terms = [
        cross_entropy(crops[v], codes[i], temperature)
        for i in range(len(codes))
        for v in range(len(crops))
        if v != i
    ]
    return math.fsum(terms) / len(terms)


def embeddings(method: SwAV, views: MultiCrop) -> Tensor:
    z: Tensor = method.head(features(method.encoder, views.every)).detach().double()
    z = z / z.norm(dim=1, keepdim=True)
    return z.reshape(len(views.every), len(views.index), -1)


def scores_of(z: Tensor, method: SwAV) -> list[Matrix]:
    prototypes = method.prototypes.heads[0].weight.detach().double()
    scores: list[Matrix] = (z @ (prototypes / prototypes.norm(dim=1, keepdim=True)).T).tolist()
    return scores


def test_a_step_is_eq_6_on_codes_of_the_large_crops(method: SwAV, views: MultiCrop) -> None:
    crops = scores_of(embeddings(method, views), method)
    codes = [sinkhorn(crop, 0.07, 3) for crop in crops]
    loss = method.loss(views, LATE).item()
    assert loss == pytest.approx(eq_6(crops, codes[:2], 0.2), rel=1e-5)
    no_partition = [sinkhorn(crop, 0.07, 0) for crop in crops[:2]]
    for name, wrong in {
        "a crop predicts its own code": eq_6(crops, [codes[1], codes[0]], 0.2),
        "small crops have codes": eq_6(crops, codes, 0.2),
        "small crops are left out": eq_6(crops[:2], codes[:2], 0.2),
        "another image's code": eq_6(crops, [code[1:] + code[:1] for code in codes[:2]], 0.2),
        "the wrong temperature": eq_6(crops, codes[:2], 0.1),
        "no equal partition": eq_6(crops, no_partition, 0.2),
        "one iteration": eq_6(crops, [sinkhorn(crop, 0.07, 1) for crop in crops[:2]], 0.2),
        "summed over codes": 2.0 * loss,
    }.items():
        assert loss != pytest.approx(wrong, rel=1e-4), name


def test_codes_are_targets_without_gradients() -> None:
    """By hand: d loss / d score = (softmax - code) / temperature / images, a share of each term."""
    crops = torch.rand(4, 6, 5, generator=torch.Generator().manual_seed(0)) * 2.0 - 1.0
    crops.requires_grad_()
    none = crops.new_zeros(2, 0, 5)
    swapped_prediction("lightly", 0.2, 3, 0.07)(crops[:2], crops[2:], none).backward()
    codes = torch.tensor([sinkhorn(crop.tolist(), 0.07, 3) for crop in crops.detach()[:2]])
    p = F.softmax(crops.detach() / 0.2, dim=-1)
    told = [codes[[i for i in (0, 1) if i != v]] for v in range(4)]
    expected = torch.stack([(p[v] - told[v]).sum(dim=0) / 0.2 / 6 / 6 for v in range(4)])
    assert crops.grad is not None
    torch.testing.assert_close(crops.grad, expected, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("queued", [0, 7])
def test_both_libraries_agree(queued: int) -> None:
    scores = torch.rand(5, 6, 9, generator=torch.Generator().manual_seed(1)) * 2.0 - 1.0
    queue = torch.rand(2, queued, 9, generator=torch.Generator().manual_seed(2))
    got = []
    for backend in ("lightly", "solo"):
        crops = scores.clone().requires_grad_()
        loss = swapped_prediction(backend, 0.1, 3, 0.05)(crops[:2], crops[2:], queue)
        loss.backward()
        assert loss.shape == ()
        got.append((loss.detach(), crops.grad))
    torch.testing.assert_close(got[0], got[1], rtol=1e-6, atol=1e-8)


def test_crops_and_images_may_change_places(method: SwAV, views: MultiCrop) -> None:
    loss = method.loss(views, LATE).item()
    swapped = replace(views, large=TwoViews(views.large.b, views.large.a), small=views.small[::-1])
    assert method.loss(swapped, LATE).item() == pytest.approx(loss, rel=1e-5)
    scores = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(3))
    none = scores.new_zeros(2, 0, 5)
    one = method.criterion(scores[:2], scores[2:], none)
    order = scores[:, [2, 0, 3, 1]]
    two = method.criterion(order[:2], order[2:], none)
    assert two.item() == pytest.approx(one.item(), rel=1e-6)


def test_the_queue_keeps_the_newest_batches_of_each_crop(
    method: SwAV, pool: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two batches of four; begun at three of ten steps, used once it is full."""
    real, seen, used = SwAV.loss, list[Tensor](), list[bool]()

    def loss(self: SwAV, views: MultiCrop, progress: Progress) -> Tensor:
        used.append(len(self.queued(progress)[0]) > 0)
        state = {key: value.clone() for key, value in self.state_dict().items()}
        seen.append(embeddings(self, views)[:2])
        self.load_state_dict(state)
        return real(self, views, progress)

    monkeypatch.setattr(SwAV, "loss", loss)
    method.config = replace(CONFIG, queue_start=0.3)
    without = replace(pool, held_out=0)
    pretrain(method, without, Budget(images=40, checks=1), seed=0)
    assert used == [False] * 5 + [True] * 5
    newest = torch.cat([seen[-1], seen[-2]], dim=1)
    torch.testing.assert_close(method.queue.double(), newest, rtol=1e-4, atol=1e-5)
    assert "queue" in dict(method.named_buffers())


def test_the_queue_takes_part_in_the_partition_only(method: SwAV, views: MultiCrop) -> None:
    queue = torch.randn(2, 8, 128, generator=torch.Generator().manual_seed(4))
    method.queue.copy_(F.normalize(queue, dim=-1))
    z = embeddings(method, views)
    crops = scores_of(z, method)
    queued = scores_of(method.queue.double(), method)
    codes = [
        sinkhorn(crop + more, 0.07, 3)[:4] for crop, more in zip(crops[:2], queued, strict=True)
    ]
    loss = method.loss(views, LATE).item()
    assert loss == pytest.approx(eq_6(crops, codes, 0.2), rel=1e-5)
    for wrong in (codes[::-1], [sinkhorn(crop, 0.07, 3) for crop in crops[:2]]):
        assert loss != pytest.approx(eq_6(crops, wrong, 0.2), rel=1e-4)
    early = method.loss(views, Progress("pretraining", 0, 1000)).item()
    assert early == pytest.approx(
        eq_6(crops, [sinkhorn(crop, 0.07, 3) for crop in crops[:2]], 0.2), rel=1e-5
    )


def test_validation_leaves_the_queue_alone(method: SwAV, views: MultiCrop) -> None:
    method.eval()
    method.loss(views, LATE)
    method.after_step(LATE)
    assert not method.queue.any()


def test_prototypes_stand_still_at_first_and_stay_on_the_sphere(
    method: SwAV, pool: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, moved = SwAV.after_step, list[bool]()
    weight = method.prototypes.heads[0].weight
    before = [weight.detach().clone()]
    start = next(method.encoder.parameters()).detach().clone()

    def after_step(self: SwAV, progress: Progress) -> None:
        if progress.step == 0:
            assert weight.grad is None
            assert not torch.equal(next(self.encoder.parameters()), start)
        real(self, progress)
        assert torch.allclose(weight.norm(dim=1), torch.ones(5))
        moved.append(not torch.allclose(weight, before[0], atol=1e-6))
        before[0] = weight.detach().clone()

    monkeypatch.setattr(SwAV, "after_step", after_step)
    method.config = replace(CONFIG, frozen=0.4)
    pretrain(method, pool, Budget(images=20, checks=1), seed=0)
    assert moved == [False, False, True, True, True]
    assert method.prototypes.heads[0].bias is None


def test_constants_are_the_papers() -> None:
    c = SwAV.Config()
    assert (c.temperature, c.iterations, c.dim_out, c.queue) == (0.1, 3, 128, 15)
    assert c.small == SmallCrops(6, 96 / 224, (0.05, 0.14))
    assert c.view == Augmentation(
        area=(0.14, 1.0),
        flip=0.5,
        flip_vertical=0.5,  # ours
        jitter=(0.2, 0.2, 0.2, 0.05),  # ours: a quarter of the published, and no grey
        jitter_probability=0.8,
        blur=(0.1 / 224, 2.0 / 224),
        blur_probability=0.5,
    )
