"""A whole step of PixPro spelled out: positives from corners of crops, pixel by pixel."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from methods.augmentation import BYOL_A, BYOL_B
from methods.base import Draws, Images, Progress
from methods.geometry import flips, matrices, rotations
from methods.pixpro import PixPro
from methods.pixpro.pixels import consistency, near_pixels, pixel_mlp, propagated
from methods.pretrain import build
from methods.views import TwoViews, View

PROGRESS = Progress("pretraining", 0, 10)
Corners = tuple[float, float, float, float]


@pytest.fixture(scope="module")
def pool(make_images: Callable[..., Images]) -> Images:
    """Images whose views of 48 px have 3 x 3 pixels."""
    return make_images(side=64)


@pytest.fixture
def method(pool: Images) -> PixPro:
    made = build(PixPro, PixPro.Config(), "tiny", 3, seed=0)
    assert isinstance(made, PixPro)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():  # so that no network can stand in for its copy unnoticed
        for part in (made.target_encoder, made.target_projector):
            for p in part.parameters():
                p.mul_(torch.empty_like(p).uniform_(0.5, 1.5, generator=generator))
    return made


@pytest.fixture
def views(method: PixPro, pool: Images) -> TwoViews:
    index = torch.arange(8)
    return method.views(pool.batch(index, torch.device("cpu")), Draws(0, 3, index))


def corners(view: View) -> list[Corners]:
    """First and last pixel's outer corners in the source; a mirror image swaps them."""
    ends = view.placement.double() @ torch.tensor([[-1.0, 1.0], [-1.0, 1.0], [1.0, 1.0]]).double()
    return [(*e[:2, 0].tolist(), *e[:2, 1].tolist()) for e in ends]


def near(a: Corners, b: Corners, side: int, threshold: float) -> list[list[bool]]:
    """Eq. 1 as the published code computes it, from corners."""
    bins = [((c[2] - c[0]) / side, (c[3] - c[1]) / side) for c in (a, b)]
    diagonal = max(math.hypot(*size) for size in bins)

    def centres(c: Corners, size: tuple[float, float]) -> list[tuple[float, float]]:
        return [
            (c[0] + (x + 0.5) * size[0], c[1] + (y + 0.5) * size[1])
            for y in range(side)
            for x in range(side)
        ]

    return [
        [math.dist(i, j) / diagonal < threshold for j in centres(b, bins[1])]
        for i in centres(a, bins[0])
    ]


def unit(vector: list[float]) -> list[float]:
    length = math.sqrt(math.fsum(x * x for x in vector))
    return [x / length for x in vector]


def dot(a: list[float], b: list[float]) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def pixels_of(maps: Tensor) -> list[list[list[float]]]:
    """Per image, per pixel, the vector."""
    out: list[list[list[float]]] = maps.detach().double().flatten(2).transpose(1, 2).tolist()
    return out


def eqs_3_and_4(pixels: Tensor, values: Tensor, gamma: float) -> list[list[list[float]]]:
    out = []
    for x, g in zip(pixels_of(pixels), pixels_of(values), strict=True):
        xs, gs = [unit(v) for v in x], [unit(v) for v in g]
        weights = [[max(dot(i, j), 0.0) ** gamma for j in xs] for i in xs]
        columns = list(zip(*gs, strict=True))
        out.append([[dot(row, list(column)) for column in columns] for row in weights])
    return out


def eq_5(
    predictions: list[list[list[float]]], targets: Tensor, masks: list[list[list[bool]]]
) -> float:
    """One direction: each image's mean cosine of near pixels; 0 where there are none."""
    means = []
    for y, x, mask in zip(predictions, pixels_of(targets), masks, strict=True):
        ys, xs = [unit(v) for v in y], [unit(v) for v in x]
        found = [dot(ys[i], xs[j]) for i in range(len(ys)) for j in range(len(xs)) if mask[i][j]]
        means.append(math.fsum(found) / len(found) if found else 0.0)
    return -math.fsum(means) / len(means)


def test_a_step_is_eq_5_both_ways_through_the_right_networks(
    method: PixPro, views: TwoViews
) -> None:
    a, b = views.a, views.b
    pixels = [method.projector(method.encoder(v.images)[-1]) for v in (a, b)]
    targets = [method.target_projector(method.target_encoder(v.images)[-1]) for v in (a, b)]
    online = [p.detach() for p in pixels]

    def total(
        gamma: float = 2.0,
        threshold: float = 0.7,
        wanted: list[Tensor] = targets,
        mirrored: bool = True,
    ) -> float:
        boxes = [corners(a), corners(b)]
        if not mirrored:  # as if crops lay the right way round
            boxes = [
                [(min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3])) for c in box]
                for box in boxes
            ]
        there = [near(i, j, 3, threshold) for i, j in zip(*boxes, strict=True)]
        back = [near(j, i, 3, threshold) for i, j in zip(*boxes, strict=True)]
        y = [eqs_3_and_4(p, method.transform(p), gamma) for p in pixels]
        return eq_5(y[0], wanted[1], there) + eq_5(y[1], wanted[0], back)

    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(total(), rel=1e-5)
    boxes = zip(corners(a), corners(b), strict=True)
    masks = [near(i, j, 3, 0.7) for i, j in boxes]
    plain = eq_5(pixels_of(pixels[0]), targets[1], masks)
    for wrong in (
        total(gamma=1.0),
        total(threshold=1.4),
        total(mirrored=False),
        total(wanted=online),  # targets through the online network
        total(wanted=targets[::-1]),  # of the same view
        2.0 * plain,  # without propagation
        2.0 * total(),  # the published code's factor
    ):
        assert loss != pytest.approx(wrong, rel=1e-4)


