"""Multi-crop: two large crops of each image, and several small ones of parts of it.

Caron et al., "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments",
NeurIPS 2020, https://arxiv.org/abs/2006.09882: section 3.2, sizes and areas of appendix A.2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.augmentation import Augmentation
from methods.base import Batch, Draws
from methods.networks import Encoder, pooled
from methods.views import CROP_STEP, TwoViews, View, several_views, two_views, view_side


@dataclass(frozen=True, slots=True)
class MultiCrop:
    """Crops of the same images, row by row.

    Attributes:
        large: Two crops of full resolution, from which clusters are told.
        small: Crops of low resolution, from which clusters are only predicted.
        index: Each image's place in the pool, for methods that remember images.
    """

    large: TwoViews
    small: tuple[View, ...]
    index: Int[Tensor, " batch"]

    @property
    def every(self) -> tuple[View, ...]:
        """All crops, the two large ones first."""
        return (self.large.a, self.large.b, *self.small)


@dataclass(frozen=True, slots=True)
class SmallCrops:
    """How the small crops differ from the large ones.

    Attributes:
        count: How many.
        share: Their side over the large ones'; rounded to a multiple of 16 px, at least 16.
        area: Range of their share of the image's area.
    """

    count: int
    share: float
    area: tuple[float, float]

    def side(self, large: int) -> int:
        """Their side in pixels next to large crops of ``large`` px: 192 to 448, 48 to 112."""
        return CROP_STEP * max(1, round(self.share * large / CROP_STEP))


#: Six crops of 96 next to two of 224 px (appendix A.2).
PUBLISHED = SmallCrops(count=6, share=96 / 224, area=(0.05, 0.14))


def multi_crop(
    batch: Batch, draws: Draws, augmentation: Augmentation, crops: SmallCrops
) -> MultiCrop:
    """Two large and several small crops of each image, all with the same colours and blur.

    The Gaussian of a small crop is as wide in pixels as a large crop's, as in the official code.
    """
    large = view_side(batch.images.shape[-1])
    side = crops.side(large)
    low, high = (sigma * large / side for sigma in augmentation.blur)
    recipe = replace(augmentation, area=crops.area, blur=(low, high))
    return MultiCrop(
        two_views(batch, draws, augmentation, augmentation),
        several_views(batch, draws, {f"small {n}": recipe for n in range(crops.count)}, side),
        batch.index,
    )


def features(encoder: Encoder, crops: Sequence[View]) -> Float[Tensor, "rows dim"]:
    """Pooled features, crop after crop; crops of one size pass the encoder together."""
    groups = groupby((crop.images for crop in crops), key=lambda images: images.shape[-1])
    return torch.cat([pooled(encoder(torch.cat(list(images)))) for _, images in groups])
