"""A step of DeepCluster-v2 spelled out, its k-means by hand, and its memory over epochs."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from methods.base import Budget, Draws, Images, Progress
from methods.deepcluster_v2 import DeepClusterV2
from methods.deepcluster_v2.memory import Memory, spherical_kmeans
from methods.errors import ConfigError
from methods.multi_crop import MultiCrop, SmallCrops, features
from methods.pretrain import build, pretrain
from methods.views import TwoViews

CPU = torch.device("cpu")
PROGRESS = Progress("pretraining", 0, 10)
CONFIG = DeepClusterV2.Config(
    prototypes=4, temperature=0.2, batch_size=5, small=SmallCrops(3, 3 / 7, (0.05, 0.14))
)


@pytest.fixture
def pool(make_images: Callable[..., Images]) -> Images:
    return make_images(side=64)


@pytest.fixture
def method(pool: Images) -> DeepClusterV2:
    """As the first epoch finds it."""
    made = build(DeepClusterV2, CONFIG, "tiny", 3, seed=0)
    assert isinstance(made, DeepClusterV2)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made.prepare(pool)
        made.before_phase("pretraining", pool)
        made.before_epoch(pool)
    return made


def views_of(method: DeepClusterV2, pool: Images, index: list[int]) -> MultiCrop:
    chosen = torch.tensor(index)
    return method.views(pool.batch(chosen, CPU), Draws(0, 0, chosen))


def embeddings(method: DeepClusterV2, views: MultiCrop) -> Tensor:
    z: Tensor = method.head(features(method.encoder, views.every)).detach().double()
    z = z / z.norm(dim=1, keepdim=True)
    return z.reshape(len(views.every), len(views.index), -1)


def eq_8(z: Tensor, prototypes: Tensor, clusters: list[list[int]], temperature: float) -> float:
    """Cross entropy of every crop with its image's cluster, image by image and set by set."""
    losses = []
    for centroids, of in zip(prototypes.tolist(), clusters, strict=True):
        for crop in z.tolist():
            for row, cluster in zip(crop, of, strict=True):
                scores = [
                    math.fsum(x * y for x, y in zip(row, c, strict=True)) / temperature
                    for c in centroids
                ]
                total = math.fsum(math.exp(score) for score in scores)
                losses.append(math.log(total) - scores[cluster])
    return math.fsum(losses) / len(losses)


def test_a_step_is_eq_8_with_the_memorys_clusters(method: DeepClusterV2, pool: Images) -> None:
    index = [7, 2, 11, 4, 0]
    views = views_of(method, pool, index)
    z, prototypes = embeddings(method, views), method.memory.prototypes.double()
    clusters = method.memory.clusters[:, index].tolist()
    assert len({tuple(of) for of in clusters}) == 3
    loss = method.loss(views, PROGRESS).item()
    assert loss == pytest.approx(eq_8(z, prototypes, clusters, 0.2), rel=1e-5)
    for name, wrong in {
        "another set's prototypes": eq_8(z, prototypes.roll(1, 0), clusters, 0.2),
        "places in the batch": eq_8(z, prototypes, method.memory.clusters[:, :5].tolist(), 0.2),
        "large crops only": eq_8(z[:2], prototypes, clusters, 0.2),
        "the wrong temperature": eq_8(z, prototypes, clusters, 0.1),
        "one set": eq_8(z, prototypes[:1], clusters[:1], 0.2),
        "summed over sets": 3.0 * loss,
    }.items():
        assert loss != pytest.approx(wrong, rel=1e-4), name


def kmeans(rows: list[list[float]], start: list[int], iterations: int) -> tuple[list[int], Tensor]:
    """Spherical k-means by loops: nearest by cosine, then the mean's direction."""
    centroids = [rows[image] for image in start]
    for step in range(iterations + 1):
        of = []
        for row in rows:
            cosines = [math.fsum(x * y for x, y in zip(row, c, strict=True)) for c in centroids]
            of.append(cosines.index(max(cosines)))
        if step == iterations:
            break
        for k in range(len(centroids)):
            members = [row for row, cluster in zip(rows, of, strict=True) if cluster == k]
            if members:
                total = [math.fsum(column) for column in zip(*members, strict=True)]
                length = math.sqrt(math.fsum(x * x for x in total))
                centroids[k] = [x / length for x in total]
    return of, torch.tensor(centroids)


