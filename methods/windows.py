"""Bell-shaped windows: sums over an image that weigh what is near a place most.

LD's center-sensitive variant (Chen et al., "Unsupervised Local Discrimination for Medical Images",
TPAMI 2023, https://arxiv.org/abs/2108.09440, section on landmarks) asks for a bell-shaped weight;
that it is a Gaussian is our choice. A Gaussian is separable, so that two small matrices do it.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def cell_centres(cells: int) -> Float[Tensor, " cells"]:
    """Middles of equal stretches of a line, as fractions of its length."""
    return (torch.arange(cells, dtype=torch.float64) + 0.5) / cells


def bell(
    centres: Float[Tensor, " cells"], pixels: int, width: float
) -> Float[Tensor, "cells pixels"]:
    """Weights of a line's pixels around each centre: a Gaussian, normalised on the line.

    Args:
        centres: Fractions of the line's length; a pixel's place is its middle.
        pixels: Of the line.
        width: Standard deviation as a fraction of the line's length, positive.

    Raises:
        ValueError: If the width is not positive.
    """
    if not width > 0.0:
        raise ValueError(f"the window's width must be positive, not {width:g}")
    places = cell_centres(pixels).to(centres)
    away = (places[None, :] - centres[:, None]) / width
    # As a softmax, so that a window narrower than a pixel still holds the nearest one.
    return torch.softmax(-0.5 * away.square(), dim=1)


def weighted(
    maps: Float[Tensor, "images dim height width"],
    rows: Float[Tensor, "cells_y height"],
    columns: Float[Tensor, "cells_x width"],
) -> Float[Tensor, "images dim cells_y cells_x"]:
    """Separable weighted sums of maps: W_y v W_x^T, exact."""
    out: Tensor = rows.to(maps) @ (maps @ columns.to(maps).T)
    return out
