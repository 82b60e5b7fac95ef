"""What DeepCluster-v2 remembers of every image, and the clusters that it finds in it."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from methods.backends import solo

#: Large crops of an image, whose embeddings are remembered apart.
CROPS = 2


class Memory(nn.Module):
    """Embeddings and clusters of the pool's training images, one row an image, all in buffers.

    Set s of prototypes clusters the embeddings of large crop s mod 2, as in the official code.

    Args:
        sets: How many sets of prototypes there are.
        prototypes: How many prototypes each set has.
        dim: Length of the embeddings.
    """

    embeddings: Tensor
    clusters: Tensor
    prototypes: Tensor

    def __init__(self, sets: int, prototypes: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("embeddings", torch.zeros(CROPS, 0, dim))
        self.register_buffer("clusters", torch.zeros(sets, 0, dtype=torch.long))
        self.register_buffer("prototypes", F.normalize(torch.randn(sets, prototypes, dim), dim=-1))

    def resize(self, images: int) -> None:
        """Make room for a pool, of which no image has a cluster yet."""
        self.embeddings = self.embeddings.new_zeros(CROPS, images, self.embeddings.shape[-1])
        self.clusters = self.clusters.new_full((len(self.clusters), images), -1)

    def write(self, index: Int[Tensor, " batch"], z: Float[Tensor, "crops batch dim"]) -> None:
        """Replace the embeddings of the images at ``index``."""
        # An image may come twice where two epochs meet: its last row counts.
        rows = torch.arange(len(index), device=index.device)
        last = ((index[:, None] == index) * rows).amax(dim=1)
        self.embeddings[:, index] = z[:, last]

    def cluster(self, iterations: int) -> None:
        """Cluster what is remembered; the centroids become the prototypes."""
        counts = [self.prototypes.shape[1]] * len(self.prototypes)
        # On the CPU, where solo-learn keeps the clusters that it fills in.
        clusters, centroids = spherical_kmeans(self.embeddings.cpu(), counts, iterations)
        self.clusters.copy_(clusters)
        self.prototypes.copy_(torch.stack(centroids))

    def scores(
        self, z: Float[Tensor, "crops batch dim"]
    ) -> Float[Tensor, "sets crops batch prototypes"]:
        """Cosine similarities of unit vectors to all prototypes."""
        return torch.einsum("cbd,spd->scbp", z, self.prototypes)

    def clusters_of(
        self,
        index: Int[Tensor, " batch"],
        scores: Float[Tensor, "sets crops batch prototypes"],
    ) -> Int[Tensor, "sets batch"]:
        """Each image's clusters; one without, e.g. held out, joins the nearest prototypes.

        Nearest to the large crop that the set clusters, as k-means itself would have it.
        """
        padded = F.pad(self.clusters, (0, 1), value=-1)
        known = padded[:, index.clamp(max=self.clusters.shape[1])]
        sets = torch.arange(len(scores))
        return torch.where(known < 0, scores[sets, sets % CROPS].argmax(dim=-1), known)


def spherical_kmeans(
    embeddings: Float[Tensor, "crops images dim"], counts: Sequence[int], iterations: int
) -> tuple[Int[Tensor, "sets images"], list[Float[Tensor, "_ dim"]]]:
    """Eq. 11, once a set; the sets take turns with the crops.

    A set starts from the embeddings of different images, drawn from torch's global generator. A
    cluster that loses all its images keeps its centroid.

    Args:
        embeddings: Unit vectors.
        counts: How many clusters each set has.
        iterations: Updates of the centroids.

    Returns:
        Each image's cluster in every set, and every set's centroids, unit vectors.
    """
    crops, images, dim = embeddings.shape
    kmeans = solo("utils.kmeans:KMeans")(1, 0, crops, images, dim, counts, iterations)
    clusters, centroids = kmeans.cluster_memory(torch.arange(images), embeddings)
    return clusters, centroids