@pytest.mark.parametrize("iterations", [1, 10])
def test_clusters_are_spherical_k_means_of_the_crops_in_turn(iterations: int) -> None:
    rows = F.normalize(torch.randn(2, 30, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        clusters, centroids = spherical_kmeans(rows, [4, 4, 6], iterations)
        torch.manual_seed(5)
        starts = [torch.randperm(30)[:count].tolist() for count in (4, 4, 6)]
    for number, start in enumerate(starts):
        of, expected = kmeans(rows[number % 2].tolist(), start, iterations)
        assert clusters[number].tolist() == of
        torch.testing.assert_close(centroids[number], expected, rtol=1e-5, atol=1e-6)
        for wrong, steps in ((rows[1 - number % 2], iterations), (rows[number % 2], 0)):
            assert clusters[number].tolist() != kmeans(wrong.tolist(), start, steps)[0]


def test_clusters_without_images_do_no_harm() -> None:
    memory = Memory(3, 4, 8)
    memory.resize(12)
    memory.write(torch.arange(12), F.normalize(torch.ones(2, 12, 8), dim=-1))
    memory.cluster(10)
    assert torch.isfinite(memory.prototypes).all()
    assert all(len(set(of)) == 1 for of in memory.clusters.tolist())


def test_the_memory_holds_each_images_last_embedding() -> None:
    memory = Memory(3, 4, 8)
    memory.resize(6)
    z = torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(0))
    memory.write(torch.tensor([3, 1, 3, 0]), z)
    for image, row in ((3, 2), (1, 1), (0, 3)):
        assert torch.equal(memory.embeddings[:, image], z[:, row])
    assert not memory.embeddings[:, [2, 4, 5]].any()


def test_the_names_of_the_clusters_mean_nothing(method: DeepClusterV2, pool: Images) -> None:
    views = views_of(method, pool, [5, 6, 1])
    loss = method.loss(views, PROGRESS).item()
    swapped = replace(views, large=TwoViews(views.large.b, views.large.a), small=views.small[::-1])
    assert method.loss(swapped, PROGRESS).item() == pytest.approx(loss, rel=1e-5)
    order = torch.tensor([2, 0, 3, 1])
    method.memory.prototypes.copy_(method.memory.prototypes[:, order])
    assert method.loss(views, PROGRESS).item() != pytest.approx(loss, rel=1e-4)
    method.memory.clusters.copy_(order.argsort()[method.memory.clusters])
    assert method.loss(views, PROGRESS).item() == pytest.approx(loss, rel=1e-5)


def test_held_out_images_join_the_nearest_prototypes(method: DeepClusterV2, pool: Images) -> None:
    """Of the crop that each set clusters; and they leave no trace."""
    method.eval()
    views = views_of(method, pool, [12, 3, 15])
    z, prototypes = embeddings(method, views), method.memory.prototypes.double()
    clusters = [
        (z[crop] @ prototypes[s].T).argmax(dim=1).tolist() for s, crop in ((0, 0), (1, 1), (2, 0))
    ]
    for of, known in zip(clusters, method.memory.clusters[:, 3].tolist(), strict=True):
        of[1] = known
    before = {key: value.clone() for key, value in method.state_dict().items()}
    with torch.no_grad():
        loss = method.loss(views, PROGRESS).item()
    method.after_step(PROGRESS)
    assert loss == pytest.approx(eq_8(z, prototypes, clusters, 0.2), rel=1e-5)
    assert all(torch.equal(before[key], value) for key, value in method.state_dict().items())


def test_epochs_cluster_what_the_epoch_before_left(
    method: DeepClusterV2, pool: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twelve images, batches of five: epochs begin at steps 0, 3 and 5."""
    given: list[tuple[int, Tensor]] = []
    steps: list[tuple[Tensor, Tensor]] = []
    passed: list[int] = []
    cluster, loss, phase = Memory.cluster, DeepClusterV2.loss, DeepClusterV2.before_phase

    def clustered(self: Memory, iterations: int) -> None:
        given.append((len(steps), self.embeddings.clone()))
        cluster(self, iterations)

    def lost(self: DeepClusterV2, views: MultiCrop, progress: Progress) -> Tensor:
        value = loss(self, views, progress)
        if self.latest is not None:
            index, z = self.latest
            assert not z.requires_grad
            steps.append((index, z))
        return value

    def started(self: DeepClusterV2, name: str, images: Images) -> int:
        passed.append(phase(self, name, images))
        return passed[-1]

    monkeypatch.setattr(Memory, "cluster", clustered)
    monkeypatch.setattr(DeepClusterV2, "loss", lost)
    monkeypatch.setattr(DeepClusterV2, "before_phase", started)
    result = pretrain(method, replace(pool, held_out=4), Budget(images=30, checks=1), seed=0)
    assert passed == [12]
    assert result.images_passed >= 12
    assert [step for step, _ in given] == [0, 3, 5]
    assert torch.allclose(given[0][1].norm(dim=-1), torch.ones(2, 12), atol=1e-5)
    for first, (last, memory) in zip((0, 0), given[1:], strict=True):
        expected = given[0][1].clone()
        for index, z in steps[first:last]:
            for row, image in enumerate(index.tolist()):
                expected[:, image] = z[:, row]
        assert torch.equal(memory, expected)


def test_prototypes_are_centroids_that_no_optimiser_moves(
    method: DeepClusterV2, pool: Images
) -> None:
    memory = method.memory
    assert not list(memory.parameters())
    assert torch.allclose(memory.prototypes.norm(dim=-1), torch.ones(3, 4), atol=1e-6)
    nearest = torch.einsum("cnd,ckd->cnk", memory.embeddings, memory.prototypes[:2]).argmax(dim=-1)
    assert torch.equal(memory.clusters[:2], nearest)
    assert {"memory.embeddings", "memory.clusters", "memory.prototypes"} <= set(method.state_dict())
    # A method that was resumed goes on as if nothing had happened.
    again = build(DeepClusterV2, CONFIG, "tiny", 3, seed=1)
    again.prepare(pool)
    again.load_state_dict(method.state_dict())
    views = views_of(method, pool, [1, 2, 3])
    assert torch.equal(again.loss(views, PROGRESS), method.loss(views, PROGRESS))


def test_too_small_a_pool_is_refused(pool: Images) -> None:
    made = build(DeepClusterV2, replace(CONFIG, prototypes=13), "tiny", 3, seed=0)
    with pytest.raises(ConfigError, match="a pool of at least 13 training images"):
        pretrain(made, pool, Budget(images=10), seed=0)


def test_constants_are_the_papers() -> None:
    c = DeepClusterV2.Config()
    assert (c.temperature, c.sets, c.iterations, c.dim_out) == (0.1, 3, 10, 128)
    assert c.small == SmallCrops(6, 96 / 224, (0.05, 0.14))
    assert c.view.area == (0.14, 1.0)
