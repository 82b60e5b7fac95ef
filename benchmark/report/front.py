"""Which methods no other one beats at a lower or equal cost."""

import numpy as np
from jaxtyping import Bool, Float


def front(
    costs: Float[np.ndarray, " n"],
    values: Float[np.ndarray, "*draws n"],
    *,
    larger_is_better: bool,
) -> Bool[np.ndarray, "*draws n"]:
    """The Pareto front: nobody is as cheap and as good, and cheaper or better.

    Args:
        costs: Smaller is better; finite.
        values: Of each method, once or in every draw; finite.
        larger_is_better: Direction of the values.
    """
    signed = values if larger_is_better else -values
    other, own = signed[..., None, :], signed[..., :, None]
    cheap = costs[None, :] <= costs[:, None]
    cheaper = costs[None, :] < costs[:, None]
    beaten = (cheap & (other >= own)) & (cheaper | (other > own))
    return np.asarray(~beaten.any(axis=-1))
