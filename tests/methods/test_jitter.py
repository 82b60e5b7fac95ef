"""Colours at their limits, and what an image draws: which changes, how strong and how often."""

from collections.abc import Callable

import pytest
import torch
from scipy import stats
from torch import Tensor
from torchvision.transforms import functional as TF

from methods import colour
from methods.augmentation import BYOL_A
from methods.colour import blur_, brightness, contrast, grey, grey_, hue, jitter_, saturation
from methods.draws import Draws
from methods.views import coloured

MANY = 600

Change = Callable[[Tensor, Tensor], Tensor]
Reference = Callable[[Tensor, float], Tensor]

CHANGES: dict[str, tuple[Change, Reference, tuple[float, float]]] = {
    "brightness": (brightness, TF.adjust_brightness, (0.0, 2.0)),
    "contrast": (contrast, TF.adjust_contrast, (0.0, 2.0)),
    "saturation": (saturation, TF.adjust_saturation, (0.0, 2.0)),
    "hue": (hue, TF.adjust_hue, (-0.5, 0.5)),
}


@pytest.fixture
def pictures() -> Tensor:
    """Colour images with noise, and every limit case of the hue: greys, black, white, ties."""
    out = torch.rand(8, 3, 9, 9, generator=torch.Generator().manual_seed(0))
    out[1] = out[1, :1]  # grey
    out[2], out[3] = 0.0, 1.0
    out[4, 1] = out[4, 0]  # red equals green, and so on
    out[5, 2] = out[5, 1]
    out[6, 2] = out[6, 0]
    out[7] = out[7].round()  # corners of the colour cube
    return out


def draws_of(count: int, seed: int = 0) -> Draws:
    return Draws(seed, 0, torch.arange(count))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", CHANGES)
def test_limit_cases_are_torchvisions(pictures: Tensor, name: str, channels: int) -> None:
    change, reference, (low, high) = CHANGES[name]
    images = pictures[:, :channels]
    for shift in range(4):
        factor = torch.linspace(low, high, len(images)).roll(3 * shift)
        out = change(images, factor)
        for n, image in enumerate(images):
            expected = reference(image, float(factor[n]))
            torch.testing.assert_close(out[n], expected, rtol=1e-4, atol=2e-5)
        assert float(out.min()) >= 0.0
        assert float(out.max()) <= 1.0


@pytest.mark.parametrize("name", CHANGES)
def test_neutral_factors_change_nothing(pictures: Tensor, name: str) -> None:
    change = CHANGES[name][0]
    neutral = torch.zeros(8) if name == "hue" else torch.ones(8)
    torch.testing.assert_close(change(pictures, neutral), pictures, rtol=1e-5, atol=1e-6)


def test_grey_of_limit_cases_is_torchvisions(pictures: Tensor) -> None:
    expected = torch.stack([TF.rgb_to_grayscale(image) for image in pictures])
    torch.testing.assert_close(grey(pictures), expected, rtol=1e-5, atol=1e-6)
    assert torch.equal(grey(pictures[:, :1]), pictures[:, :1])


def test_a_third_of_a_turn_moves_the_channels(pictures: Tensor) -> None:
    out = hue(pictures, torch.full((8,), 1 / 3))
    torch.testing.assert_close(out, pictures[:, [2, 0, 1]], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 3])
