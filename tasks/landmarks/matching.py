"""Where in an image a point of another one is found again, by dense vectors under a window.

Chen et al., "Unsupervised Local Discrimination for Medical Images", TPAMI 2023,
https://arxiv.org/abs/2108.09440, center-sensitive one-shot landmark localisation:
q(x) = l2(sum_u W_c(u) v(x + u)), prediction = argmax_x q(x) . s_t. That W_c is a Gaussian and how
wide it is are our choices; at the border it is normalised over what there is of the image.
"""

import numpy as np
import torch
from jaxtyping import Float, Float32, Float64
from torch import Tensor

from methods.windows import bell, cell_centres, weighted

#: Rows of an image whose vectors are in memory at once.
STRIP = 32
#: Keeps quotients finite, as LD's own l2 does.
EPS_NORM = 1e-10

Vectors = Float[Tensor, "dim height width"]
Points = Float64[np.ndarray, "points 2"]


def unit(vectors: Tensor, dim: int) -> Tensor:
    """Vectors of length 1 along ``dim``; a zero vector stays zero."""
    norm: Tensor = torch.linalg.vector_norm(vectors, dim=dim, keepdim=True)
    return vectors / (norm + EPS_NORM)


def support_vector(
    vectors: Vectors, point: Float64[np.ndarray, "2"], window: float
) -> Float[Tensor, " dim"]:
    """s_t: the weighted sum around a support image's landmark, of length 1.

    Args:
        vectors: v of the support image, on any grid.
        point: The landmark (x, y) as fractions of width and height.
        window: Standard deviation as a fraction of the side.
    """
    x, y = (torch.tensor([part], dtype=torch.float64).to(vectors) for part in point.tolist())
    height, width = vectors.shape[1:]
    summed = weighted(vectors[None], bell(y, height, window), bell(x, width, window))
    return unit(summed[0, :, 0, 0], 0)


def similarity(
    vectors: Vectors, supports: Float[Tensor, "supports dim"], window: float, size: int
) -> Float32[np.ndarray, "supports {size} {size}"]:
    """q(x) . s at every pixel x, for each support.

    Args:
        vectors: v of the image, on a grid that need not be that of its pixels.
        supports: s_t of each support.
        window: Standard deviation as a fraction of the side.
        size: Pixels a side at which q is wanted.
    """
    height, width = vectors.shape[1:]
    centres = cell_centres(size).to(vectors)
    down, across = bell(centres, height, window), bell(centres, width, window)
    wide = vectors @ across.T
    out = np.empty((len(supports), size, size), dtype=np.float32)
    for first in range(0, size, STRIP):
        summed = torch.einsum("yh,dhx->dyx", down[first : first + STRIP], wide)
        found = torch.einsum("kd,dyx->kyx", supports, unit(summed, 0))
        out[:, first : first + STRIP] = found.float().cpu().numpy()
    return out


def highest(maps: Float[np.ndarray, "maps height width"]) -> Points:
    """The middle (x, y) of each map's highest pixel, as fractions; the first of equals."""
    _, height, width = maps.shape
    rows, columns = np.divmod(maps.reshape(len(maps), -1).argmax(axis=1), width)
    return np.stack([(columns + 0.5) / width, (rows + 0.5) / height], axis=1)


def distances(found: Points, truth: Float64[np.ndarray, "2"]) -> Float64[np.ndarray, " points"]:
    """How far points lie from the true one, as fractions of the square image's width."""
    away: Float64[np.ndarray, " points"] = np.linalg.norm(found - truth, axis=1)
    return away
