"""Whether an encoder still tells images apart."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from methods.base import Images, Method
from methods.networks import pooled
from methods.spread import Spread

#: Held-out images looked at, so that a rank has room to fall.
LOOKED_AT = 32


def spread(vectors: Float[Tensor, "images dim"]) -> Spread:
    """How far vectors lie apart; of one image, not at all."""
    unit = torch.nn.functional.normalize(vectors.double(), dim=1)
    centred = unit - unit.mean(dim=0)
    deviation = centred.square().mean(dim=0).sqrt().mean() * unit.shape[1] ** 0.5
    values = torch.linalg.svdvals(centred)
    total = values.sum()
    if total <= 0.0:
        return Spread(0.0, 0.0)
    return Spread(float(deviation), float(torch.special.entr(values / total).sum().exp()))


@torch.no_grad()
def looked_at(method: Method[Any], images: Images, device: torch.device) -> dict[str, float]:
    """Spreads of held-out images, as they are: of the method's vectors and of pooled features."""
    batch = images.batch(len(images) + torch.arange(passed(images)), device)
    inputs = batch.normalised(batch.images)
    own, features = spread(method.vectors(inputs)), spread(pooled(method.encoder(inputs)))
    return {
        "deviation": own.deviation,
        "rank": own.rank,
        "feature deviation": features.deviation,
        "feature rank": features.rank,
    }


def passed(images: Images) -> int:
    """How many images a look passes."""
    return min(images.held_out, LOOKED_AT)
