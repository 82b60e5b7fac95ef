"""Permutations that lie far apart, and tiles cut out of images."""

from functools import cache
from itertools import permutations
from math import factorial

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from methods.base import derive_seed
from methods.errors import ConfigError
from methods.geometry import Placement, matrices, sample

#: Grids whose permutations can be listed: nine tiles have 362,880, sixteen 2e13.
GRIDS = (2, 3)
#: A channel that differs from the first by less than half a grey level makes no colour.
HALF_LEVEL = 0.5 / 255


@cache
def farthest(grid: int, count: int) -> np.ndarray:
    """Algorithm 1: take, one by one, the permutation farthest from those taken.

    Farthest by the sum of Hamming distances. The candidates' order is random but always the same;
    it decides the first permutation, as in the paper, and between equals.

    Args:
        grid: Tiles a side.
        count: Permutations wanted.

    Returns:
        Orders of the tiles, shape (count, grid * grid).
    """
    candidates = np.array(list(permutations(range(grid * grid))), dtype=np.uint8)
    rng = np.random.default_rng(derive_seed("jigsaw", "permutations", grid))
    columns = np.ascontiguousarray(rng.permutation(candidates).T)
    distances = np.zeros(columns.shape[1], dtype=np.int64)
    taken = [0]
    while len(taken) < count:
        for column in columns:
            distances += column != column[taken[-1]]
        distances[taken[-1]] = np.iinfo(np.int64).min // 2
        taken.append(int(distances.argmax()))
    return columns[:, taken].T.astype(np.int64)


def permutation_set(grid: int, count: int) -> Int[Tensor, "count tiles"]:
    """``count`` orders of the tiles of a grid, far apart.

    Raises:
        ConfigError: If the grid is too large or has fewer permutations.
    """
    if grid not in GRIDS:
        raise ConfigError(f"the grid must have 2 or 3 tiles a side, not {grid}")
    if not 2 <= count <= factorial(grid * grid):
        raise ConfigError(
            f"{grid * grid} tiles have {factorial(grid * grid)} permutations, of which at least 2 "
            f"are needed: {count} is out of range"
        )
    return torch.from_numpy(farthest(grid, count).copy())


def cell_centres(cells: Int[Tensor, "batch tiles"], grid: int) -> Float[Tensor, "batch tiles 2"]:
    """Centres (x, y) of a grid's cells, numbered by rows, in a window from -1 to 1."""
    places = torch.stack([cells % grid, cells // grid], dim=-1)
    return (2.0 * places + 1.0) / grid - 1.0


def cut(
    images: Float[Tensor, "batch channels height width"],
    window: Placement,
    centres: Float[Tensor, "batch tiles channels 2"],
    half: float,
    size: int,
) -> Float[Tensor, "batch tiles channels size size"]:
    """Sample square tiles, each channel from a place of its own.

    Args:
        images: Source images.
        window: Where the window lies in its source image.
        centres: Of each tile's channels in the window, (x, y) from -1 to 1.
        half: Half of a tile's side, with half of the window's as the unit.
        size: Of a tile in pixels.
    """
    count, channels = images.shape[:2]
    flat = images.reshape(count * channels, 1, *images.shape[2:])
    windows = window.repeat_interleave(channels, dim=0)
    tiles = []
    for centre in centres.unbind(dim=1):
        x, y = centre.reshape(-1, 2).unbind(dim=1)
        scale, zero = torch.full_like(x, half), torch.zeros_like(x)
        place = matrices([[scale, zero, x], [zero, scale, y]])
        tiles.append(sample(flat, windows @ place, size, "bilinear", "border"))
    return torch.stack(tiles, dim=1).reshape(count, channels, -1, size, size).transpose(1, 2)


def hued(images: Float[Tensor, "batch channels height width"]) -> Bool[Tensor, " batch"]:
    """Which images have colours."""
    return ((images - images[:, :1]).abs() > HALF_LEVEL).flatten(1).any(dim=1)


def standardised(
    tiles: Float[Tensor, "batch tiles channels side side"], flat: float
) -> Float[Tensor, "batch tiles channels side side"]:
    """Each tile's channels with mean 0 and, unless flatter than ``flat``, deviation 1."""
    std, mean = torch.std_mean(tiles, dim=(-2, -1), correction=0, keepdim=True)
    return (tiles - mean) / std.clamp_min(flat)
