"""How an encoder spreads images, as three numbers that no label decides."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import normalize, pdist

from methods.augmentation import SHARED
from methods.base import Batch, Draws, derive_seed
from methods.collapse import spread
from methods.networks import pooled
from methods.views import two_views
from tasks.labelled import Labelled, TrainingData
from tasks.probing.features import Frozen

#: Images looked at, at most: more than the vectors of any encoder here have room to be spread by.
IMAGES = 128
#: Images whose views are made together.
BATCH = 32
#: The exponent of alignment and the scale of uniformity (Wang and Isola, section 4.1).
ALPHA, SCALE = 2.0, 2.0


def alignment(
    one: Float[Tensor, "images dim"], other: Float[Tensor, "images dim"]
) -> Float[Tensor, ""]:
    """Mean squared distance between unit vectors of two views of the same images.

    Wang and Isola, "Understanding Contrastive Representation Learning through Alignment and
    Uniformity on the Hypersphere", ICML 2020, https://arxiv.org/abs/2005.10242, Eq. for L_align.

    Args:
        one: Unit vectors of the first views, a row an image.
        other: Of the second views, in the same order.

    Returns:
        In [0, 4]; 0 where both views of every image agree. Lower is better.
    """
    distances: Tensor = (one - other).norm(dim=1)
    return distances.pow(ALPHA).mean()


def uniformity(vectors: Float[Tensor, "images dim"]) -> Float[Tensor, ""]:
    """Logarithm of the mean Gaussian potential of all pairs of unit vectors.

    Wang and Isola (see ``alignment``), L_uniform.

    Returns:
        In [-8, 0]; 0 where all are the same. Lower is better.

    Raises:
        ValueError: If there are fewer than two vectors.
    """
    if len(vectors) < 2:
        raise ValueError(f"uniformity needs two vectors or more, not {len(vectors)}")
    return pdist(vectors).pow(2).mul(-SCALE).exp().mean().log()


@torch.no_grad()
def representation(frozen: Frozen, seed: int) -> dict[str, float]:
    """Effective rank, alignment and uniformity of a task's training and validation images.

    Of the globally averaged coarsest features, as unit vectors. The rank is of the images as they
    are, centred (Roy and Vetterli, EUSIPCO 2007; ``methods.collapse.spread``), 0 if all vectors
    are the same. The other two are of two augmented views of each image, by the recipe that plans
    call "shared" whatever the method's own; uniformity is the mean of both views'.

    Args:
        frozen: The encoder and the task's images.
        seed: Of the images drawn, where there are many, and of the views.
    """
    plain, one, other = (torch.cat(parts) for parts in zip(*vectors(frozen, seed), strict=True))
    a, b = normalize(one.double(), dim=1), normalize(other.double(), dim=1)
    return {
        "effective rank": spread(plain).rank,
        "alignment": float(alignment(a, b)),
        "uniformity": float((uniformity(a) + uniformity(b)) / 2.0),
    }


def vectors(frozen: Frozen, seed: int) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Pooled features of batches of images: as they are, and of their two views."""
    data, out = frozen.data, []
    places = looked_at(data, seed)
    for first in range(0, len(places), BATCH):
        index = torch.from_numpy(places[first : first + BATCH])
        pixels = torch.from_numpy(np.stack([image_at(data, int(place)) for place in index]))
        images = pixels.to(frozen.device).float() / 255.0
        batch = Batch(images, index, data.normalisation.mean, data.normalisation.std)
        draws = Draws(derive_seed(seed, "representation"), 0, index, device=frozen.device)
        views = two_views(batch, draws, SHARED, SHARED)
        inputs = (batch.normalised(images), views.a.images, views.b.images)
        a, b, c = (pooled(frozen.encoder(one)).cpu() for one in inputs)
        out.append((a, b, c))
    return out


def looked_at(data: TrainingData, seed: int) -> np.ndarray:
    """Which images, validation before training; ``IMAGES`` of them if there are more."""
    count = len(data.validation) + len(data.train)
    rng = np.random.default_rng(derive_seed(seed, "images of the representation"))
    return np.sort(rng.choice(count, min(count, IMAGES), replace=False))


def image_at(data: TrainingData, place: int) -> np.ndarray:
    """The image at a place, validation before training."""
    held_out = len(data.validation)
    part: Labelled = data.validation if place < held_out else data.train
    image: np.ndarray = part.images[place if place < held_out else place - held_out]
    return image
