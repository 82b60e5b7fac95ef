"""Colour changes against torchvision, image by image."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torchvision.transforms import functional as tv

from methods.base import Draws
from methods.colour import blur_, brightness, contrast, grey, grey_, hue, jitter_, saturation

IMAGES = torch.rand(6, 3, 24, 24, generator=torch.Generator().manual_seed(0))
FACTORS = torch.tensor([0.2, 0.7, 1.0, 1.3, 1.8, 0.0])
TURNS = torch.tensor([-0.5, -0.2, 0.0, 0.1, 0.3, 0.5])


@pytest.mark.parametrize(
    ("ours", "theirs", "factors"),
    [
        (brightness, tv.adjust_brightness, FACTORS),
        (contrast, tv.adjust_contrast, FACTORS),
        (saturation, tv.adjust_saturation, FACTORS),
        (hue, tv.adjust_hue, TURNS),
    ],
)
def test_changes_equal_torchvisions(
    ours: Callable[..., Tensor], theirs: Callable[..., Tensor], factors: Tensor
) -> None:
    expected = torch.stack([theirs(i, float(f)) for i, f in zip(IMAGES, factors, strict=True)])
    assert torch.allclose(ours(IMAGES, factors), expected, atol=2e-5)


def test_grey_equals_torchvisions() -> None:
    assert torch.allclose(grey(IMAGES), tv.rgb_to_grayscale(IMAGES), atol=1e-6)


def test_blur_equals_torchvisions() -> None:
    draws = Draws(0, 0, torch.arange(6))
    out = blur_(IMAGES.clone(), draws, (0.5, 2.0), 1.0)
    widths = draws.uniform("blur", 0.5, 2.0)
    expected = torch.stack(
        [tv.gaussian_blur(i, [13, 13], [float(w)] * 2) for i, w in zip(IMAGES, widths, strict=True)]
    )
    assert torch.allclose(out, expected, atol=1e-5)


@pytest.mark.parametrize("change", [saturation, hue])
def test_grey_images_have_no_colour_to_change(change: Callable[..., Tensor]) -> None:
    one = IMAGES[:, :1]
    assert torch.equal(change(one, FACTORS), one)


def test_jitter_leaves_the_range_alone() -> None:
    draws = Draws(0, 0, torch.arange(6))
    out = jitter_(IMAGES.clone(), draws, (0.8, 0.8, 0.8, 0.2), 0.5)
    assert float(out.min()) >= 0.0
    assert float(out.max()) <= 1.0
    changed = (out != IMAGES).flatten(1).any(dim=1)
    assert torch.equal(changed, draws.chance("jitter", 0.5))


def test_a_share_turns_grey() -> None:
    draws = Draws(0, 0, torch.arange(6))
    out = grey_(IMAGES.clone(), draws, 0.5)
    flat = (out == out[:, :1]).flatten(1).all(dim=1)
    assert torch.equal(flat, draws.chance("grey", 0.5))
    assert 0 < int(flat.sum()) < 6
