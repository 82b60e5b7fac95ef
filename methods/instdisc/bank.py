"""The memory bank and the loss of instance discrimination.

Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance Discrimination", CVPR 2018,
https://arxiv.org/abs/1805.01978.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.base import Scalar


class MemoryBank(nn.Module):
    """A unit vector for every image of the pool (section 3.2), and the first batch's Z.

    Both are buffers, so that training can be resumed.
    """

    rows: Float[Tensor, "pool dim"]
    z: Scalar

    def __init__(self, pool: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("rows", F.normalize(torch.randn(pool, dim), dim=1))
        self.register_buffer("z", torch.zeros(()))  # 0 until the first batch has estimated it

    def __len__(self) -> int:
        return len(self.rows)

    def known_z(self, estimate: Scalar) -> Scalar:
        """The first batch's Z, or while there is none the given one."""
        return torch.where(self.z > 0.0, self.z, estimate)

    def settle(self, estimate: Scalar) -> None:
        """Keep the first estimate of Z for good."""
        self.z.copy_(self.known_z(estimate))

    @torch.no_grad()
    def move(
        self, index: Int[Tensor, " batch"], vectors: Float[Tensor, "batch dim"], momentum: float
    ) -> None:
        """Move rows towards new vectors and back onto the sphere.

        One by one: a batch across the end of an epoch may hold an image twice.
        """
        for row, vector in zip(index.tolist(), vectors, strict=True):
            mixed = momentum * self.rows[row] + (1.0 - momentum) * vector
            self.rows[row] = F.normalize(mixed, dim=0)


def estimated_z(noise: Float[Tensor, "batch negatives"], pool: int) -> Scalar:
    """Eq. 8: n times the mean of exp(similarity / temperature) over the negatives."""
    return pool * noise.detach().exp().mean()


def nce(
    positive: Float[Tensor, " batch"],
    noise: Float[Tensor, "batch negatives"],
    z: Scalar,
    pool: int,
) -> Scalar:
    """Eq. 7: -log h(i, v) - sum over the m negatives of log(1 - h), averaged over the batch.

    h = P / (P + m P_n), where P = exp(similarity / temperature) / Z and P_n = 1 / n (Eqs. 4, 6).

    Args:
        positive: Similarity to the image's own row, divided by the temperature.
        noise: Similarities to the m negatives, divided by the temperature.
        z: The constant Z, positive.
        pool: n, the number of images that the noise is drawn from.
    """
    level = z.log() + math.log(noise.shape[1] / pool)
    return -(F.logsigmoid(positive - level) + F.logsigmoid(level - noise).sum(dim=1)).mean()
