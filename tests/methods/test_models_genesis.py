"""What Models Genesis does to an image, how often, and the error that is charged."""

import math

import pytest
import torch
from torch import Tensor

from methods.base import Batch, Draws, Images, Progress
from methods.models_genesis import ModelsGenesis
from methods.pretrain import build
from methods.views import one_view

PROGRESS = Progress("pretraining", 0, 10)
CPU = torch.device("cpu")


def made(channels: int = 3, **settings: object) -> ModelsGenesis:
    config = ModelsGenesis.Config(**settings)  # type: ignore[arg-type]
    method = build(ModelsGenesis, config, "tiny", channels, seed=0)
    assert isinstance(method, ModelsGenesis)
    return method


def noise(count: int, side: int, channels: int = 1) -> tuple[Tensor, Draws]:
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(count, channels, side, side, generator=generator)
    return images, Draws(0, 0, torch.arange(count))


def share(rows: Tensor) -> float:
    return float(rows.float().mean())


def test_how_often_each_distortion_happens() -> None:
    """Rates of config.py: local 0.5, nonlinear 0.9, paint 0.9, outpaint 0.8 of those."""
    method, (images, draws) = made(1, blocks=60), noise(800, 32)
    shuffled = (method.shuffled(images, draws) != images).flatten(1).any(1)
    assert share(shuffled) == pytest.approx(0.5, abs=0.05)
    bent = method.bent(images, draws)
    changed = (bent != images).flatten(1).any(1)
    assert share(changed) == pytest.approx(0.9, abs=0.03)
    lowest, highest = (images.flatten(1).argmin(1), images.flatten(1).argmax(1))
    values = bent.flatten(1)
    falls = values.gather(1, lowest[:, None]) > values.gather(1, highest[:, None])
    assert share(falls) == pytest.approx(0.45, abs=0.05)
    lost = (method.painted(images, draws) != images).float().mean((1, 2, 3))
    assert share(lost > 0.0) == pytest.approx(0.9, abs=0.03)
    corner = (method.painted(images, draws) != images)[:, 0, 0, 0]
    assert share(corner) == pytest.approx(0.72, abs=0.05)  # only out-painting reaches it
    # The decisions are independent.
    assert share(shuffled & changed) == pytest.approx(0.45, abs=0.05)
    assert share(changed & corner) == pytest.approx(0.65, abs=0.05)


def test_out_painting_keeps_a_window_and_in_painting_leaves_the_rim() -> None:
    images, draws = noise(300, 64)
    images = images + 2.0  # whatever is below 2 is noise
    out = made(1, paint=1.0, outpaint=1.0).painted(images, draws) < 2.0
    inside = made(1, paint=1.0, outpaint=0.0).painted(images, draws) < 2.0
    for rim in (out[..., :3, :], out[..., -3:, :], out[..., :3], out[..., -3:]):
        assert bool(rim.all())
    for rim in (inside[..., :3, :], inside[..., -3:, :], inside[..., :3], inside[..., -3:]):
        assert not bool(rim.any())
    assert share(inside.flatten(1).any(1)) == pytest.approx(0.95, abs=0.03)
    # The published ranges: 64 - randint(27, 36), and randint(10, 21) for the one that is filled.
    only = made(1, paint=1.0, outpaint=1.0, another=0.0).painted(images, draws) >= 2.0
    lengths = {int(axis.sum()) for kept in only[:, 0] for axis in (kept.any(0), kept.any(1))}
    assert lengths == set(range(28, 38))
    filled = made(1, paint=1.0, outpaint=0.0, rectangles=1).painted(images, draws) < 2.0
    lengths = {int(axis.sum()) for lost in filled[:, 0] for axis in (lost.any(0), lost.any(1))}
    assert lengths - {0} == set(range(10, 22))


def test_noise_is_uniform_and_each_channel_has_its_own() -> None:
    images, draws = noise(40, 64, channels=3)
    painted = made(paint=1.0, outpaint=1.0).painted(images + 2.0, draws)
    values = painted[(painted < 2.0).all(1, keepdim=True).expand_as(painted)]
    counts = torch.histc(values, 10, 0.0, 1.0) / len(values)
    torch.testing.assert_close(counts, torch.full((10,), 0.1), atol=0.01, rtol=0.0)
    assert not bool((painted[:, 0, :3] == painted[:, 1, :3]).any())


@pytest.fixture
def batch(images: Images) -> Batch:
    return images.batch(torch.arange(6), CPU)


def test_views_apply_the_code_s_order_to_values_from_0_to_1(batch: Batch) -> None:
    method, draws = made(shuffle=1.0, block_side=0.3), Draws(0, 0, batch.index)
    views = method.views(batch, draws)
    assert torch.equal(views.whole, one_view(batch, draws, method.config.view, "whole").images)
    mean, std = (torch.tensor(v)[:, None, None] for v in (batch.mean, batch.std))
    whole, distorted = (x * std + mean for x in (views.whole, views.distorted))
    for values in (whole, distorted):
        assert float(values.min()) > -1e-5
        assert float(values.max()) < 1.0 + 1e-5

    def distance(*order: str) -> float:
        out = whole.clamp(0.0, 1.0)
        for name in order:
            out = getattr(method, name)(out, draws)
        return float((out - distorted).abs().max())

    assert distance("shuffled", "bent", "painted") < 1e-4
    for wrong in (("painted", "shuffled", "bent"), ("bent", "painted"), ("shuffled", "painted")):
        assert distance(*wrong) > 0.1


def test_distortions_depend_on_the_image_and_the_step_alone(images: Images) -> None:
    def views(*index: int, step: int = 0) -> Tensor:
        chosen = torch.tensor(index)
        return made().views(images.batch(chosen, CPU), Draws(0, step, chosen)).distorted

    both = views(3, 7)
    assert torch.equal(views(7), both[1:])
    assert not torch.equal(views(3, 7, step=1), both)


def test_a_step_is_the_squared_error_of_the_whole_image(batch: Batch) -> None:
    method = made(bend=0.0)  # so that some pixels are left as they are
    views = method.views(batch, Draws(0, 0, batch.index))

    def error(seen: Tensor, aim: Tensor, power: int = 2, where: Tensor | None = None) -> float:
        with torch.no_grad():
            restored = method.decoder(method.encoder(seen), ("image",))["image"]
        used = torch.ones_like(aim) if where is None else where.expand_as(aim)
        rows = zip(restored.flatten(), aim.flatten(), used.flatten(), strict=True)
        errors = [abs(a.item() - b.item()) ** power for a, b, count in rows if count]
        return math.fsum(errors) / len(errors)

    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(error(views.distorted, views.whole), rel=1e-5)
    changed = views.distorted != views.whole
    for wrong in (
        error(views.whole, views.whole),  # nothing distorted
        error(views.distorted, views.distorted),  # nothing restored
        error(views.distorted, views.whole, power=1),
        error(views.distorted, views.whole, where=changed),  # the distorted part only
    ):
        assert loss != pytest.approx(wrong, rel=1e-3)
