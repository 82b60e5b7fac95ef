"""Which cells of the training images' grids a classifier is fitted to."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64
from torch.nn import functional as F

#: Cells that are drawn, half of them foreground where there are as many: several times as many as
#: a "tiny" encoder has features; the search for neighbours takes time in proportion.
COUNT = 2000
#: Images that they are drawn from, at most: each has to pass the encoder.
IMAGES = 128
#: Share of a cell from which on it is foreground.
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Sample:
    """Cells of some images' grids, image by image.

    Attributes:
        image: Place of the image in its part.
        cell: Place of the cell in its grid, row by row.
        foreground: Whether it is to be found.
    """

    image: Int64[np.ndarray, " cells"]
    cell: Int64[np.ndarray, " cells"]
    foreground: Bool[np.ndarray, " cells"]

    def __len__(self) -> int:
        return len(self.image)


def cover(
    masks: Bool[np.ndarray, "images height width"], side: int
) -> Float32[np.ndarray, "images {side} {side}"]:
    """Share of each cell that is foreground."""
    planes = (torch.from_numpy(mask[None].astype(np.float32)) for mask in masks)
    return np.concatenate([F.adaptive_avg_pool2d(plane, side).numpy() for plane in planes])


def marked(shares: Float32[np.ndarray, "images side side"]) -> Bool[np.ndarray, "images side side"]:
    """Which cells are foreground: those that are so by half or more.

    In an image whose foreground fills no cell by half, e.g. a lesion of few pixels, those that it
    fills most are: no lesion is lost for being small.
    """
    most = shares.max(axis=(1, 2), keepdims=True)
    found: np.ndarray = (shares >= HALF) | ((shares == most) & (most > 0.0))
    return found


def drawn(
    foreground: Bool[np.ndarray, "images side side"], count: int, rng: np.random.Generator
) -> Sample:
    """Draw cells, stratified: foreground and background alike, each without replacement.

    Of more than ``IMAGES`` images, so many are drawn first. What one of the two lacks the other
    does not make up for. If there is no foreground at all, the sample has one class only.

    Args:
        foreground: Which cells of each image's grid are.
        count: How many to draw, at most.
        rng: Source of randomness.
    """
    several = np.sort(rng.permutation(len(foreground))[:IMAGES])
    flat = foreground[several].reshape(len(several), -1)
    images, cells, labels = list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    for kind in (True, False):
        present = (flat == kind).sum(axis=1)
        total = int(present.sum())
        ranks = np.sort(rng.choice(total, min(total, count // 2), replace=False))
        ends = np.cumsum(present)
        image = np.searchsorted(ends, ranks, side="right")
        within = ranks - (ends - present)[image]
        for one in np.unique(image):
            places = np.flatnonzero(flat[one] == kind)[within[image == one]]
            images.append(np.full(len(places), one, dtype=np.int64))
            cells.append(places.astype(np.int64))
            labels.append(np.full(len(places), kind))
    image, cell, label = (np.concatenate(parts) for parts in (images, cells, labels))
    order = np.lexsort((cell, image))
    return Sample(several[image[order]], cell[order], label[order])
