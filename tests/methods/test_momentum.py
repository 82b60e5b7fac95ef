"""Keys in shuffled groups, and queues of them."""

from functools import partial

import pytest
import torch
from lightly.loss import NTXentLoss
from torch import Tensor, nn

from methods.backends import solo
from methods.densecl.losses import info_nce
from methods.momentum import Queued, in_groups, momentum_copy, queue_rows
from methods.order import order


def unit(*shape: int, seed: int = 0) -> Tensor:
    vectors = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return nn.functional.normalize(vectors, dim=-1)


def test_keys_are_normalised_by_their_group_and_come_back_in_order() -> None:
    images = unit(7, 3)
    shuffle = torch.tensor([4, 0, 6, 2, 1, 5, 3])
    seen: list[list[float]] = []

    def network(rows: Tensor) -> tuple[Tensor, ...]:
        seen.append(rows[:, 0].tolist())
        return rows - rows.mean(dim=0), rows.sum(dim=1)

    centred, sums = in_groups(network, images, shuffle)
    assert seen == [images[[4, 0, 6, 2], 0].tolist(), images[[1, 5, 3], 0].tolist()]
    torch.testing.assert_close(sums, images.sum(dim=1))
    for rows in ([4, 0, 6, 2], [1, 5, 3]):
        torch.testing.assert_close(centred[rows], images[rows] - images[rows].mean(dim=0))


def test_keys_carry_no_gradient_and_a_copy_is_its_own() -> None:
    online = nn.Linear(3, 2)
    copy = momentum_copy(online)
    assert all(
        torch.equal(a, b) for a, b in zip(online.parameters(), copy.parameters(), strict=True)
    )
    assert not any(p.requires_grad for p in copy.parameters())
    assert {id(p) for p in online.parameters()}.isdisjoint(id(p) for p in copy.parameters())
    (keys,) = in_groups(lambda rows: (online(rows),), unit(4, 3), torch.arange(4))
    assert not keys.requires_grad


@pytest.mark.parametrize(
    ("pool", "batch", "expected"),
    [
        (12, 8, 3),  # less than a batch: what there is room for
        (413, 32, 96),  # 103, in whole batches
        (128, 32, 32),
        (112_120, 32, 28_000),
        (1_281_167, 256, 65_536),  # ImageNet as published
    ],
)
def test_queues_hold_at_most_a_quarter_of_the_pool(pool: int, batch: int, expected: int) -> None:
    assert queue_rows(65_536, 0.25, pool, batch) == expected


def test_an_image_meets_its_last_key_as_rarely_as_said() -> None:
    """``share**2 / 2`` of the steps, where every epoch has an order of its own."""
    pool, rows, epochs = 400, 100, 60
    stream = order(0, pool, "epochs")
    last: dict[int, int] = {}
    met = 0
    for step in range(pool * epochs):
        image = next(stream)
        met += step - last.get(image, -pool) <= rows
        last[image] = step
    assert met / (pool * epochs) == pytest.approx(0.25**2 / 2, rel=0.1)


@pytest.mark.parametrize("training", [True, False])
def test_the_queue_is_first_in_first_out_and_fed_by_gradients_only(training: bool) -> None:
    loss = Queued((6, 4), partial(info_nce, temperature=0.2))
    steps = [unit(2, 4, seed=step) for step in range(1, 5)]
    before = loss.memory_bank.bank.clone()
    for keys in steps:
        loss(unit(2, 4).requires_grad_(training), 3.0 * keys)
    bank = loss.memory_bank.bank
    if training:  # the fourth replaces the oldest
        torch.testing.assert_close(bank, torch.cat([steps[3], steps[1], steps[2]]))
    else:
        assert torch.equal(bank, before)
    assert {name for name, _ in loss.named_buffers()} == {
        "memory_bank.bank",
        "memory_bank.bank_ptr",
    }


def test_both_libraries_and_ours_agree_and_contrast_before_they_queue() -> None:
    losses = [
        NTXentLoss(0.2, memory_bank_size=(12, 8)),
        Queued((12, 8), partial(solo("losses.moco:moco_loss_func"), temperature=0.2)),
        Queued((12, 8), partial(info_nce, temperature=0.2)),
    ]
    for loss in losses:
        loss.memory_bank.bank = unit(12, 8)
    for step in range(4):
        queries, keys = 2.0 * unit(4, 8, seed=10 + step), unit(4, 8, seed=20 + step)
        a, b, c = (loss(queries.clone().requires_grad_(), keys).item() for loss in losses)
        assert a == pytest.approx(b, rel=1e-6)
        assert a == pytest.approx(c, rel=1e-6)
        fresh = Queued((4, 8), partial(info_nce, temperature=0.2))
        fresh.memory_bank.bank = keys  # had the keys entered first, each would be its own negative
        assert a != pytest.approx(fresh(queries, keys).item(), rel=1e-2)
    assert all(torch.equal(losses[0].memory_bank.bank, loss.memory_bank.bank) for loss in losses)


def test_what_enters_need_not_be_the_positives() -> None:
    loss = Queued((2, 4), partial(info_nce, temperature=0.2))
    entering = unit(2, 4, seed=3)
    loss(unit(6, 4).requires_grad_(), unit(6, 4, seed=1), entering)
    torch.testing.assert_close(loss.memory_bank.bank, entering)
