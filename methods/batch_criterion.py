"""The batch criterion: find your other view, and be found by nobody else.

Ye et al., "Unsupervised Embedding Learning via Invariant and Spreading Instance Feature", CVPR
2019, https://arxiv.org/abs/1904.03436, section 3.1, as in the published code: every vector of both
views is an anchor, and none is compared with itself. Applied to images by ``methods.invaspread``,
to patches by ``methods.ld``.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from methods.base import Scalar

#: The reference's numerics, not tunables: they only keep logarithms and quotients finite.
EPS_SUM = 1e-10
#: Largest probability inside log(1 - P): one float32 step below 1.
LARGEST = 1.0 - 2.0**-24


def batch_criterion(x: Float[Tensor, "rows dim"], temperature: float) -> Scalar:
    """Ye et al.'s batch criterion: find your other view, and be found by nobody else.

    -(1/N) sum_i [log P(i+|i) + sum_{j not in {i, i+}} log(1 - P(j|i))], where gradients do not
    pass through the vectors that an anchor is compared with.

    Args:
        x: Unit vectors; row i and row i + N/2 are the two views of one thing.
        temperature: Divisor of the cosine similarities, positive.

    Returns:
        The loss in nats.

    Raises:
        ValueError: If the number of rows is odd or the temperature not positive.
    """
    count = len(x)
    if count % 2 or temperature <= 0.0:
        raise ValueError(
            f"needs an even number of rows, not {count}, and a positive temperature, "
            f"not {temperature}"
        )
    similarity = x @ x.detach().T / temperature
    itself = torch.eye(count, dtype=torch.bool, device=x.device)
    total = similarity.masked_fill(itself, -math.inf).logsumexp(dim=1, keepdim=True)
    log_p = similarity - torch.logaddexp(total, total.new_tensor(math.log(EPS_SUM)))
    positive = itself.roll(count // 2, dims=1)
    others = torch.log1p(-log_p.exp().clamp(max=LARGEST)).masked_fill(itself | positive, 0.0)
    return -(log_p[positive].sum() + others.sum()) / count
