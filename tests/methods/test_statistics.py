"""Batch-norm statistics are those of the whole pool, whatever its batches."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from methods import statistics
from methods.images import Images
from methods.networks import Encoder
from methods.statistics import calibration_images, recalibrate

CPU = torch.device("cpu")


def norms(encoder: Encoder) -> list[nn.BatchNorm2d]:
    return [part for part in encoder.modules() if isinstance(part, nn.BatchNorm2d)]


def statistics_of(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    return norm.running_mean, norm.running_var


def first_layer(encoder: Encoder, images: Images, rows: Tensor) -> Tensor:
    """What the first norm is given by the images at ``rows``."""
    batch = images.batch(rows, CPU)
    maps: Tensor = encoder.blocks[0][0][0](batch.normalised(batch.images))  # type: ignore[index]
    return maps


def unequal(count: int) -> Images:
    """A pool whose images grow brighter, the last one white."""
    pixels = np.random.default_rng(0).integers(0, 30, (count, 3, 16, 16))
    pixels += np.arange(count)[:, None, None, None] * 100 // count
    pixels[-1] = 255
    return Images(pixels.astype(np.uint8), (0.5,) * 3, (0.5,) * 3)


@pytest.mark.parametrize("count", [16, 17, 31, 33])
def test_unequal_batches_of_unlike_images_give_the_pools_moments(count: int) -> None:
    images, encoder = unequal(count), Encoder("tiny", 3)
    assert recalibrate(encoder, images, CPU) == count
    mean, variance = statistics_of(norms(encoder)[0])
    maps = first_layer(encoder, images, torch.arange(count)).double()
    torch.testing.assert_close(mean, maps.mean(dim=(0, 2, 3)).float(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(variance, maps.var(dim=(0, 2, 3)).float(), rtol=1e-4, atol=1e-6)


def test_every_layer_is_calibrated_on_what_comes_in(make_images: Callable[..., Images]) -> None:
    """One batch, so that what comes in is known for the deep layers too."""
    images = make_images(count=20, held_out=4)  # the held-out ones must not count
    encoder = Encoder("tiny", 3)
    recalibrate(encoder, images, CPU)
    kept = [(mean.clone(), var.clone()) for mean, var in map(statistics_of, norms(encoder))]
    incoming: list[Tensor] = []
    for norm in norms(encoder):
        norm.register_forward_pre_hook(lambda _, inputs: incoming.append(inputs[0].detach()))
    batch = images.batch(torch.arange(16), CPU)
    encoder.train()(batch.normalised(batch.images))
    for (mean, variance), maps in zip(kept, incoming, strict=True):
        torch.testing.assert_close(mean, maps.mean(dim=(0, 2, 3)), rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(variance, maps.var(dim=(0, 2, 3)), rtol=1e-3, atol=1e-4)


def test_large_pools_are_calibrated_on_a_part_from_end_to_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(statistics, "CALIBRATION_IMAGES", 20)
    images, encoder = unequal(50), Encoder("tiny", 3)
    assert recalibrate(encoder, images, CPU) == 20
    rows = calibration_images(50)
    assert len(set(rows.tolist())) == 20
    assert int(rows.min()) == 0
    assert int(rows.max()) >= 47
    expected = first_layer(encoder, images, rows).mean(dim=(0, 2, 3))
    torch.testing.assert_close(statistics_of(norms(encoder)[0])[0], expected, rtol=1e-4, atol=1e-5)


def test_earlier_statistics_leave_no_trace(make_images: Callable[..., Images]) -> None:
    images = make_images(count=20, held_out=2)
    torch.manual_seed(0)
    encoder, other = Encoder("tiny", 3), Encoder("tiny", 3)
    other.load_state_dict(encoder.state_dict())
    for norm in norms(other):
        statistics_of(norm)[0].fill_(100.0)
    recalibrate(encoder, images, CPU)
    recalibrate(other, images, CPU)
    for key, value in encoder.state_dict().items():
        assert torch.equal(value, other.state_dict()[key])
    assert all(norm.momentum == 0.1 for norm in norms(encoder))
    assert not any(norm._forward_pre_hooks for norm in norms(encoder))
    assert not encoder.training
