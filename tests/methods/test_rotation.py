"""Which way rotation turns its images, what its classifier is charged, and which flips it bears."""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import pytest
import torch
from torch import Tensor

from methods.augmentation import SHARED, Augmentation
from methods.base import Batch, Draws, Images, Progress
from methods.geometry import flips, sample
from methods.networks import pooled
from methods.pretrain import build
from methods.rotation import Rotation, Turned

PROGRESS = Progress("pretraining", 0, 10)
CPU = torch.device("cpu")


def made(**settings: object) -> Rotation:
    method = build(Rotation, Rotation.Config(**settings), "tiny", 3, seed=0)  # type: ignore[arg-type]
    assert isinstance(method, Rotation)
    return method


@pytest.fixture
def method() -> Rotation:
    return made()


@pytest.fixture
def views(method: Rotation, images: Images) -> Turned:
    index = torch.arange(5)
    return method.views(images.batch(index, CPU), Draws(0, 0, index))


def anticlockwise(image: Tensor, turns: int) -> Tensor:
    """Quarter turns pixel by pixel: what was at the right edge comes to the top."""
    side = image.shape[-1]
    for _ in range(turns):
        turned = torch.empty_like(image)
        for y, x in product(range(side), repeat=2):
            turned[:, y, x] = image[:, x, side - 1 - y]
        image = turned
    return image


def cross_entropy(logits: Tensor, labels: list[int]) -> float:
    """Eq. 3: minus the logarithm of the right turn's probability, averaged."""
    rows = logits.double().tolist()
    return math.fsum(
        math.log(math.fsum(math.exp(x) for x in row)) - row[label]
        for row, label in zip(rows, labels, strict=True)
    ) / len(rows)


def test_a_step_is_eq_3_over_all_turns_of_all_images(method: Rotation, views: Turned) -> None:
    upright = views.images[::4]
    copies = torch.stack([anticlockwise(image, k) for image in upright for k in range(4)])
    logits = method.classifier(pooled(method.encoder(copies))).detach()
    still = method.classifier(pooled(method.encoder(views.images[::4].repeat(4, 1, 1, 1)))).detach()
    assert logits.shape == (20, 4)
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(cross_entropy(logits, [0, 1, 2, 3] * 5), rel=1e-5)
    for wrong in (
        cross_entropy(logits, [0, 3, 2, 1] * 5),  # clockwise
        cross_entropy(logits, [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5),  # turn by turn
        cross_entropy(logits[::4], [0] * 5),  # one turn an image
        cross_entropy(still, [0, 1, 2, 3] * 5),  # never turned
    ):
        assert loss != pytest.approx(wrong, rel=1e-4)


def test_every_image_comes_in_every_turn(views: Turned) -> None:
    assert views.turn.tolist() == [0, 1, 2, 3] * 5
    for number, image in enumerate(views.images):
        assert torch.equal(image, anticlockwise(views.images[number - number % 4], number % 4))


def test_who_knows_nothing_pays_ln_4(method: Rotation, views: Turned) -> None:
    torch.nn.init.zeros_(method.classifier.weight)
    torch.nn.init.zeros_(method.classifier.bias)
    assert method.loss(views, PROGRESS).item() == pytest.approx(math.log(4.0), rel=1e-6)


def test_the_order_of_the_copies_is_free(method: Rotation, views: Turned) -> None:
    loss = method.loss(views, PROGRESS).item()
    order = torch.randperm(20, generator=torch.Generator().manual_seed(0))
    shuffled = Turned(views.images[order], views.turn[order])
    assert method.loss(shuffled, PROGRESS).item() == pytest.approx(loss, rel=1e-5)
    # A batch that is turned as a whole is the same puzzle with other labels.
    turned = Turned(views.images.rot90(1, (-2, -1)), (views.turn + 1) % 4)
    assert method.loss(turned, PROGRESS).item() == pytest.approx(loss, rel=1e-5)


def labelled(mirrors: list[tuple[bool, bool]], image: Tensor) -> dict[int, set[bytes]]:
    """What each label looks like, over all mirror images that may come before the turn."""
    found: dict[int, set[bytes]] = {turn: set() for turn in range(4)}
    plain = Rotation.Config(view=Augmentation())
    for left_right, top_bottom in mirrors:
        placement = flips(torch.tensor([left_right]), torch.tensor([top_bottom]))
        mirrored = sample(image[None], placement, image.shape[-1], "nearest")
        batch = Batch(mirrored, torch.tensor([0]), (0.5,) * 3, (0.25,) * 3)
        views = made(view=plain.view).views(batch, Draws(0, 0, batch.index))
        for copy, turn in zip(views.images, views.turn.tolist(), strict=True):
            found[turn].add((copy * 64.0).round().to(torch.int32).numpy().tobytes())
    return found


def test_left_right_mirror_images_keep_the_task_and_both_make_half_turns_alike(
    images: Images,
) -> None:
    """The reason for the default view, and for ln 2 under the shared recipe."""
    image = images.batch(torch.tensor([0]), CPU).images[0]
    upright = labelled([(False, False), (True, False)], image)
    assert all(not upright[a] & upright[b] for a in range(4) for b in range(a))
    both = labelled([(a, b) for a in (False, True) for b in (False, True)], image)
    assert both[0] == both[2]
    assert both[1] == both[3]
    assert not both[0] & both[1]
    view = Rotation.Config().view
    assert (view.flip, view.flip_vertical) == (0.5, 0.0)
    assert SHARED.flip == SHARED.flip_vertical == 0.5


@pytest.mark.parametrize(("side", "channels"), [(32, 1), (45, 3), (67, 1)])
def test_odd_sides_and_fewer_turns(
    side: int, channels: int, make_images: Callable[..., Images]
) -> None:
    config = replace(Rotation.Config(), turns=(0, 2))
    method = build(Rotation, config, "tiny", channels, seed=0)
    assert isinstance(method, Rotation)
    index = torch.arange(3)
    pool = make_images(side=side, channels=channels)
    views = method.views(pool.batch(index, CPU), Draws(0, 0, index))
    assert views.turn.tolist() == [0, 1] * 3
    assert torch.equal(views.images[1::2], views.images[::2].flip(-2, -1))
    assert torch.isfinite(method.loss(views, PROGRESS))
