"""A whole step of MoCo v2 spelled out, its queue and its momentum networks over a run."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from methods.augmentation import Augmentation
from methods.backends import Backend
from methods.base import Budget, Draws, Images, Progress
from methods.moco_v2 import MoCoV2
from methods.momentum import QueryKey, query_and_key
from methods.networks import pooled
from methods.pretrain import build, pretrain

PROGRESS = Progress("pretraining", 0, 10)
CPU = torch.device("cpu")
MOMENTUM = 0.8  # far from 1, so that every step moves the keys visibly


def made(images: Images, backend: Backend = "lightly") -> MoCoV2:
    config = MoCoV2.Config(
        momentum=MOMENTUM, batch_size=6, learning_rate=1e-2, queue_share=1.0, backend=backend
    )
    method = build(MoCoV2, config, "tiny", 3, seed=0)
    assert isinstance(method, MoCoV2)
    torch.manual_seed(0)
    method.prepare(images)
    for network in (method.momentum_encoder, method.momentum_projector):
        apart(network)
    return method


def queue_of(method: MoCoV2) -> Tensor:
    return method.criterion.get_buffer("memory_bank.bank")


def apart(module: nn.Module) -> None:
    """Move a network's weights, so that it cannot stand in for its copy unnoticed."""
    with torch.no_grad():
        for p in module.parameters():
            p.mul_(torch.empty_like(p).uniform_(0.5, 1.5))


def views_of(method: MoCoV2, images: Images, step: int = 0) -> QueryKey:
    index = torch.arange(6)
    return method.views(images.batch(index, CPU), Draws(0, step, index))


def unit(vector: list[float]) -> list[float]:
    length = math.sqrt(math.fsum(x * x for x in vector))
    return [x / length for x in vector]


def eq_1(queries: Tensor, keys: Tensor, queue: Tensor, temperature: float) -> float:
    """Minus the log of the positive's share among itself and the queue."""
    q, k, negatives = (
        [unit(row) for row in rows.double().tolist()] for rows in (queries, keys, queue)
    )
    losses = []
    for i, query in enumerate(q):
        products = [math.fsum(map(float.__mul__, query, other)) for other in (k[i], *negatives)]
        s = [math.exp(product / temperature) for product in products]
        losses.append(-math.log(s[0] / math.fsum(s)))
    return math.fsum(losses) / len(losses)


@pytest.mark.parametrize("backend", ["lightly", "solo"])
def test_a_step_is_eq_1_with_keys_of_shuffled_groups(images: Images, backend: Backend) -> None:
    method = made(images, backend)
    views = views_of(method, images)

    def projections(network: nn.Module, head: nn.Module, images: Tensor) -> Tensor:
        out: Tensor = head(pooled(network(images))).detach()
        return out

    momentum = (method.momentum_encoder, method.momentum_projector)
    keys = torch.empty(6, 128)
    for rows in (views.order[:3], views.order[3:]):
        keys[rows] = projections(*momentum, views.key.images[rows])
    queries = projections(method.encoder, method.projector, views.query.images)
    queue = queue_of(method).clone()
    assert queue.shape == (12, 128)
    assert sorted(views.order.tolist()) == list(range(6))
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(eq_1(queries, keys, queue, 0.2), rel=1e-5)
    together = projections(*momentum, views.key.images)
    online = projections(method.encoder, method.projector, views.key.images)
    for wrong in (
        eq_1(queries, together, queue, 0.2),  # no groups
        eq_1(queries, online, queue, 0.2),  # keys through the online networks
        eq_1(queries, keys.roll(1, 0), queue, 0.2),  # another image's key
        eq_1(queries, keys, torch.cat([keys, queue[6:]]), 0.2),  # queued before contrasted
        eq_1(queries, keys, queue, 0.07),  # MoCo's first temperature
    ):
        assert loss != pytest.approx(wrong, rel=1e-4)


def test_images_may_permute_within_their_groups(images: Images) -> None:
    method = made(images).eval()
    views = views_of(method, images)
    rows = torch.tensor([3, 0, 5, 1, 4, 2])
    moved = QueryKey(
        replace(views.query, images=views.query.images[rows]),
        replace(views.key, images=views.key.images[rows]),
        rows.argsort()[views.order],
    )
    method.train()
    with torch.no_grad():
        loss = method.loss(views, PROGRESS).item()
        assert method.loss(moved, PROGRESS).item() == pytest.approx(loss, rel=1e-5)


