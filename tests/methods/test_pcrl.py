"""A whole step of PCRL spelled out, its queue and its momentum network."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from methods.base import Draws, Images, Progress
from methods.networks import pooled
from methods.pcrl import PCRL
from methods.pcrl.views import Context, PCRLViews
from methods.pretrain import build

PROGRESS = Progress("pretraining", 0, 10)
TAU, ROWS = 0.3, 18


def made(images: Images) -> PCRL:
    method = build(PCRL, PCRL.Config(temperature=TAU, batch_size=6), "tiny", 3, seed=0)
    assert isinstance(method, PCRL)
    generator = torch.Generator().manual_seed(1)
    # A momentum network that cannot stand in for the ordinary one, and an attention that matters.
    parts = (method.momentum_encoder, method.momentum_projector, method.attention)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        method.prepare(images)
        for part, least, most in zip(parts, (0.5, 0.5, 5.0), (1.5, 1.5, 9.0), strict=True):
            for p in part.parameters():
                p.mul_(torch.empty_like(p).uniform_(least, most, generator=generator))
    return method.train()


@pytest.fixture
def method(images: Images) -> PCRL:
    return made(images)


@pytest.fixture
def views(method: PCRL, images: Images) -> PCRLViews:
    index = torch.arange(6)
    return method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))


def mix(things: Tensor, views: PCRLViews) -> Tensor:
    rows = zip(views.partner.tolist(), views.share.tolist(), strict=True)
    return torch.stack([s * things[i] + (1.0 - s) * things[j] for i, (j, s) in enumerate(rows)])


def keys_in_halves(images: Tensor, views: PCRLViews, encoder: Any, projector: Any) -> list[Tensor]:  # noqa: ANN401
    """Key and maps of every image from a pass over its half of the shuffled batch."""
    order, rows = views.order.tolist(), dict[int, list[Tensor]]()
    for group in (order[:3], order[3:]):
        maps = encoder(images[group])
        for place, row in enumerate(group):
            rows[row] = [projector(pooled(maps))[place], *(each[place] for each in maps)]
    return [torch.stack(parts) for parts in zip(*(rows[i] for i in range(6)), strict=True)]


def unit(row: Tensor) -> list[float]:
    values = row.double().tolist()
    length = math.sqrt(math.fsum(x * x for x in values))
    return [x / length for x in values]


def info_nce(queries: Tensor, keys: Tensor, queue: Tensor) -> float:
    losses = []
    for query, key in zip(queries, keys, strict=True):
        q, others = unit(query), [unit(key), *(unit(row) for row in queue)]
        exps = [math.exp(math.fsum(a * b for a, b in zip(q, k, strict=True)) / TAU) for k in others]
        losses.append(-math.log(exps[0] / math.fsum(exps)))
    return math.fsum(losses) / len(losses)


def restorations(
    method: PCRL, maps: list[Tensor], key_maps: list[Tensor], share: Tensor, wrong: str
) -> tuple[Tensor, Tensor]:
    """What the decoder makes of the ordinary maps and of those mixed across models."""
    w = share[:, None, None, None]
    both = [w * ours + (1.0 - w) * theirs for ours, theirs in zip(maps, key_maps, strict=True)]
    if wrong == "only the coarsest map is hybrid":
        both = [*maps[:-1], both[-1]]
    own, hybrid = (method.decoder(each, ("image",))["image"] for each in (maps, both))
    return own, hybrid


def error(
    restored: tuple[Tensor, Tensor], ours: Tensor, theirs: Tensor, share: Tensor, wrong: str
) -> float:
    w = share.double()[:, None, None, None]
    w = 1.0 - w if wrong == "aims blended the other way" else w
    hybrid = w * ours.double() + (1.0 - w) * theirs.double()
    own_error, hybrid_error = (restored[0] - ours.double()) ** 2, (restored[1] - hybrid) ** 2
    return float(own_error.mean() + hybrid_error.mean())


@torch.no_grad()
def step(method: PCRL, views: PCRLViews, wrong: str = "") -> float:
    """The published step, with one thing wrong if named."""
    a, b, queue = views.query, views.key, method.criterion.memory_bank.bank.clone()
    slow: Any = (method.momentum_encoder, method.momentum_projector)
    slow = (method.encoder, method.projector) if wrong == "keys through online weights" else slow
    key, *key_maps = keys_in_halves(b.images, views, *slow)
    mixed_key, *mixed_key_maps = keys_in_halves(mix(b.images, views), views, *slow)
    maps, mixed_maps = method.encoder(a.images), method.encoder(mix(a.images, views))
    query, mixed_query = (method.projector(pooled(each)) for each in (maps, mixed_maps))
    later = torch.cat([key, queue]) if wrong == "own keys as negatives" else queue
    contrasts = [
        info_nce(query, key, queue),
        info_nce(mixed_query, mixed_key, later),
        info_nce(mixed_query, key if wrong == "unmixed keys" else mix(key, views), later),
    ]
    for each, context in ((maps, a), (key_maps, b)):
        said = (b if wrong == "the other's description" else context).description
        weights = torch.ones(6, 128) if wrong == "no attention" else method.attention(said)
        each[-1] = torch.einsum("nchw,nc->nchw", each[-1], weights)
    aims = (a.images, b.images) if wrong == "upright aims" else (a.turned, b.turned)
    turned = restorations(method, maps, key_maps, views.share_maps, wrong)
    clean = restorations(method, mixed_maps, mixed_key_maps, views.share_mixed_maps, wrong)
    plain = (mix(a.clean, views), mix(b.clean, views))
    errors = error(turned, *aims, views.share_maps, wrong)
    errors += error(clean, *plain, views.share_mixed_maps, wrong)
    return math.fsum(contrasts) / 3.0 + errors / 4.0


WRONG = [
    "keys through online weights",
    "own keys as negatives",
    "unmixed keys",
    "no attention",
    "the other's description",
    "aims blended the other way",
    "only the coarsest map is hybrid",
    "upright aims",
]


def test_a_step_is_three_contrasts_and_four_restorations(method: PCRL, views: PCRLViews) -> None:
    expected = step(method, views)
    wrongs = {wrong: step(method, views, wrong) for wrong in WRONG}
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(expected, rel=1e-5)
    for wrong, value in wrongs.items():
        assert loss != pytest.approx(value, rel=2e-4), wrong


def permuted(views: PCRLViews, rows: Tensor) -> PCRLViews:
    """The same step with the images in another order."""
    back = rows.argsort()
    query, key = (
        Context(*(getattr(context, name)[rows] for name in Context.__slots__))
        for context in (views.query, views.key)
    )
    shares = (views.share[rows], views.share_maps[rows], views.share_mixed_maps[rows])
    return PCRLViews(query, key, back[views.order], back[views.partner[rows]], *shares)


def test_the_order_of_the_images_does_not_matter(
    method: PCRL, views: PCRLViews, images: Images
) -> None:
    loss = method.loss(views, PROGRESS).item()
    other = permuted(views, torch.tensor([3, 0, 5, 1, 4, 2]))
    assert made(images).loss(other, PROGRESS).item() == pytest.approx(loss, rel=1e-4)


def test_the_queue_takes_the_keys_in_training_only(method: PCRL, views: PCRLViews) -> None:
    bank = method.criterion.memory_bank
    assert bank.bank.shape == (ROWS, 128)
    before, slow = bank.bank.clone(), (method.momentum_encoder, method.momentum_projector)
    method.eval().loss(views, PROGRESS)
    assert torch.equal(bank.bank, before)
    with torch.no_grad():
        method.train()
        key = keys_in_halves(views.key.images, views, *slow)[0]
        mixed_key = keys_in_halves(mix(views.key.images, views), views, *slow)[0]
        method.loss(views, PROGRESS)
    assert torch.equal(bank.bank, before)
    method.loss(views, PROGRESS)
    entered = torch.nn.functional.normalize(torch.cat([key, mixed_key, mix(key, views)]), dim=1)
    torch.testing.assert_close(bank.bank, entered, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("count", "rows"), [(100, 72), (48, 36), (6, 18), (4000, 54)])
def test_the_queue_holds_three_quarters_of_the_pool_in_whole_steps(
    count: int, rows: int, make_images: Callable[..., Images]
) -> None:
    longest = 60 if count == 4000 else 16384
    pool = make_images(count=min(count, 100), held_out=0)
    method = build(PCRL, PCRL.Config(batch_size=6, queue=longest), "tiny", 3, seed=0)
    with torch.random.fork_rng():
        method.prepare(pool)
    buffers = dict(method.named_buffers())
    assert buffers["criterion.memory_bank.bank"].shape == (rows, 128)
    assert "criterion.memory_bank.bank_ptr" in buffers


def test_the_momentum_network_follows_and_learns_nothing(method: PCRL, views: PCRLViews) -> None:
    method.loss(views, PROGRESS).backward()
    slow = (method.momentum_encoder, method.momentum_projector)
    fast = (method.encoder, method.projector)
    assert all(p.grad is None for part in slow for p in part.parameters())
    for part in (*fast, method.attention, method.decoder):
        assert all(p.grad is not None and bool(p.grad.any()) for p in part.parameters())
    old = [[p.detach().clone() for p in part.parameters()] for part in slow]
    method.after_step(PROGRESS)
    for part, other, before in zip(slow, fast, old, strict=True):
        for p, q, was in zip(part.parameters(), other.parameters(), before, strict=True):
            torch.testing.assert_close(p, 0.99 * was + 0.01 * q, rtol=1e-5, atol=1e-7)
