"""Batch normalisation of a batch in slices, by the statistics of the whole.

``torch.nn.SyncBatchNorm`` does the same on GPUs only. This one runs on any device, so that what is
tested is what runs; it takes ranks without images in bfloat16 too, and is a ``BatchNorm2d``.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, distributed, nn
from torch.nn import functional as F

from methods.parallel.gathering import ranks

Channels = Float[Tensor, " channels"]


def moments(
    maps: Float[Tensor, "slice channels height width"],
) -> tuple[Tensor, Channels, Channels]:
    """Number, mean and biased variance of each channel's values over all ranks' slices.

    Merged from every rank's own (Chan, Golub and LeVeque, 1979, eq. 2.1), which loses no digits
    as a difference of squares would.

    Raises:
        ValueError: If there is but one value, which has no variance, as in PyTorch's own.
    """
    wide = maps.float() if maps.dtype in (torch.bfloat16, torch.float16) else maps
    channels = maps.shape[1]
    mine = wide.new_zeros(2 * channels + 1)
    if maps.numel():
        variance, mean = torch.var_mean(wide, dim=(0, 2, 3), correction=0)
        mine = torch.cat([mean, variance, mine.new_full((1,), maps.numel() // channels)])
    parts = [torch.empty_like(mine) for _ in range(ranks())]
    distributed.all_gather(parts, mine)
    means, variances, counts = torch.stack(parts).split([channels, channels, 1], dim=1)
    total = counts.sum()
    # Asked only where it may be, because it makes a GPU wait.
    if maps.numel() <= channels and total < 2:
        raise ValueError("batch norm in training needs more than one value a channel")
    mean = (means * counts).sum(dim=0) / total
    squares = (variances + (means - mean).square()) * counts
    return total, mean, squares.sum(dim=0) / total


class Normalise(torch.autograd.Function):
    """Normalise a slice by statistics that depend on every slice."""

    @staticmethod
    def forward(ctx: Any, maps: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Any:  # noqa: ANN401
        """The normalised maps; then number, mean and variance, which carry no gradient."""
        total, mean, variance = moments(maps)
        ctx.save_for_backward(maps, weight, mean, (variance + eps).rsqrt(), total)
        ctx.mark_non_differentiable(total, mean, variance)
        return F.batch_norm(maps, mean, variance, weight, bias, eps=eps), total, mean, variance

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:  # noqa: ANN401
        """Of the maps by what all slices say, of weight and bias by what this one says.

        Ioffe and Szegedy, "Batch Normalization", ICML 2015, section 3. The parameters' parts are
        summed over ranks with all other gradients.
        """
        maps, weight, mean, scale, total = ctx.saved_tensors
        given = gradients[0].to(mean.dtype)
        unit = (maps.to(mean.dtype) - mean[:, None, None]) * scale[:, None, None]
        of_bias, of_weight = given.sum(dim=(0, 2, 3)), (given * unit).sum(dim=(0, 2, 3))
        sums = torch.stack([of_bias, of_weight])
        distributed.all_reduce(sums)
        shift, slope = (sums / total)[:, :, None, None]
        out = (given - shift - unit * slope) * (weight * scale)[:, None, None]
        return out.to(maps.dtype), of_weight.to(weight.dtype), of_bias.to(weight.dtype), None


class SplitNorm(nn.BatchNorm2d):
    """A batch norm that is given a slice of the batch."""

    whole = nn.BatchNorm2d

    def forward(self, maps: Tensor) -> Tensor:
        """Normalise; in training by the whole batch, whose statistics every rank records alike."""
        if not self.training:
            return super().forward(maps)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        out: Tensor
        out, total, mean, variance = Normalise.apply(maps, self.weight, self.bias, self.eps)
        with torch.no_grad():
            self.num_batches_tracked += 1
            share = (
                1.0 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            )
            self.running_mean.lerp_(mean, share)
            self.running_var.lerp_(variance * (total / (total - 1.0)), share)
        return out
