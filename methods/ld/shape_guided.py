"""Shape-guided local discrimination: one cluster's map must look like masks of another modality.

Application 1 of Chen et al., "Unsupervised Local Discrimination for Medical Images", TPAMI 2023,
https://arxiv.org/abs/2108.09440. Both stages of LD, the second with fewer clusters and pairs and an
adversarial term on cluster 0. No label of the images is used: masks and images are unpaired.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from methods.base import Batch, Draws, Progress, Scalar
from methods.ld import LocalDiscrimination
from methods.ld.discriminator import Discriminator, adversarial
from methods.ld.losses import pixel_vectors, region_vectors, shares
from methods.ld.priors import MaskStrengths, drawn_masks
from methods.ld.views import LDViews
from methods.networks import Encoder
from methods.tunable import tunable


@dataclass(frozen=True, slots=True)
class GuidedViews(LDViews):
    """LD's views, and masks for the discriminator.

    Attributes:
        masks: 0 or 1, unpaired, as many as there are unmixed images.
    """

    masks: Float[Tensor, "masks 1 side side"]


class ShapeGuided(LocalDiscrimination):
    """Local discrimination with a shape prior; ``shape_guided`` gives it its masks."""

    name = "shape_guided"
    #: The cluster that is taught the shape.
    guided: ClassVar[int] = 0
    prior: ClassVar[UInt8[np.ndarray, "masks side side"]]

    @dataclass(frozen=True, slots=True)
    class Config(LocalDiscrimination.Config):
        """LD's constants but for K and b; those of the adversarial stage are the paper's.

        The reference gives its LeakyReLU the slope ``True``, which is 1.0 and makes it linear; 0.2
        is our default. Crops cut each of the four sides on its own, our reading of "up to 10 % a
        side".
        """

        batch_size: int = 6  # b = 3 pairs
        clusters: int = 8
        weight_adversarial: float = tunable(1.0, 0.1, 10.0, log=True)
        discriminator_rate: float = 0.05  # of the generator's
        slope: float = 0.2
        mask_flip: float = 0.5
        mask_rotation: tuple[float, float] = (0.0, 360.0)  # degrees
        mask_crop: float = 0.1
        mask_threshold: float = 0.1
        masks_sha256: str = ""

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.discriminator = Discriminator(config.slope)
        masks = torch.from_numpy(self.prior)[:, None]
        # Known from the plan, so no part of what is trained and stored.
        self.register_buffer("masks_of_prior", masks, persistent=False)

    def views(self, batch: Batch, draws: Draws) -> GuidedViews:
        """LD's, and two masks for each image: as many as there are maps of cluster 0."""
        c, own = self.config, super().views(batch, draws)
        side = own.first.images.shape[-1]
        how = MaskStrengths(c.mask_flip, c.mask_rotation, c.mask_crop, c.mask_threshold)
        prior = self.get_buffer("masks_of_prior")
        masks = [
            drawn_masks(prior, draws.named(f"{view} prior"), how, side)
            for view in ("first", "second")
        ]
        return GuidedViews(own.first, own.second, own.mixed, own.weight, torch.cat(masks))

    def loss(self, views: LDViews, progress: Progress) -> Scalar:
        """LD's; while stage 2 trains, the generator's and the discriminator's losses on top.

        Validation leaves both out, so that they choose no checkpoint.
        """
        if progress.phase != self.phases[-1].name or not self.training:
            return super().loss(views, progress)
        assert isinstance(views, GuidedViews)
        unmixed = torch.cat([views.first.images, views.second.images])
        images = torch.cat([unmixed, views.mixed])
        maps = self.decoder(self.encoder(images), ("embedding", "clusters"))
        own = self.total(self.losses(maps["embedding"], maps["clusters"], views))
        fake = shares(maps["clusters"][: len(unmixed)])[:, self.guided, None]
        terms = adversarial(self.discriminator, fake, views.masks)
        return own + self.config.weight_adversarial * terms.generator + terms.discriminator

    def param_groups(self, phase: str) -> list[dict[str, Any]]:
        """The discriminator's are a group with a rate of its own, in stage 2 only."""
        judges = list(self.discriminator.parameters())
        known = {id(each) for each in judges}
        groups: list[dict[str, Any]] = [
            {"params": [each for each in self.parameters() if id(each) not in known]}
        ]
        if phase == self.phases[-1].name:
            rate = self.config.learning_rate * self.config.discriminator_rate
            groups.append({"params": judges, "lr": rate})
        return groups

    def region_shares(
        self, images: Float[Tensor, "batch channels side side"]
    ) -> tuple[
        Float[Tensor, "batch clusters side side"], Float[Tensor, "batch clusters side side"]
    ]:
        """What both rules of inference tell of every pixel, each adding up to 1 over clusters.

        r, the clustering branch's shares; and the softmax over k of R[k] . v(p) / 0.2 with the
        image's own R.

        Args:
            images: Normalised.
        """
        maps = self.decoder(self.encoder(images), ("embedding", "clusters"))
        v, r = pixel_vectors(maps["embedding"]), shares(maps["clusters"])
        near = torch.einsum("nkd,ndhw->nkhw", region_vectors(v, r), v)
        return r, torch.softmax(near / self.config.temperature_region, dim=1)


def shape_guided(name: str, masks: UInt8[np.ndarray, "masks side side"]) -> type[ShapeGuided]:
    """A row of a table of its own: shape-guided LD with a prior.

    Args:
        name: Of the row.
        masks: Grey levels 0 to 255; at least one mask.
    """
    own = {"name": name, "prior": masks, "__doc__": ShapeGuided.__doc__, "__module__": __name__}
    return type(name, (ShapeGuided,), own)
