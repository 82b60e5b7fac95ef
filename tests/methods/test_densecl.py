"""A whole step of DenseCL spelled out: which places meet, and what enters which queue."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from methods.augmentation import MOCO_V2
from methods.base import Draws, Images, Progress
from methods.densecl import DenseCL
from methods.densecl.losses import matched
from methods.momentum import QueryKey
from methods.networks import pooled
from methods.pretrain import build

PROGRESS = Progress("pretraining", 0, 10)
CPU = torch.device("cpu")
WEIGHT = 0.3  # one half would hide which loss it weights
ONLINE = ("encoder", "projector", "dense_projector")


@pytest.fixture(scope="module")
def pool(make_images: Callable[..., Images]) -> Images:
    """Images whose views of 48 px have 3 x 3 places."""
    return make_images(side=64)


@pytest.fixture
def method(pool: Images) -> DenseCL:
    config = DenseCL.Config(batch_size=6, queue_share=1.0, dense_weight=WEIGHT, momentum=0.8)
    made = build(DenseCL, config, "tiny", 3, seed=0)
    assert isinstance(made, DenseCL)
    torch.manual_seed(0)
    made.prepare(pool)
    with torch.no_grad():  # so that no network can stand in for its copy unnoticed
        for name in ONLINE:
            for p in getattr(made, f"momentum_{name}").parameters():
                p.mul_(torch.empty_like(p).uniform_(0.5, 1.5))
    return made


def queue_of(loss: nn.Module) -> Tensor:
    return loss.get_buffer("memory_bank.bank")


def views_of(method: DenseCL, pool: Images, step: int = 0) -> QueryKey:
    index = torch.arange(6)
    return method.views(pool.batch(index, CPU), Draws(0, step, index))


def unit(vector: list[float]) -> list[float]:
    length = math.sqrt(math.fsum(x * x for x in vector))
    return [x / length for x in vector]


def dot(a: list[float], b: list[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def rows_of(tensor: Tensor) -> list[list[float]]:
    return [unit(row) for row in tensor.double().tolist()]


def contrast(query: list[float], key: list[float], queue: list[list[float]], tau: float) -> float:
    s = [math.exp(dot(query, other) / tau) for other in (key, *queue)]
    return -math.log(s[0] / math.fsum(s))


def branch(method: DenseCL, prefix: str, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Global projections, places' projections and the places, through named networks."""
    encoder, projector, dense = (getattr(method, prefix + name) for name in ONLINE)
    maps = encoder(images)
    places = maps[-1].permute(0, 2, 3, 1).flatten(1, 2)
    return projector(pooled(maps)).detach(), dense(places).detach(), places.detach()


def in_two_groups(method: DenseCL, prefix: str, views: QueryKey) -> tuple[Tensor, ...]:
    halves = [views.order[:3], views.order[3:]]
    parts = [branch(method, prefix, views.key.images[rows]) for rows in halves]
    back = torch.cat(halves).argsort()
    return tuple(torch.cat(tensors)[back] for tensors in zip(*parts, strict=True))


def dense_loss(
    queries: Tensor, keys: Tensor, by: tuple[Tensor, Tensor], queue: Tensor, tau: float
) -> float:
    """Eq. 2: every place against the key of the place that looks most alike, and the queue."""
    negatives, losses = rows_of(queue), []
    for q, k, mine, theirs in zip(queries, keys, *by, strict=True):
        vectors, candidates = rows_of(k), rows_of(theirs)
        for query, place in zip(rows_of(q), rows_of(mine), strict=True):
            best = max(range(len(candidates)), key=lambda j: dot(place, candidates[j]))
            losses.append(contrast(query, vectors[best], negatives, tau))
    return math.fsum(losses) / len(losses)


def test_a_step_is_eqs_2_and_3_with_places_matched_by_the_backbone(
    method: DenseCL, pool: Images
) -> None:
    views = views_of(method, pool)
    query, dense, places = branch(method, "", views.query.images)
    assert dense.shape == (6, 9, 128)
    key, dense_key, key_places = in_two_groups(method, "momentum_", views)
    queues = [queue_of(loss).clone() for loss in (method.image_loss, method.dense_loss)]
    assert [queue.shape for queue in queues] == [(12, 128), (12, 128)]
    pairs = zip(rows_of(query), rows_of(key), strict=True)
    whole = math.fsum(contrast(q, k, rows_of(queues[0]), 0.2) for q, k in pairs) / 6

    def total(by: tuple[Tensor, Tensor], keys: Tensor = dense_key, tau: float = 0.2) -> float:
        local = dense_loss(dense, keys, by, queues[1], tau)
        return (1.0 - WEIGHT) * whole + WEIGHT * local

    right = total((places, key_places))
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(right, rel=1e-5)
    online = in_two_groups(method, "", views)
    local = (right - (1.0 - WEIGHT) * whole) / WEIGHT
    same = torch.eye(9).expand(6, 9, 9)
    for wrong in (
        total((dense, dense_key)),  # matched by projections
        total((places, online[2]), online[1]),  # keys through the online networks
        total((same, same)),  # the same place of the other view
        total((places, key_places), dense_key.roll(1, 0)),  # another image's keys
        total((places, key_places), tau=0.1),
        WEIGHT * whole + (1.0 - WEIGHT) * local,
    ):
        assert loss != pytest.approx(wrong, rel=1e-4)


