"""Local discrimination: patches that find their other view, regions that find their cluster.

Chen et al., "Unsupervised Local Discrimination for Medical Images", TPAMI 2023,
https://arxiv.org/abs/2108.09440. Stage 1 trains patch discrimination and hypersphere mixup, stage
2 adds region discrimination and an entropy term with a fresh clustering branch and a new Adam.
"""

from dataclasses import dataclass, field, replace

import torch
from jaxtyping import Float
from torch import Tensor

from methods.augmentation import FLIPPED, Augmentation
from methods.base import Batch, Draws, Method, Phase, Progress, Scalar
from methods.ld.losses import (
    Losses,
    center_vectors,
    entropy_loss,
    mixup_loss,
    patch_loss,
    patch_vectors,
    pixel_vectors,
    region_loss,
    region_vectors,
    rows,
    shares,
)
from methods.ld.views import LDViews, ViewStrengths, ld_views
from methods.networks import Encoder, PixelDecoder
from methods.schedules import Halving
from methods.tunable import tunable


class LocalDiscrimination(Method[LDViews]):
    """Discriminate patches between views and regions between clusters."""

    name = "ld"
    paper = "https://arxiv.org/abs/2108.09440"
    # 20 and 80 epochs of equal length, the rate halved every 10 of them.
    phases = (
        Phase("patch discrimination", 0.2, Halving(2)),
        Phase("local discrimination", 0.8, Halving(8), transfer="lowest validation loss"),
    )
    sampling = "replacement"
    group = 2
    smallest_batch = 4

    @dataclass(frozen=True, slots=True)
    class Config:
        """The published constants; none departs from the paper."""

        learning_rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
        weight_decay: float = tunable(0.0, 0.0, 1e-3)
        batch_size: int = 8  # b = 4 pairs
        dim_embedding: int = 32
        clusters: int = 16
        grid: int = 8
        temperature: float = tunable(0.1, 0.03, 0.5, log=True)  # tau of L_patch and L_mix
        temperature_region: float = tunable(0.2, 0.05, 1.0, log=True)
        weight_patch: float = 1.0
        weight_mixup: float = 1.0
        weight_region: float = tunable(10.0, 1.0, 30.0, log=True)
        weight_entropy: float = tunable(0.1, 0.01, 1.0, log=True)
        rotation: float = 180.0  # degrees, shared by both views
        tilt: float = 2.0  # degrees, each view its own
        # Mirror images and the crop are shared by both views, colours are each view's own.
        view: Augmentation = replace(
            FLIPPED, area=(0.9, 1.0), jitter=(0.4, 0.4, 0.4, 0.02), jitter_probability=1.0, grey=0.2
        )
        mix: tuple[float, float] = (0.2, 0.8)
        # Center-sensitive patches: the standard deviation of a Gaussian weight around each cell's
        # centre, as a fraction of the view's side; 0 is the paper's uniform mean. Which width, and
        # that the weight is a Gaussian, the paper does not say: our choice.
        window: float = field(default=0.0, metadata={"added later": True})

        def __post_init__(self) -> None:
            """Refuse a window that is none."""
            if not 0.0 <= self.window <= 1.0:
                raise ValueError(f"window must lie in 0 to 1, not {self.window:g}")

    config: Config

    def __init__(self, encoder: Encoder, config: Config) -> None:
        super().__init__(encoder, config)
        self.decoder = PixelDecoder(
            encoder.channels, {"embedding": config.dim_embedding, "clusters": config.clusters}
        )

    def views(self, batch: Batch, draws: Draws) -> LDViews:
        """Two views of each image of b pairs, and each pair mixed."""
        c = self.config
        return ld_views(batch, draws, ViewStrengths(c.view, c.rotation, c.tilt, c.mix))

    def loss(self, views: LDViews, progress: Progress) -> Scalar:
        """L_patch + L_mix, and in stage 2 the region and entropy terms."""
        images = torch.cat([views.first.images, views.second.images, views.mixed])
        regions = progress.phase == self.phases[1].name
        wanted = ("embedding", "clusters") if regions else ("embedding",)
        maps = self.decoder(self.encoder(images), wanted)
        return self.total(self.losses(maps["embedding"], maps.get("clusters"), views))

    def losses(
        self,
        embedding: Float[Tensor, "five_b dim height width"],
        logits: Float[Tensor, "five_b clusters height width"] | None,
        views: LDViews,
    ) -> Losses:
        """The four parts for one forward pass over first, second and mixed views.

        Args:
            embedding: Of view1(I1), view1(I2), view2(I1), view2(I2) and I3, before l2.
            logits: Of the clustering branch, before the sigmoid; None in stage 1.
            views: Where the flips, turns and mixing weights stand.
        """
        c = self.config
        unmixed = len(embedding) - len(views.weight)
        v = pixel_vectors(embedding)
        z = self.patches(v)
        z_first = z[: unmixed // 2]
        patch = patch_loss(z[:unmixed], views.second.flipped, views.second.turns, c.temperature)
        mixup = mixup_loss(z[unmixed:], z_first, views.weight, c.temperature)
        if logits is None:
            return Losses(patch, mixup, torch.zeros_like(patch), torch.zeros_like(patch))
        r = shares(logits[:unmixed])
        regions = region_vectors(v[:unmixed], r)
        return Losses(patch, mixup, region_loss(regions, c.temperature_region), entropy_loss(r))

    def patches(
        self, v: Float[Tensor, "images dim height width"]
    ) -> Float[Tensor, "images dim grid grid"]:
        """Z: the unit vector of each patch, by the uniform mean or by the window."""
        c = self.config
        return center_vectors(v, c.grid, c.window) if c.window else patch_vectors(v, c.grid)

    def total(self, losses: Losses) -> Scalar:
        """The weighted sum of the parts."""
        c = self.config
        weights = (c.weight_patch, c.weight_mixup, c.weight_region, c.weight_entropy)
        return torch.stack([w * part for w, part in zip(weights, losses, strict=True)]).sum()

    def embed(self, images: Tensor) -> Tensor:
        """Unit vectors of every pixel, shape (batch, dim, height, width)."""
        return pixel_vectors(self.decoder(self.encoder(images), ("embedding",))["embedding"])

    def masks(self, images: Tensor) -> Tensor:
        """Shares of the clusters at every pixel, shape (batch, clusters, height, width)."""
        return shares(self.decoder(self.encoder(images), ("clusters",))["clusters"])

    def vectors(self, images: Tensor) -> Float[Tensor, "patches dim"]:
        """Z of every patch."""
        return rows(self.patches(self.embed(images)))
