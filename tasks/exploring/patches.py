"""Patches of a square grid over an image: which are asked about, and which are nearest to them.

A patch is called by its place on the grid, row by row from the top left, from 0 on.
"""

import numpy as np
import torch
from jaxtyping import Bool, Float, Float32, Int, UInt8
from sklearn.cluster import KMeans
from torch import Tensor
from torch.nn.functional import normalize

from tasks.preparation import DARK
from tasks.probing.features import on_grid

#: A patch shows something if at least this share of its pixels is brighter than the dark around a
#: field of view.
SEEN = 0.5
#: One start of k-means: the best of many would be the same patches whatever the seed.
STARTS = 1


def patch_vectors(
    maps: Float[Tensor, "images dim height width"], grid: int
) -> Float32[Tensor, "images {grid}*{grid} dim"]:
    """The unit vector of the mean of each patch's pixels; of LD's pixel vectors this is its z.

    Args:
        maps: A vector a pixel, square; maps coarser than the grid are interpolated bilinearly.
        grid: Patches a side.
    """
    return normalize(on_grid(maps.float(), grid).flatten(2).transpose(1, 2), dim=2)


def standardised(
    columns: Float[np.ndarray, "images patches channels"], weights: Float[np.ndarray, " channels"]
) -> Float32[np.ndarray, "images patches channels"]:
    """Unit vectors of standardised features.

    Features after a ReLU all point into one corner, where every cosine is close to 1: each channel
    is therefore brought to mean 0 and deviation 1 over all patches of all images.

    Args:
        columns: Each patch's features.
        weights: Of the channels, once these are standardised.

    Returns:
        A channel that does not vary counts for nothing; a patch without any other is zero.
    """
    flat = columns.reshape(-1, columns.shape[-1]).astype(np.float64)
    deviation = flat.std(axis=0)
    varied = deviation > np.finfo(np.float32).eps * np.abs(flat).max(axis=0, initial=0.0)
    scaled = (columns - flat.mean(axis=0)) * (weights * varied / np.where(varied, deviation, 1.0))
    return normalize(torch.from_numpy(scaled), dim=2).float().numpy()


def shows(
    image: UInt8[np.ndarray, "channels side side"], grid: int
) -> Bool[np.ndarray, " {grid}*{grid}"]:
    """Which patches are no dark corners; all of them if the whole image is dark."""
    bright = torch.from_numpy(image.max(axis=0) > DARK).float()[None, None]
    seen: np.ndarray = (on_grid(bright, grid).flatten() >= SEEN).numpy()
    return seen if seen.any() else np.ones_like(seen)


def spread_out(allowed: Bool[np.ndarray, " patches"], count: int, seed: int) -> list[int]:
    """Patches that lie apart: those next to the centres that k-means finds among the places.

    Args:
        allowed: Which patches may be chosen, of a square grid.
        count: How many; all that are allowed, if these are fewer.
        seed: Of the first centres.

    Returns:
        In the grid's order, none twice.
    """
    grid = round(len(allowed) ** 0.5)
    patches = np.flatnonzero(allowed)
    if len(patches) <= count:
        return [int(patch) for patch in patches]
    places = np.stack(np.divmod(patches, grid), axis=1).astype(np.float64)
    found = KMeans(count, n_init=STARTS, random_state=seed).fit(places)
    chosen = list[int]()
    for centre in found.cluster_centers_:
        distances = np.square(places - centre).sum(axis=1)
        distances[chosen] = np.inf
        chosen.append(int(distances.argmin()))
    return sorted(int(patches[place]) for place in chosen)


def patch_at(x: float, y: float, grid: int) -> int:
    """The patch at a place given as shares of width and height, both in [0, 1]."""
    column, row = (min(int(share * grid), grid - 1) for share in (x, y))
    return row * grid + column


def centre(patch: int, grid: int) -> tuple[float, float]:
    """A patch's middle as shares (x, y) of width and height."""
    row, column = divmod(patch, grid)
    return (column + 0.5) / grid, (row + 0.5) / grid


def apart(patch: int, grid: int) -> Bool[np.ndarray, " {grid}*{grid}"]:
    """Which patches neither are this one nor touch it, not even at a corner."""
    rows, columns = np.divmod(np.arange(grid * grid), grid)
    row, column = divmod(patch, grid)
    away: np.ndarray = np.maximum(np.abs(rows - row), np.abs(columns - column)) > 1
    return away


def nearest(
    similarities: Float[np.ndarray, "queries images patches"],
) -> tuple[Int[np.ndarray, "queries images"], Float[np.ndarray, "queries images"]]:
    """The most similar patch of every image for every query; the first of several.

    Args:
        similarities: Cosines; minus infinity where a patch does not count.

    Returns:
        The patches, and their similarities.
    """
    found: np.ndarray = similarities.argmax(axis=2)
    return found, np.take_along_axis(similarities, found[:, :, None], axis=2)[:, :, 0]