def test_queues_take_in_images_and_means_over_places(method: DenseCL, pool: Images) -> None:
    views = views_of(method, pool)
    before = [queue_of(loss).clone() for loss in (method.image_loss, method.dense_loss)]
    method.eval().loss(views, PROGRESS)
    key, dense_key, _ = (t.clone() for t in in_two_groups(method.train(), "momentum_", views))
    method.loss(views, PROGRESS)
    for loss, old, entered in zip(
        (method.image_loss, method.dense_loss), before, (key, dense_key.mean(dim=1)), strict=True
    ):
        torch.testing.assert_close(
            queue_of(loss), torch.cat([nn.functional.normalize(entered, dim=1), old[6:]])
        )
    names = {name for name, _ in method.named_buffers()}
    assert {f"{loss}_loss.memory_bank.bank" for loss in ("image", "dense")} <= names


def test_parameters_and_buffers_are_all_there_is_to_resume(method: DenseCL, pool: Images) -> None:
    other = build(DenseCL, method.config, "tiny", 3, seed=1)
    other.prepare(pool)
    method.loss(views_of(method, pool), PROGRESS)
    method.after_step(PROGRESS)
    with torch.no_grad():
        for name in ("parameters", "buffers"):
            for a, b in zip(getattr(other, name)(), getattr(method, name)(), strict=True):
                a.copy_(b)
    views = views_of(method, pool, 1)
    assert torch.equal(method.loss(views, PROGRESS), other.loss(views, PROGRESS))


def test_places_are_matched_whatever_their_order() -> None:
    generator = torch.Generator().manual_seed(0)
    keys, places, theirs = (torch.randn(2, 5, dim, generator=generator) for dim in (4, 3, 3))
    order = torch.tensor([3, 0, 4, 1, 2])
    expected = matched(keys, places, theirs)
    assert torch.equal(matched(keys[:, order], places, theirs[:, order]), expected)
    assert torch.equal(matched(keys, 7.0 * places, 0.1 * theirs), expected)
    assert torch.equal(matched(keys, theirs[:, order], theirs), keys[:, order])


def test_gradients_reach_the_online_networks_only(method: DenseCL, pool: Images) -> None:
    method.loss(views_of(method, pool), PROGRESS).backward()
    trained = [p for name in ONLINE for p in getattr(method, name).parameters()]
    assert all(p.grad is not None for p in trained)
    (group,) = method.param_groups("pretraining")
    assert {id(p) for p in group["params"]} == {id(p) for p in trained}


def test_all_three_momentum_networks_move(method: DenseCL) -> None:
    for name in ONLINE:
        pair = [list(getattr(method, prefix + name).parameters()) for prefix in ("momentum_", "")]
        wanted = [0.8 * old.detach() + 0.2 * new.detach() for old, new in zip(*pair, strict=True)]
        method.after_step(Progress("pretraining", 9, 10))
        torch.testing.assert_close([p.detach() for p in pair[0]], wanted, rtol=1e-5, atol=1e-7)


def test_the_dense_weight_may_wait(pool: Images) -> None:
    config = DenseCL.Config(batch_size=6, dense_weight=1.0, warm_up=0.5)
    losses = []
    for step in (4, 5):
        method = build(DenseCL, config, "tiny", 3, seed=0)
        assert isinstance(method, DenseCL)
        bank = queue_of(method.dense_loss).clone()
        method.loss(views_of(method, pool), Progress("pretraining", step, 10)).backward()
        touched = [any(p.grad.any() for p in getattr(method, name).parameters()) for name in ONLINE]
        losses.append(touched)
        assert not torch.equal(queue_of(method.dense_loss), bank)  # fills all the same
    assert losses == [[True, True, False], [True, False, True]]


@pytest.mark.parametrize(("side", "places"), [(1, 1), (3, 9), (7, 49), (14, 49)])
def test_the_grid_is_the_coarsest_maps_up_to_7x7(method: DenseCL, side: int, places: int) -> None:
    maps = [torch.rand(2, 128, side, side)]
    grid = method.places(maps)
    assert grid.shape == (2, places, 128)
    torch.testing.assert_close(grid.mean(dim=1), pooled(maps))


def test_the_augmentation_is_moco_v2s() -> None:
    assert DenseCL.Config().view == MOCO_V2