def test_jitter_is_torchvisions_in_its_own_order(
    channels: int, pictures: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Replay with torchvision what was called; every order occurs, and in each image its own."""
    calls: list[tuple[str, float]] = []

    def recording(change: Change) -> Change:
        def recorded(images: Tensor, factor: Tensor) -> Tensor:
            calls.append((change.__name__, float(factor)))
            return change(images, factor)

        recorded.__name__ = change.__name__
        return recorded

    monkeypatch.setattr(colour, "CHANGES", tuple(recording(c) for c in colour.CHANGES))
    orders = set()
    for n in range(240):
        calls.clear()
        image = pictures[:1, :channels]
        out = jitter_(image.clone(), Draws(0, 0, torch.tensor([n])), (0.4, 0.4, 0.4, 0.1), 1.0)
        expected = image[0]
        for name, factor in calls:
            expected = CHANGES[name][1](expected, factor)
        torch.testing.assert_close(out[0], expected, rtol=1e-3, atol=1e-4)
        orders.add(tuple(name for name, _ in calls))
    assert len(orders) == 24
    assert all(sorted(order) == sorted(CHANGES) for order in orders)


@pytest.mark.parametrize(
    ("strength", "low", "high"), [(0.4, 0.6, 1.4), (0.8, 0.2, 1.8), (1.5, 0.0, 2.5)]
)
@pytest.mark.parametrize("name", ["brightness", "contrast", "saturation"])
def test_jitter_factors(name: str, strength: float, low: float, high: float) -> None:
    """The factor of a change is what it does to a faint deviation."""
    base = torch.full((MANY, 3, 2, 2), 0.2)
    if name == "contrast":
        base[..., 0] += 0.01
    elif name == "saturation":
        base[:, 0] += 0.01
    before = base if name == "brightness" else base - base.flatten(2).mean(2)[:, :, None, None]
    if name == "saturation":
        before = base - grey(base)
    strengths = tuple(strength if name == other else 0.0 for other in CHANGES)
    out = jitter_(base.clone(), draws_of(MANY), strengths, 1.0)  # type: ignore[arg-type]
    after = out if name == "brightness" else out - out.flatten(2).mean(2)[:, :, None, None]
    if name == "saturation":
        after = out - grey(out)
    factors = (after[:, 0, 0, 0] / before[:, 0, 0, 0]).double()
    assert float(factors.min()) >= low - 1e-3
    assert float(factors.max()) <= high + 1e-3
    assert stats.kstest(factors.numpy(), stats.uniform(low, high - low).cdf).pvalue > 1e-4


def test_jitter_shifts_the_hue_both_ways() -> None:
    red = torch.zeros(MANY, 3, 1, 1)
    red[:, 0] = 1.0
    out = jitter_(red.clone(), draws_of(MANY), (0.0, 0.0, 0.0, 0.1), 1.0)[:, :, 0, 0].double()
    # Around red, green rises with a positive shift and blue with a negative one, by 6 a turn.
    shift = (out[:, 1] - out[:, 2]) / 6.0
    assert stats.kstest(shift.numpy(), stats.uniform(-0.1, 0.2).cdf).pvalue > 1e-4


def test_jitter_factors_are_independent_of_each_other() -> None:
    """Brightness and contrast read off one picture: mean and spread."""
    base = torch.full((MANY, 1, 2, 2), 0.2)
    base[..., 0] += 0.02
    out = jitter_(base.clone(), draws_of(MANY), (0.4, 0.4, 0.0, 0.0), 1.0)
    bright = out.flatten(1).mean(1) / base.flatten(1).mean(1)
    spread = (out[..., 0] - out[..., 1]).flatten(1).mean(1) / 0.02
    assert abs(stats.pearsonr(bright, spread / bright).statistic) < 4.0 / MANY**0.5


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("kind", ["jitter", "grey", "blur"])
def test_only_a_share_of_the_images_changes(kind: str, share: float) -> None:
    images = torch.rand(MANY, 3, 6, 6, generator=torch.Generator().manual_seed(1))
    draws = draws_of(MANY)
    if kind == "jitter":
        out = jitter_(images.clone(), draws, (0.4, 0.4, 0.4, 0.1), share)
    elif kind == "grey":
        out = grey_(images.clone(), draws, share)
    else:
        out = blur_(images.clone(), draws, (0.5, 1.0), share)
    changed = (out != images).flatten(1).any(1)
    if share in (0.0, 1.0):
        assert int(changed.sum()) == share * MANY
    else:
        assert stats.binomtest(int(changed.sum()), MANY, share).pvalue > 1e-4
    if kind == "grey":
        luma = grey(images).expand_as(images)
        assert torch.equal(out[changed], luma[changed])


@pytest.mark.parametrize("channels", [1, 3])
def test_no_strength_changes_nothing(pictures: Tensor, channels: int) -> None:
    images = pictures[:, :channels]
    assert torch.equal(jitter_(images.clone(), draws_of(8), (0.0, 0.0, 0.0, 0.0), 1.0), images)


def test_one_channel_images_stay_under_colour_only_changes(pictures: Tensor) -> None:
    images = pictures[:, :1]
    assert torch.equal(jitter_(images.clone(), draws_of(8), (0.0, 0.0, 0.9, 0.5), 1.0), images)
    assert torch.equal(grey_(images.clone(), draws_of(8), 1.0), images)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("sigma", [0.3, 0.7, 1.1])
def test_blur_reaches_three_standard_deviations(channels: int, sigma: float) -> None:
    images = torch.rand(3, channels, 15, 15, generator=torch.Generator().manual_seed(2))
    size = 2 * int(3.0 * sigma + 0.5) + 1  # three standard deviations each way
    out = blur_(images.clone(), draws_of(3), (sigma, sigma), 1.0)
    for n, image in enumerate(images):
        expected = TF.gaussian_blur(image, [size, size], [sigma, sigma])
        torch.testing.assert_close(out[n], expected, rtol=1e-4, atol=1e-5)


def test_blur_widths_cover_their_range() -> None:
    """A point's spread gives each image's width back."""
    point = torch.zeros(MANY, 1, 21, 21)
    point[..., 10, 10] = 1.0
    out = blur_(point.clone(), draws_of(MANY), (0.8, 1.6), 1.0).double()
    offsets = torch.arange(-10, 11).double()
    torch.testing.assert_close(out.sum((1, 2, 3)), torch.ones(MANY).double(), rtol=1e-5, atol=1e-5)
    widths = (out[:, 0].sum(1) * offsets**2).sum(1).sqrt()
    # Cut at 3 x 1.6 px, the widest lose a little.
    assert 0.79 < float(widths.min()) < 0.82
    assert 1.55 < float(widths.max()) < 1.61
    assert float(widths.mean()) == pytest.approx(1.2, abs=0.04)


def test_inputs_are_left_alone(pictures: Tensor) -> None:
    before = pictures.clone()
    for name, (change, _, (_, high)) in CHANGES.items():
        assert change(pictures, torch.full((8,), high)) is not pictures, name
    assert not torch.equal(coloured(pictures, draws_of(8), BYOL_A), before)
    assert torch.equal(pictures, before)
