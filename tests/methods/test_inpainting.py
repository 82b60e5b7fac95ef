"""In-painting's holes, what the network sees of an image, and the error it is charged with."""

import math

import pytest
import torch
from torch import Tensor

from methods.base import Batch, Draws, Images, Progress
from methods.inpainting import Holed, Inpainting
from methods.pretrain import build

PROGRESS = Progress("pretraining", 0, 10)
SIDE, VIEW = 64, 48


def made(**settings: float) -> Inpainting:
    method = build(Inpainting, Inpainting.Config(**settings), "tiny", 1, seed=0)  # type: ignore[arg-type]
    assert isinstance(method, Inpainting)
    return method


def holed(method: Inpainting, *index: int, step: int = 0) -> Holed:
    images = torch.rand(100, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    chosen = torch.tensor(index)
    return method.views(Batch(images[chosen], chosen, (0.5,), (0.25,)), Draws(0, step, chosen))


def test_one_hole_is_one_square_inside_the_image() -> None:
    side = round(VIEW / 6)
    corners = set()
    for missing in holed(made(holes=1), *range(60)).missing[:, 0]:
        rows, columns = missing.any(1).nonzero()[:, 0], missing.any(0).nonzero()[:, 0]
        assert len(rows) == len(columns) == side == rows[-1] - rows[0] + 1
        assert float(missing.sum()) == side * side
        corners.add((int(rows[0]), int(columns[0])))
    assert len(corners) > 50
    for places in zip(*corners, strict=True):
        assert min(places) < 0.2 * VIEW  # spread over the whole image
        assert max(places) > 0.6 * VIEW


def test_holes_cover_a_fifth_of_the_image() -> None:
    missing = holed(made(), *range(100)).missing
    assert missing.shape == (100, 1, VIEW, VIEW)
    assert set(missing.unique().tolist()) == {0.0, 1.0}
    shares, most = missing.mean((1, 2, 3)), 8 * 8 * 8 / VIEW**2
    assert float(shares.max()) <= most + 1e-6  # 22 %, less where squares overlap
    assert 0.6 * most < float(shares.mean()) < most
    assert float(holed(made(hole_side=0.5), *range(20)).missing.mean()) > 0.5


def test_holes_depend_on_the_image_and_the_step_alone() -> None:
    method = made()
    whole = holed(method, 3, 7, 11, 2).missing
    assert len({tuple(hole.flatten().tolist()) for hole in whole}) == 4
    assert torch.equal(holed(method, 11, 3).missing, whole[[2, 0]])
    assert not torch.equal(holed(method, 3, 7, 11, 2, step=1).missing, whole)


def loss_by_loops(restored: Tensor, views: Holed) -> float:
    whole, missing = views.whole.double().tolist(), views.missing.tolist()
    errors = [
        (whole[n][0][y][x] - float(restored[n, 0, y, x])) ** 2
        for n in range(len(whole))
        for y in range(VIEW)
        for x in range(VIEW)
        if missing[n][0][y][x] == 1.0
    ]
    return math.fsum(errors) / len(errors)


def test_a_step_restores_what_is_missing_from_the_rest() -> None:
    method = made().eval()
    views = holed(method, 1, 2)
    # The paper fills holes with the mean, which is zero after normalisation.
    seen = torch.where(views.missing.bool(), 0.0, views.whole)
    with torch.no_grad():
        restored = method.decoder(method.encoder(seen), ("image",))["image"]
        loss = method.loss(views, PROGRESS).item()
    assert restored.shape == views.whole.shape
    assert loss == pytest.approx(loss_by_loops(restored, views), rel=1e-5)
    everywhere = Holed(views.whole, torch.ones_like(views.missing))
    with torch.no_grad():
        peeked = method.decoder(method.encoder(views.whole), ("image",))["image"]
    for wrong in (
        loss_by_loops(restored, Holed(views.whole, 1.0 - views.missing)),  # what was seen
        loss_by_loops(restored, everywhere),  # the whole image
        loss_by_loops(peeked, views),  # the holes' content shown
        float((views.missing * (restored - views.whole) ** 2).mean()),  # over the whole area
    ):
        assert loss != pytest.approx(wrong, rel=1e-3)


def test_hidden_content_changes_the_aim_but_not_the_restoration() -> None:
    method = made().eval()
    views = holed(method, 1, 2)
    other = Holed(views.whole + 3.0 * views.missing, views.missing)
    outputs: list[Tensor] = []
    method.decoder.register_forward_hook(lambda *got: outputs.append(got[2]["image"].detach()))
    losses = [method.loss(each, PROGRESS).item() for each in (views, other)]
    assert torch.equal(outputs[0], outputs[1])
    assert losses[0] != losses[1]


def test_gradients_come_from_missing_pixels_only() -> None:
    method = made()
    views = holed(method, 1, 2)
    outputs: list[Tensor] = []

    def keep(*got: object) -> None:
        out = got[2]["image"]  # type: ignore[index]
        out.retain_grad()
        outputs.append(out)

    method.decoder.register_forward_hook(keep)
    method.loss(views, PROGRESS).backward()
    gradient = outputs[0].grad
    assert gradient is not None
    assert not bool(gradient[views.missing == 0.0].any())
    assert bool((gradient[views.missing == 1.0] != 0.0).all())


def test_colour_images_lose_all_channels_of_a_hole(images: Images) -> None:
    method = build(Inpainting, Inpainting.Config(), "tiny", 3, seed=0)
    assert isinstance(method, Inpainting)
    index = torch.arange(3)
    views = method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))
    got: list[Tensor] = []
    method.encoder.register_forward_pre_hook(lambda _, inputs: got.append(inputs[0]))
    method.loss(views, PROGRESS)
    hidden = views.missing.bool().expand_as(views.whole)
    assert not bool(got[0][hidden].any())
    assert torch.equal(got[0][~hidden], views.whole[~hidden])
