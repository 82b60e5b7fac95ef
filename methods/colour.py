"""Colour changes on batches of images in [0, 1], each image with its own strength.

The formulas are torchvision's (``adjust_brightness`` and its siblings), applied to a whole batch
at once; the tests compare them with torchvision image by image.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from methods.draws import Draws

Pixels = Float[Tensor, "batch channels height width"]
Factors = Float[Tensor, " batch"]

#: ITU-R BT.601 luma weights, to the digits that torchvision uses.
LUMA = (0.2989, 0.587, 0.114)


def grey(images: Pixels) -> Float[Tensor, "batch 1 height width"]:
    """Luma of colour images; grey images stay as they are."""
    if images.shape[1] == 1:
        return images
    return (images * images.new_tensor(LUMA)[:, None, None]).sum(dim=1, keepdim=True)


def blended(images: Pixels, other: Tensor, factor: Factors) -> Pixels:
    """``factor * images + (1 - factor) * other``, clamped to [0, 1]."""
    weight = factor[:, None, None, None]
    return (weight * images + (1.0 - weight) * other).clamp(0.0, 1.0)


def brightness(images: Pixels, factor: Factors) -> Pixels:
    """Scale every value."""
    return blended(images, torch.zeros_like(images), factor)


def contrast(images: Pixels, factor: Factors) -> Pixels:
    """Scale the distance to the image's mean grey level."""
    return blended(images, grey(images).mean(dim=(1, 2, 3), keepdim=True), factor)


def saturation(images: Pixels, factor: Factors) -> Pixels:
    """Scale the distance to the grey image; grey images stay as they are."""
    return images if images.shape[1] == 1 else blended(images, grey(images), factor)


def hue(images: Pixels, turn: Factors) -> Pixels:
    """Shift the hue by a share of the colour circle, in [-0.5, 0.5]; grey images stay."""
    if images.shape[1] == 1:
        return images
    top, low = images.amax(dim=1), images.amin(dim=1)
    spread = (top - low).clamp_min(1e-12)
    red, green, blue = ((top[:, None] - images) / spread[:, None]).unbind(dim=1)
    angle = torch.where(
        images[:, 0] == top,
        blue - green,
        torch.where(images[:, 1] == top, 2.0 + red - blue, 4.0 + green - red),
    )
    angle = (angle / 6.0 + turn[:, None, None]) % 1.0
    # HSV back to RGB: each channel is a trapezium of the hue (Smith, SIGGRAPH 1978).
    offsets = images.new_tensor([5.0, 3.0, 1.0])[None, :, None, None]
    k = (offsets + 6.0 * angle[:, None]) % 6.0
    dip = torch.minimum(k, 4.0 - k).clamp(0.0, 1.0)
    return top[:, None] - (top - low)[:, None] * dip


CHANGES = (brightness, contrast, saturation, hue)


def jittered(
    images: Pixels, draws: Draws, strengths: tuple[float, float, float, float], probability: float
) -> Pixels:
    """Brightness, contrast, saturation and hue in a random order, each image its own.

    Args:
        images: Values in [0, 1].
        draws: Source of randomness.
        strengths: Half-widths of the factors of brightness, contrast and saturation around 1, and
            the largest hue shift, in [0, 0.5].
        probability: Share of the images that are changed at all.
    """
    order = draws.permutations("jitter order", len(CHANGES))
    changed = draws.chance("jitter", probability)
    centres = (1.0, 1.0, 1.0, 0.0)
    factors = [
        draws.uniform(
            f"jitter {change.__name__}", max(centre - s, 0.0) if centre else -s, centre + s
        )
        for change, s, centre in zip(CHANGES, strengths, centres, strict=True)
    ]
    out = images.clone()
    for place in range(len(CHANGES)):
        for number, change in enumerate(CHANGES):
            rows = ((order[:, place] == number) & changed).nonzero()[:, 0]
            if len(rows) and strengths[number] > 0.0:
                out[rows] = change(out[rows], factors[number][rows])
    return out


def greyed(images: Pixels, draws: Draws, probability: float) -> Pixels:
    """Replace a share of the images by their luma."""
    rows = draws.chance("grey", probability)[:, None, None, None]
    return torch.where(rows, grey(images).expand_as(images), images)


def blurred(images: Pixels, draws: Draws, sigma: tuple[float, float], probability: float) -> Pixels:
    """Gaussian blur of a share of the images.

    Args:
        images: Values in [0, 1].
        draws: Source of randomness.
        sigma: Range of the standard deviation in pixels.
        probability: Share of the images that are blurred.
    """
    width = draws.uniform("blur", *sigma).clamp_min(1e-3)
    reach = int(3.0 * sigma[1] + 0.5)
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = torch.softmax(-(offsets**2) / (2.0 * width[:, None] ** 2), dim=1)
    count, channels = images.shape[:2]
    kernel = kernel.repeat_interleave(channels, dim=0)[:, None, None, :]
    flat = images.reshape(1, count * channels, *images.shape[2:])
    padded = F.pad(flat, (reach, reach, reach, reach), mode="reflect")
    smooth = F.conv2d(padded, kernel, groups=count * channels)
    smooth = F.conv2d(smooth, kernel.transpose(2, 3), groups=count * channels)
    rows = draws.chance("blurred", probability)[:, None, None, None]
    return torch.where(rows, smooth.reshape(images.shape), images)