def test_keys_queue_up_while_training_and_at_no_other_time(images: Images) -> None:
    method = made(images)
    bank = queue_of(method)
    start = bank.clone()
    for mode, gradients in ((False, True), (False, False), (True, False)):
        with torch.set_grad_enabled(gradients):
            method.train(mode).loss(views_of(method, images), PROGRESS)
        assert torch.equal(bank, start)
    method.train()
    entered: list[Tensor] = []
    for step in range(3):
        views = views_of(method, images, step)
        keys = torch.empty(6, 128)
        for rows in views.order.tensor_split(2):
            keys[rows] = method.keys(views.key.images[rows])[0]
        entered.append(nn.functional.normalize(keys, dim=1))
        method.loss(views, PROGRESS)
    torch.testing.assert_close(bank, torch.cat([entered[2], entered[1]]))
    assert {"criterion.memory_bank.bank", "criterion.memory_bank.bank_ptr"} <= {
        name for name, _ in method.named_buffers()
    }


def test_parameters_and_buffers_are_all_there_is_to_resume(images: Images) -> None:
    first, second = made(images), made(images)
    for step in range(2):
        first.loss(views_of(first, images, step), PROGRESS).backward()
        first.after_step(PROGRESS)
    with torch.no_grad():
        for ours, theirs in (
            (second.parameters(), first.parameters()),
            (second.buffers(), first.buffers()),
        ):
            for a, b in zip(ours, theirs, strict=True):
                a.copy_(b)
    views = views_of(first, images, 2)
    assert torch.equal(first.loss(views, PROGRESS), second.loss(views, PROGRESS))


def test_gradients_reach_the_online_networks_only(images: Images) -> None:
    method = made(images)
    method.loss(views_of(method, images), PROGRESS).backward()
    trained = [*method.encoder.parameters(), *method.projector.parameters()]
    assert all(p.grad is not None for p in trained)
    (group,) = method.param_groups("pretraining")
    assert {id(p) for p in group["params"]} == {id(p) for p in trained}
    for part in (method.momentum_encoder, method.momentum_projector):
        assert all(p.grad is None for p in part.parameters())


def test_the_keys_networks_follow_eq_2_with_a_constant_momentum(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, real, moved = made(images), MoCoV2.after_step, list[int]()
    pairs = (
        (method.encoder, method.momentum_encoder),
        (method.projector, method.momentum_projector),
    )

    def copies(place: int) -> list[Tensor]:
        return [p.detach().clone() for pair in pairs for p in pair[place].parameters()]

    def after_step(self: MoCoV2, progress: Progress) -> None:
        before, online = copies(1), copies(0)
        real(self, progress)
        for old, theta, new in zip(before, online, copies(1), strict=True):
            wanted = MOMENTUM * old + (1.0 - MOMENTUM) * theta
            torch.testing.assert_close(new, wanted, rtol=1e-5, atol=1e-7)
        moved.append(progress.step)

    monkeypatch.setattr(MoCoV2, "after_step", after_step)
    pretrain(method, images, Budget(images=24, checks=1), seed=0)
    assert moved == [0, 1, 2, 3]


def test_the_augmentation_is_section_3s(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Augmentation] = []

    def recorded(batch: object, draws: object, a: Augmentation, b: Augmentation) -> QueryKey:
        got.extend([a, b])
        return query_and_key(batch, draws, a, b)  # type: ignore[arg-type]

    monkeypatch.setattr("methods.moco_v2.query_and_key", recorded)
    views_of(made(images), images)
    published = Augmentation(
        area=(0.2, 1.0),
        aspect=(3 / 4, 4 / 3),
        flip=0.5,
        flip_vertical=0.5,  # ours
        jitter=(0.4, 0.4, 0.4, 0.1),
        jitter_probability=0.8,
        grey=0.2,
        blur=(0.1 / 224, 2.0 / 224),
        blur_probability=0.5,
    )
    assert got == [published, published]


def test_a_queue_needs_a_pool() -> None:
    assert MoCoV2.smallest_pool(MoCoV2.Config()) == 4
    assert MoCoV2.smallest_pool(MoCoV2.Config(queue_share=0.3)) == 4
