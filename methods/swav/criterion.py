"""SwAV's loss in two libraries."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from lightly.loss import SwaVLoss
from torch import Tensor

from methods.backends import Backend, known_backend, solo
from methods.base import Scalar

#: Scores of the two large crops, of the small ones, and of each large crop's queue.
Criterion = Callable[
    [
        Float[Tensor, "2 batch prototypes"],
        Float[Tensor, "small batch prototypes"],
        Float[Tensor, "2 queue prototypes"],
    ],
    Scalar,
]


def swapped_prediction(
    backend: Backend, temperature: float, iterations: int, epsilon: float
) -> Criterion:
    """Eq. 6 over the number of its terms: the mean cross entropy of predictions and codes.

    The criterion takes cosine similarities to the prototypes. Those of the queue take part in the
    equal partition (Eq. 4) but not in the loss.

    Args:
        backend: Whose codes and cross entropy; they agree.
        temperature: Of the predictions, positive.
        iterations: Of Sinkhorn and Knopp's algorithm.
        epsilon: Smoothness of the codes, positive.
    """
    if known_backend(backend) == "lightly":
        loss = SwaVLoss(temperature, iterations, epsilon)
        return lambda large, small, queue: loss(list(large), list(small), list(queue)).squeeze()
    codes_of = solo("utils.sinkhorn_knopp:SinkhornKnopp")(iterations, epsilon)
    mean = solo("losses.swav:swav_loss_func")

    def criterion(large: Tensor, small: Tensor, queue: Tensor) -> Tensor:
        batch = large.shape[1]
        codes = [codes_of(torch.cat(pair))[:batch] for pair in zip(large, queue, strict=True)]
        # solo-learn takes a code of every crop; zeros add nothing to its sum, only to its count.
        codes += [torch.zeros_like(crop) for crop in small]
        counted: Tensor = mean([*large, *small], codes, temperature)
        return counted * (len(codes) / len(large))

    return criterion
