"""C: LD with the full product of embedding and cluster maps, in float32; nothing else differs.

    python -m benchmark.speed.rivals.straight_ld ld --size 64

Region vectors as the formula reads: every cluster's shares times every pixel's vector, an array of
images x clusters x dimensions x pixels, averaged over pixels. Files, views and loop are ours.
"""

from jaxtyping import Float
from torch import Tensor

from benchmark.computing import keep_freed
from benchmark.speed import ours
from benchmark.speed.work import Work
from methods.ld import LocalDiscrimination
from methods.ld.losses import (
    Losses,
    entropy_loss,
    l2,
    mixup_loss,
    patch_loss,
    patch_vectors,
    pixel_vectors,
    region_loss,
    shares,
)
from methods.ld.views import LDViews


class StraightLD(LocalDiscrimination):
    """LD whose regions are averaged from the full product."""

    def losses(
        self,
        embedding: Float[Tensor, "five_b dim height width"],
        logits: Float[Tensor, "five_b clusters height width"] | None,
        views: LDViews,
    ) -> Losses:
        """The four parts, the third from the full product."""
        if logits is None:
            return super().losses(embedding, None, views)
        c = self.config
        unmixed = len(embedding) - len(views.weight)
        v = pixel_vectors(embedding)
        z = patch_vectors(v, c.grid)
        patch = patch_loss(z[:unmixed], views.second.flipped, views.second.turns, c.temperature)
        mixup = mixup_loss(z[unmixed:], z[: unmixed // 2], views.weight, c.temperature)
        r = shares(logits[:unmixed])
        regions = full_product(v[:unmixed], r)
        return Losses(patch, mixup, region_loss(regions, c.temperature_region), entropy_loss(r))


def full_product(
    v: Float[Tensor, "images dim height width"],
    r: Float[Tensor, "images clusters height width"],
) -> Float[Tensor, "images clusters dim"]:
    """R[n,k] by broadcasting: images x clusters x dim x height x width numbers in memory."""
    return l2((r[:, :, None] * v[:, None]).mean(dim=(-2, -1)), 2)


def block(work: Work) -> float:
    """Seconds a step."""
    keep_freed()
    return ours.pretraining(work.at("float32"), StraightLD)


if __name__ == "__main__":
    from benchmark.speed.alone import main

    main(block, __doc__)
