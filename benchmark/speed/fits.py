"""How a cost grows: an exponent, and a fixed part next to it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Power(NamedTuple):
    """cost = c * size ** exponent, fitted to logarithms; the standard error is the exponent's."""

    exponent: float
    error: float


class Line(NamedTuple):
    """cost = fixed + each * size."""

    fixed: float
    each: float


def power(sizes: Sequence[int | float], costs: Sequence[int | float]) -> Power:
    """Least squares of log cost on log size.

    Raises:
        ValueError: If there are fewer than three points, sizes do not differ, or a number is not
            positive.
    """
    check(sizes, costs)
    x, y = np.log(sizes), np.log(costs)
    x = x - x.mean()
    slope = float(x @ y / (x @ x))
    rest = y - y.mean() - slope * x
    return Power(slope, float(np.sqrt(rest @ rest / (len(x) - 2) / (x @ x))))


def line(sizes: Sequence[int | float], costs: Sequence[int | float]) -> Line:
    """Least squares of the relative error, so that small sizes count as much as large ones.

    Raises:
        ValueError: As ``power`` does.
    """
    check(sizes, costs)
    y = np.asarray(costs, float)
    terms = np.stack([1.0 / y, np.asarray(sizes, float) / y], axis=1)
    fixed, each = np.linalg.lstsq(terms, np.ones(len(y)), rcond=None)[0]
    return Line(float(fixed), float(each))


def check(sizes: Sequence[int | float], costs: Sequence[int | float]) -> None:
    """Refuse points that no exponent can be fitted to."""
    if len(sizes) != len(costs) or len(sizes) < 3:
        raise ValueError(f"{len(sizes)} sizes and {len(costs)} costs: give three of each or more")
    if min(*sizes, *costs) <= 0:
        raise ValueError(f"sizes and costs must be positive, not {list(sizes)} and {list(costs)}")
    if len(set(sizes)) < 2:
        raise ValueError(f"sizes do not differ: {list(sizes)}")
