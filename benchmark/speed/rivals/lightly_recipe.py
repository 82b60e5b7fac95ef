"""A: SimCLR and BYOL as lightly's README and examples have them, on the same encoder.

    python -m benchmark.speed.rivals.lightly_recipe simclr --size 64

https://docs.lightly.ai/self-supervised-learning/examples/simclr.html and .../byol.html, release
1.6: LightlyDataset on PNG files of 512 px, lightly's transform, a DataLoader with two workers, SGD
at 0.06, float32. Only the encoder, the heads' widths, the batch and the crop are ours. A sampler
that draws with replacement stands for a folder so large that no epoch ends while the clock runs.
"""

from collections.abc import Callable
from itertools import islice
from time import perf_counter
from typing import Any

import torch
from lightly.data import LightlyDataset
from lightly.loss import NegativeCosineSimilarity
from lightly.models.modules import BYOLPredictionHead, BYOLProjectionHead, SimCLRProjectionHead
from lightly.models.utils import update_momentum
from lightly.transforms import BYOLTransform, SimCLRTransform
from lightly.transforms.byol_transform import BYOLView1Transform, BYOLView2Transform
from torch import Tensor, nn
from torch.utils.data import DataLoader, RandomSampler

from benchmark.speed.measuring import seconds_a_step
from benchmark.speed.ours import initial
from benchmark.speed.work import WORKERS, Work
from methods.errors import ConfigError
from methods.momentum import momentum_copy
from methods.networks import pooled
from methods.simclr import nt_xent

#: The recipe's rate.
RATE = 0.06
#: Momentum of BYOL's target at the start of the recipe's schedule.
MOMENTUM = 0.996

Criterion = Callable[[Tensor, Tensor], Tensor]


class SimCLR(nn.Module):
    """The recipe's model: backbone and projection head."""

    def __init__(self, work: Work, criterion: Criterion | None = None) -> None:
        super().__init__()
        c = work.config
        self.backbone = initial()
        self.projection_head: nn.Module = SimCLRProjectionHead(
            self.backbone.channels[-1], c.dim_hidden, c.dim_out
        )
        self.criterion: Criterion = criterion or nt_xent("lightly", c.temperature)

    def forward(self, x: Tensor) -> Tensor:
        """Projections."""
        out: Tensor = self.projection_head(pooled(self.backbone(x)))
        return out

    def loss(self, x0: Tensor, x1: Tensor) -> Tensor:
        """The recipe's loss of two views."""
        return self.criterion(self(x0), self(x1))


class BYOL(nn.Module):
    """The recipe's model: backbone, heads, and their moving averages."""

    def __init__(self, work: Work, criterion: Criterion | None = None) -> None:
        super().__init__()
        c = work.config
        self.backbone = initial()
        dims = (c.dim_hidden, c.dim_out)
        self.projection_head: nn.Module = BYOLProjectionHead(self.backbone.channels[-1], *dims)
        self.prediction_head: nn.Module = BYOLPredictionHead(c.dim_out, *dims)
        self.backbone_momentum = momentum_copy(self.backbone)
        self.projection_head_momentum = momentum_copy(self.projection_head)
        self.criterion: Criterion = criterion or NegativeCosineSimilarity()

    def forward(self, x: Tensor) -> Tensor:
        """Predictions."""
        out: Tensor = self.prediction_head(self.projection_head(pooled(self.backbone(x))))
        return out

    def forward_momentum(self, x: Tensor) -> Tensor:
        """The moving average's projections."""
        z: Tensor = self.projection_head_momentum(pooled(self.backbone_momentum(x)))
        return z.detach()

    def loss(self, x0: Tensor, x1: Tensor) -> Tensor:
        """The recipe's step: move the averages, then the symmetrised loss."""
        update_momentum(self.backbone, self.backbone_momentum, m=MOMENTUM)
        update_momentum(self.projection_head, self.projection_head_momentum, m=MOMENTUM)
        p0, z0 = self(x0), self.forward_momentum(x0)
        p1, z1 = self(x1), self.forward_momentum(x1)
        return 0.5 * (self.criterion(p0, z1) + self.criterion(p1, z0))


def model(work: Work, criterion: Criterion | None = None) -> SimCLR | BYOL:
    """The recipe's model, with its own criterion or another.

    Raises:
        ConfigError: If the recipe is of neither method.
    """
    if work.what not in ("simclr", "byol"):
        raise ConfigError(f"the recipe is there for simclr and byol, not for {work.what!r}")
    return (SimCLR if work.what == "simclr" else BYOL)(work, criterion)


def transform(work: Work) -> Any:  # noqa: ANN401
    """The recipe's transform, at our crop."""
    if work.what == "simclr":
        return SimCLRTransform(input_size=work.crop)
    first, second = BYOLView1Transform(work.crop), BYOLView2Transform(work.crop)
    return BYOLTransform(first, second)


def loader(work: Work) -> DataLoader[Any]:
    """The recipe's loader."""
    dataset: Any = LightlyDataset(str(work.folder / "images"), transform=transform(work))
    sampler = RandomSampler(dataset, replacement=True, num_samples=work.loaded)
    return DataLoader(
        dataset, batch_size=work.batch, sampler=sampler, drop_last=True, num_workers=WORKERS
    )


def run(work: Work, network: SimCLR | BYOL) -> float:
    """Seconds a step of the recipe's loop."""
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE)
    ticks = []
    for batch in islice(loader(work), work.warm + work.steps):
        x0, x1 = batch[0]
        loss = network.loss(x0, x1)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
        ticks.append(perf_counter())
    return seconds_a_step(ticks, work.steps)


def block(work: Work) -> float:
    """Seconds a step."""
    return run(work, model(work))


if __name__ == "__main__":
    from benchmark.speed.alone import main

    main(block, __doc__)
