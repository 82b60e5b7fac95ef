"""Crop, resize, binarise: from a data set's files to arrays of one size.

Everything is first brought to 512 x 512 px as the reference does; smaller sizes are derived from
that by area averaging, so that a threshold always belongs to 512 px.
"""

import numpy as np
from jaxtyping import Bool, Float, UInt8

from tasks.reading import Mask, Pixels

#: Bumped when prepared arrays change; part of every cache key and data manifest.
VERSION = 2
#: Side at which thresholds apply, in pixels.
SIDE = 512
#: A pixel belongs to the field of view if any channel exceeds this grey level.
DARK = 20
#: Pixels kept around the field of view.
MARGIN = 16
#: Area share above which a pixel of a smaller mask is foreground.
SMALLER = 0.3
#: Room for the sums' rounding, so that exactly 0.3 is not above 0.3.
ROUNDING = 1e-9

Box = tuple[int, int, int, int]


def field_of_view(image: Pixels) -> Box | None:
    """Bounding box (top, bottom, left, right) of the field of view with its margin.

    The largest 8-connected component of pixels brighter than 20 in any channel, plus 16 px,
    clipped to the image; None if there is no such pixel.
    """
    from scipy import ndimage  # noqa: PLC0415  (half a second that listing tasks does not need)

    labels, count = ndimage.label(image.max(axis=2) > DARK, structure=np.ones((3, 3), dtype=int))
    if count == 0:
        return None
    largest = int(np.bincount(labels.ravel())[1:].argmax()) + 1
    rows, columns = ndimage.find_objects(labels, max_label=largest)[largest - 1]
    height, width = image.shape[:2]
    return (
        max(rows.start - MARGIN, 0),
        min(rows.stop + MARGIN, height),
        max(columns.start - MARGIN, 0),
        min(columns.stop + MARGIN, width),
    )


def cropped(pixels: np.ndarray, box: Box | None) -> np.ndarray:
    """The part of an image or mask inside the box; all of it without a box."""
    if box is None:
        return pixels
    top, bottom, left, right = box
    return pixels[top:bottom, left:right]


def resized(pixels: Pixels, side: int = SIDE) -> UInt8[np.ndarray, "side side channels"]:
    """Bilinear without anti-aliasing, as OpenCV's INTER_LINEAR, rounded to grey levels."""
    import torch  # noqa: PLC0415  (seconds to import; listing tasks must not pay them)
    from torch.nn import functional as F  # noqa: PLC0415

    tensor = torch.tensor(pixels).permute(2, 0, 1)[None].float()
    out = F.interpolate(tensor, size=(side, side), mode="bilinear", align_corners=False)
    array: np.ndarray = out[0].round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0).numpy()
    return array


def binarised(mask: Mask, threshold: float) -> Bool[np.ndarray, "side side"]:
    """A mask's grey levels at 512 px, foreground where above ``threshold`` x 255."""
    return resized(mask[:, :, None])[:, :, 0] > threshold * 255.0


def overlaps(large: int, small: int) -> Float[np.ndarray, "small large"]:
    """Which share of each of ``small`` equal stretches each of ``large`` equal ones covers."""
    step = large / small
    ends = np.arange(small + 1)[:, None] * step
    low, high = (
        np.maximum(ends[:-1], np.arange(large)),
        np.minimum(ends[1:], np.arange(1, large + 1)),
    )
    shares: np.ndarray = np.clip(high - low, 0.0, None) / step
    return shares


def area_average(pixels: np.ndarray, side: int) -> Float[np.ndarray, "side side channels"]:
    """The mean of each of side x side equal areas, parts of pixels counted as parts."""
    shares = overlaps(pixels.shape[0], side)
    means: np.ndarray = np.einsum("yh,hwc,xw->yxc", shares, pixels, shares, optimize=True)
    return means


def smaller_image(pixels: Pixels, side: int) -> UInt8[np.ndarray, "side side channels"]:
    """A smaller image by averaging areas, rounded to grey levels."""
    if pixels.shape[0] == side:
        return pixels
    return area_average(pixels, side).round().astype(np.uint8)


def smaller_planes(
    planes: UInt8[np.ndarray, "channels height width"], side: int
) -> UInt8[np.ndarray, "channels side side"]:
    """The same, channels first."""
    return smaller_image(planes.transpose(1, 2, 0), side).transpose(2, 0, 1)


def smaller_mask(
    mask: Bool[np.ndarray, "height width"], side: int
) -> Bool[np.ndarray, "side side"]:
    """A smaller mask: foreground where more than 0.3 of the area was."""
    if mask.shape[0] == side:
        return mask
    return area_average(mask[:, :, None].astype(float), side)[:, :, 0] > SMALLER + ROUNDING