def test_the_views_may_swap(method: PixPro, views: TwoViews) -> None:
    with torch.no_grad():
        loss = method.loss(views, PROGRESS).item()
        swapped = method.loss(TwoViews(views.b, views.a), PROGRESS).item()
    assert swapped == pytest.approx(loss, rel=1e-5)
    assert -2.0 <= loss <= 2.0


@pytest.mark.parametrize("side", [1, 3, 7])
def test_near_pixels_stay_near_when_the_source_moves(views: TwoViews, side: int) -> None:
    """Turning, shifting and shrinking the source moves both views alike."""
    a, b = views.a.placement, views.b.placement
    one, zero, small = torch.ones(8), torch.zeros(8), torch.full((8,), 0.3)
    move = rotations(37.0 * one) @ matrices([[small, zero, 0.2 * one], [zero, small, -0.1 * one]])
    expected = near_pixels(a, b, side, 0.7)
    assert torch.equal(near_pixels(move @ a, move @ b, side, 0.7), expected)
    assert torch.equal(near_pixels(b, a, side, 0.7), expected.transpose(1, 2))
    boxes = zip(corners(views.a), corners(views.b), strict=True)
    assert expected.tolist() == [near(i, j, side, 0.7) for i, j in boxes]


def test_a_mirror_image_meets_itself_mirrored() -> None:
    yes, no = torch.tensor([True]), torch.tensor([False])
    (mask,) = near_pixels(flips(no, no), flips(yes, no), 3, 0.7)
    assert mask.nonzero().tolist() == [
        [3 * y + x, 3 * y + 2 - x] for y in range(3) for x in range(3)
    ]


def test_views_without_a_common_place_count_as_nothing() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 2, 4, 3, 3, generator=generator)
    a.requires_grad_()
    mask = torch.zeros(2, 9, 9, dtype=torch.bool)
    mask[0, 4, 2] = True
    loss = consistency(a, b, mask)
    cosine = nn.functional.cosine_similarity(a[0, :, 1, 1], b[0, :, 0, 2], dim=0).item()
    assert loss.item() == pytest.approx(-cosine / 2, rel=1e-5)  # over both images, not the one
    loss.backward()
    assert a.grad is not None
    assert torch.isfinite(a.grad).all()
    assert not a.grad[1].any()
    assert consistency(a, b, torch.zeros_like(mask)).item() == 0.0


def test_propagation_ignores_lengths_and_pixels_that_differ() -> None:
    x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [3.0, 0.0]]).T.reshape(1, 2, 2, 2)
    value = torch.randn(1, 2, 2, 2, generator=torch.Generator().manual_seed(0))
    out = propagated(x, value, 2.0).flatten(2)[0]
    v = nn.functional.normalize(value, dim=1).flatten(2)[0]
    expected = torch.stack([v[:, 0] + v[:, 3], v[:, 1], v[:, 2], v[:, 0] + v[:, 3]], dim=1)
    torch.testing.assert_close(out, expected)
    torch.testing.assert_close(propagated(5.0 * x, 0.1 * value, 2.0).flatten(2)[0], expected)


def test_layers_have_norms_between_and_nowhere_else() -> None:
    kinds = [[type(part).__name__ for part in pixel_mlp(*[4] * (n + 1))] for n in range(3)]
    assert kinds == [[], ["Conv2d"], ["Conv2d", "BatchNorm2d", "ReLU", "Conv2d"]]


def test_gradients_reach_the_online_network_only(method: PixPro, views: TwoViews) -> None:
    method.loss(views, PROGRESS).backward()
    online = (method.encoder, method.projector, method.transform)
    trained = [p for part in online for p in part.parameters()]
    assert all(p.grad is not None for p in trained)
    (group,) = method.param_groups("pretraining")
    assert {id(p) for p in group["params"]} == {id(p) for p in trained}
    for p in method.target_encoder.parameters():
        p.requires_grad_()
    assert not method.target(views.a.images).requires_grad


@pytest.mark.parametrize(("step", "tau"), [(0, 0.8), (2, 0.9), (4, 1.0)])
def test_the_target_moves_ever_more_slowly(pool: Images, step: int, tau: float) -> None:
    method = build(PixPro, PixPro.Config(momentum=0.8), "tiny", 3, seed=0)
    assert isinstance(method, PixPro)
    pairs = ((method.encoder, method.target_encoder), (method.projector, method.target_projector))
    with torch.no_grad():
        for online, _ in pairs:
            for p in online.parameters():
                p.add_(1.0)
    old = [p.clone() for _, target in pairs for p in target.parameters()]
    method.after_step(Progress("pretraining", step, 5))
    new = [p for _, target in pairs for p in target.parameters()]
    torch.testing.assert_close(new, [p + (1.0 - tau) for p in old], rtol=1e-5, atol=1e-6)


def test_the_augmentations_are_byols() -> None:
    config = PixPro.Config()
    assert (config.view_a, config.view_b) == (BYOL_A, BYOL_B)
    assert config.view_a == replace(config.view_b, blur_probability=1.0)
