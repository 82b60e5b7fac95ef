"""The distortions of Models Genesis, on batches of images in [0, 1]."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from methods.draws import Draws

Pixels = Float[Tensor, "batch channels side side"]
Boxes = Int[Tensor, "batch boxes 2"]

#: Random bits below the number of a block, in the 64 that pixels are sorted by.
KEY_BITS = np.uint64(40)


def bezier(
    images: Pixels,
    controls: Float[Tensor, "batch 2 2"],
    falling: Bool[Tensor, " batch"],
    points: int,
) -> Pixels:
    """Send every value along a cubic Bezier curve from (0, 0) to (1, 1).

    With control points in the unit square both coordinates rise along the curve, so that it is a
    monotone function. A falling curve pairs the same x with y in reverse, as in the published code.

    Args:
        images: Values in [0, 1].
        controls: The two inner control points (x, y) of each image's curve.
        falling: Whose curves go from (0, 1) to (1, 0).
        points: Of the curve, and of a table of evenly spaced values that it is read into, because
            a search along the curve for every pixel takes as long as all else.
    """
    t = torch.linspace(0.0, 1.0, points, dtype=torch.float64)
    weights = torch.stack([3.0 * (1.0 - t) ** 2 * t, 3.0 * (1.0 - t) * t**2], dim=1)
    curve = weights @ controls.cpu().double() + (t**3)[:, None]
    # Sorted against rounding, where the curve stands still.
    x, y = curve.sort(dim=1).values.unbind(dim=-1)
    y = torch.where(falling.cpu()[:, None], y.flip(1), y)
    curves = zip(x.numpy(), y.numpy(), strict=True)
    table = torch.from_numpy(np.stack([np.interp(t.numpy(), *curve) for curve in curves]))
    table = table.to(images)
    level = images.flatten(1) * (points - 1)
    below = level.long().clamp(0, points - 2)
    low, high = table.gather(1, below), table.gather(1, below + 1)
    return (low + (level - below) * (high - low)).clamp(0.0, 1.0).reshape(images.shape)


def shuffled(
    images: Pixels, draws: Draws, rows: Bool[Tensor, " batch"], blocks: int, largest: int
) -> Pixels:
    """Shuffle the pixels inside each of many blocks of an image; channels stay together.

    Args:
        images: Any values.
        draws: Source of randomness.
        rows: Which images are shuffled.
        blocks: Blocks an image.
        largest: Side of a block in pixels; sides are uniform from 1.
    """
    side = images.shape[-1]
    out = images.flatten(2).clone()
    for row in rows.nonzero()[:, 0].tolist():
        own = draws.part(slice(row, row + 1)).named("shuffle")
        sizes = 1 + own.integers("size", largest, (blocks, 2))[0]
        corners = placed_within(own.uniform("corner", shape=(blocks, 2))[0], side - sizes)
        keys = own.bits("order", int(sizes.prod(dim=1).sum()))[0]
        places = shuffled_places(side, corners.cpu().numpy(), sizes.cpu().numpy(), keys)
        out[row] = out[row][:, torch.from_numpy(places).to(out.device)]
    return out.reshape(images.shape)


def shuffled_places(
    side: int, corners: np.ndarray, sizes: np.ndarray, keys: np.ndarray
) -> np.ndarray:
    """Where each pixel of an image takes its value from.

    All blocks read the original image. Where blocks overlap, the last one writes.

    Args:
        side: Of the image in pixels.
        corners: Rows and columns of the blocks' first pixels, shape (blocks, 2).
        sizes: Heights and widths of the blocks, shape (blocks, 2).
        keys: Random 64-bit integers, one for each pixel of each block.

    Returns:
        Indices into the flattened image, shape (side * side,).
    """
    area = sizes.prod(axis=1)
    block = np.repeat(np.arange(len(area)), area)
    rank = np.arange(len(block)) - np.repeat(area.cumsum() - area, area)
    row, column = corners[block].T + np.stack(np.divmod(rank, sizes[block, 1]))
    pixels = row * side + column
    places = np.arange(side * side)
    order = np.argsort((block.astype(np.uint64) << KEY_BITS) | (keys >> (np.uint64(64) - KEY_BITS)))
    # Assignment to a repeated index leaves the last value.
    places[pixels] = pixels[order]
    return places


def placed_within(
    unit: Float[Tensor, "*shape"], room: Int[Tensor, "*shape"]
) -> Int[Tensor, "*shape"]:
    """Whole numbers from 0 to ``room``, uniform if ``unit`` is in [0, 1)."""
    return torch.minimum((unit * (room + 1)).long(), room)


def rectangles(
    draws: Draws, side: int, sides: tuple[int, int], count: int, margin: int
) -> tuple[Boxes, Boxes]:
    """Random rectangles inside an image.

    Args:
        draws: Source of randomness.
        side: Of the image in pixels.
        sides: Range of the rectangles' sides in pixels, both ends included.
        count: Rectangles an image.
        margin: Least distance from the border in pixels.

    Returns:
        Corners (row, column) and sizes (height, width).
    """
    low, high = sides
    sizes = low + draws.integers("size", high - low + 1, (count, 2))
    room = side - sizes - 2 * margin
    return margin + placed_within(draws.uniform("corner", shape=(count, 2)), room), sizes


def covered(
    corners: Boxes, sizes: Boxes, used: Bool[Tensor, "batch boxes"], side: int
) -> Bool[Tensor, "batch 1 side side"]:
    """Which pixels lie in one of the rectangles in use."""
    line = torch.arange(side, device=corners.device)
    ahead = line - corners[..., None]
    inside = (ahead >= 0) & (ahead < sizes[..., None])
    both = inside[:, :, 0, :, None] & inside[:, :, 1, None, :] & used[:, :, None, None]
    return both.any(dim=1, keepdim=True)
