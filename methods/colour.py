"""Colour changes on batches of images in [0, 1], each image with its own strength.

Names that end in an underscore change their images in place, as PyTorch's do.

The formulas are torchvision's (``adjust_brightness`` and its siblings), applied to a whole batch
at once; the tests compare them with torchvision image by image.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn import functional as F

from methods.draws import Draws

Pixels = Float[Tensor, "batch channels height width"]
Factors = Float[Tensor, " batch"]

CPU = torch.device("cpu")

#: ITU-R BT.601 luma weights, to the digits that torchvision uses.
LUMA = (0.2989, 0.587, 0.114)


def grey(images: Pixels) -> Float[Tensor, "batch 1 height width"]:
    """Luma of colour images; grey images stay as they are."""
    if images.shape[1] == 1:
        return images
    # Channel by channel: a product of all of them and its sum take several times as long.
    red, green, blue = images.unbind(dim=1)
    luma = (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])
    return luma[:, None]


def blended(images: Pixels, other: Tensor, factor: Factors) -> Pixels:
    """``factor * images + (1 - factor) * other``, clamped to [0, 1]."""
    return torch.lerp(other, images, factor[:, None, None, None]).clamp_(0.0, 1.0)


def brightness(images: Pixels, factor: Factors) -> Pixels:
    """Scale every value."""
    return (factor[:, None, None, None] * images).clamp_(0.0, 1.0)


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
    red, green, blue = images.unbind(dim=1)
    # Over three channels, a reduction takes longer than these.
    top = torch.maximum(torch.maximum(red, green), blue)
    low = torch.minimum(torch.minimum(red, green), blue)
    spread = top - low
    angle = torch.where(
        red == top,
        green - blue,
        torch.where(
            green == top,
            (blue - red).add_(spread, alpha=2.0),
            (red - green).add_(spread, alpha=4.0),
        ),
    )
    angle = angle.div_(spread.clamp_min(1e-12)).div_(6.0).add_(turn[:, None, None])
    angle -= angle.floor()
    # HSV back to RGB: each channel is a trapezium of the hue (Smith, SIGGRAPH 1978), lowest around
    # hours 2 and 8 of a dial of six hours.
    lowest = images.new_tensor([0.0, -2.0, -4.0])[None, :, None, None]
    dip = lowest + angle.mul_(6.0)[:, None]
    dip = torch.rsub(dip.abs_().sub_(3.0).abs_(), 2.0).clamp_(0.0, 1.0)
    return torch.addcmul(top[:, None], spread[:, None], dip, value=-1.0)


CHANGES = (brightness, contrast, saturation, hue)
#: In the place of a change, for images that are left as they are.
NEVER = len(CHANGES)


def jitter_(
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
    host = draws.on(CPU)
    order = host.permutations("jitter order", len(CHANGES))
    order[~host.chance("jitter", probability)] = NEVER
    centres = (1.0, 1.0, 1.0, 0.0)
    factors = [
        draws.uniform(
            f"jitter {change.__name__}", max(centre - s, 0.0) if centre else -s, centre + s
        )
        for change, s, centre in zip(CHANGES, strengths, centres, strict=True)
    ]
    for place in order.unbind(dim=1):
        for number, change in enumerate(CHANGES):
            rows = chosen(place == number, images.device)
            if len(rows) and strengths[number] > 0.0:
                changed = change(images.index_select(0, rows), factors[number][rows])
                images.index_copy_(0, rows, changed)
    return images


def chosen(told: Bool[Tensor, " batch"], device: torch.device) -> Int[Tensor, " rows"]:
    """Which rows are told, for a device that need not wait to know how many: told on the CPU."""
    return told.nonzero()[:, 0].to(device)


def grey_(images: Pixels, draws: Draws, probability: float) -> Pixels:
    """Replace a share of the images by their luma."""
    rows = chosen(draws.on(CPU).chance("grey", probability), images.device)
    if not len(rows):
        return images
    some = images.index_select(0, rows)
    return images.index_copy_(0, rows, grey(some).expand_as(some))


def blur_(images: Pixels, draws: Draws, sigma: tuple[float, float], probability: float) -> Pixels:
    """Gaussian blur of a share of the images.

    Args:
        images: Values in [0, 1].
        draws: Source of randomness.
        sigma: Range of the standard deviation in pixels.
        probability: Share of the images that are blurred.
    """
    rows = chosen(draws.on(CPU).chance("blurred", probability), images.device)
    if not len(rows):
        return images
    width = draws.uniform("blur", *sigma)[rows].clamp_min(1e-3)
    reach = int(3.0 * sigma[1] + 0.5)
    offsets = torch.arange(-reach, reach + 1, device=images.device, dtype=images.dtype)
    kernel = torch.softmax(-(offsets**2) / (2.0 * width[:, None] ** 2), dim=1)
    channels = images.shape[1]
    kernel = kernel.repeat_interleave(channels, dim=0)[:, None, None, :]
    flat = images[rows].reshape(1, len(rows) * channels, *images.shape[2:])
    padded = F.pad(flat, (reach, reach, reach, reach), mode="reflect")
    smooth = F.conv2d(padded, kernel, groups=len(kernel))
    smooth = F.conv2d(smooth, kernel.transpose(2, 3), groups=len(kernel))
    return images.index_copy_(0, rows, smooth.reshape(len(rows), *images.shape[1:]))
