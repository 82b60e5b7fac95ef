"""A whole step of LD, from views to the total, against loops over single numbers in float64."""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace

import pytest
import torch
from torch import Tensor

from methods.augmentation import Augmentation
from methods.base import Draws, Images, Progress
from methods.batch_criterion import batch_criterion
from methods.ld import LocalDiscrimination
from methods.ld.losses import region_loss
from methods.ld.views import LDViews, ViewStrengths, ld_views
from methods.pretrain import build

Vector = list[float]

STAGES = ("patch discrimination", "local discrimination")
#: Small enough for loops, with weights that tell every part apart.
SMALL = LocalDiscrimination.Config(
    dim_embedding=4,
    clusters=3,
    grid=2,
    weight_patch=1.5,
    weight_mixup=0.7,
    weight_region=9.0,
    weight_entropy=0.3,
)


def dot(a: Vector, b: Vector) -> float:
    return math.fsum(x * y for x, y in zip(a, b, strict=True))


def unit(a: Vector) -> Vector:
    norm = math.sqrt(dot(a, a))
    return [x / (norm + 1e-10) for x in a]


def mean(vectors: Sequence[Vector]) -> Vector:
    return [math.fsum(column) / len(vectors) for column in zip(*vectors, strict=True)]


def criterion(anchors: list[Vector], compared: list[Vector], tau: float) -> float:
    """The batch criterion; rows that gradients reach, and rows that they do not, are told apart."""
    count, total = len(anchors), 0.0
    for i in range(count):
        a = [math.exp(dot(anchors[i], compared[j]) / tau) for j in range(count)]
        among = math.fsum(a[j] for j in range(count) if j != i) + 1e-10
        partner = i + count // 2 if i < count // 2 else i - count // 2
        total += math.log(a[partner] / among)
        total += math.fsum(
            math.log(1.0 - a[j] / among) for j in range(count) if j not in (i, partner)
        )
    return -total / count


def before_the_turns(
    row: int, column: int, side: int, flipped: bool, turns: int
) -> tuple[int, int]:
    """Where a place of the upright grid lies after both axes were flipped and k quarter turns."""
    if flipped:
        row, column = side - 1 - row, side - 1 - column
    for _ in range(turns):
        row, column = side - 1 - column, row  # anticlockwise
    return row, column


class Step:
    """What one forward pass gave, as nested lists, and the losses of the specification."""

    def __init__(self, embedding: Tensor, logits: Tensor, views: LDViews, grid: int) -> None:
        self.pairs, self.grid = len(views.weight), grid
        pixels = embedding.double().flatten(2).transpose(1, 2).tolist()
        self.v: list[list[Vector]] = [[unit(pixel) for pixel in image] for image in pixels]
        self.logits: list[list[Vector]] = logits.double().flatten(2).transpose(1, 2).tolist()
        self.side = embedding.shape[-1]
        self.flipped, self.turns = views.second.flipped.tolist(), views.second.turns.tolist()
        self.weight: Vector = views.weight.double().tolist()
        self.cells = [(row, column) for row in range(grid) for column in range(grid)]

    def z(self, image: int, row: int, column: int) -> Vector:
        size = self.side // self.grid
        inside = [
            self.v[image][y * self.side + x]
            for y in range(row * size, (row + 1) * size)
            for x in range(column * size, (column + 1) * size)
        ]
        return unit(mean(inside))

    def patch(self, tau: float) -> float:
        images = range(2 * self.pairs)
        first = [self.z(n, *cell) for n in images for cell in self.cells]
        second = [
            self.z(
                2 * self.pairs + n,
                *before_the_turns(*cell, self.grid, self.flipped[n], self.turns[n]),
            )
            for n in images
            for cell in self.cells
        ]
        return criterion(first + second, first + second, tau)

    def mixup(self, tau: float) -> float:
        mixed, target = [], []
        for n, w in enumerate(self.weight):
            for cell in self.cells:
                one, two = self.z(n, *cell), self.z(self.pairs + n, *cell)
                target.append(unit([w * x + (1.0 - w) * y for x, y in zip(one, two, strict=True)]))
                mixed.append(self.z(4 * self.pairs + n, *cell))
        return criterion(mixed + target, mixed + target, tau)

    def shares(self, image: int) -> list[Vector]:
        rows = []
        for pixel in self.logits[image]:
            s = [1.0 / (1.0 + math.exp(-x)) + 1e-9 for x in pixel]
            rows.append([x / math.fsum(s) for x in s])
        return rows

    def region(self, tau: float) -> float:
        regions = []
        for n in range(4 * self.pairs):
            r = self.shares(n)
            clusters = range(len(r[0]))
            regions.append(
                [
                    unit(mean([[r[p][k] * x for x in v] for p, v in enumerate(self.v[n])]))
                    for k in clusters
                ]
            )
        centres = [unit(mean([image[k] for image in regions])) for k in range(len(regions[0]))]
        terms = []
        for image in regions:
            for k, vector in enumerate(image):
                exponents = [dot(vector, centre) / tau for centre in centres]
                terms.append(math.log(math.fsum(map(math.exp, exponents))) - exponents[k])
        return math.fsum(terms) / len(terms)

    def entropy(self) -> float:
        r = [x for n in range(4 * self.pairs) for pixel in self.shares(n) for x in pixel]
        bits = [-x * math.log2(x + 1e-30) - (1.0 - x) * math.log2(1.0 - x + 1e-30) for x in r]
        return math.fsum(bits) / len(bits)


def made(config: LocalDiscrimination.Config) -> LocalDiscrimination:
    method = build(LocalDiscrimination, config, "tiny", 3, seed=0)
    assert isinstance(method, LocalDiscrimination)
    return method


def views_of(method: LocalDiscrimination, images: Images) -> LDViews:
    index = torch.arange(4)
    return method.views(images.batch(index, torch.device("cpu")), Draws(1, 0, index))


@pytest.mark.parametrize("stage", STAGES)
def test_a_step_is_the_specifications(stage: str, images: Images) -> None:
    method = made(SMALL)
    views = views_of(method, images)
    assert set(views.second.turns.tolist()) - {0, 2}  # some undoing that matters
    # view1(I1), view1(I2), view2(I1), view2(I2), I3: one batch for batch normalisation.
    batch = torch.cat([views.first.images, views.second.images, views.mixed])
    with torch.no_grad():
        maps = method.decoder(method.encoder(batch), ("embedding", "clusters"))
        total = method.loss(views, Progress(stage, 0, 10)).item()
    step = Step(maps["embedding"], maps["clusters"], views, grid=2)
    expected = 1.5 * step.patch(0.1) + 0.7 * step.mixup(0.1)
    if stage == STAGES[1]:
        expected += 9.0 * step.region(0.2) + 0.3 * step.entropy()
    assert total == pytest.approx(expected, rel=1e-5)


def test_the_loops_reject_wrong_steps(images: Images) -> None:
    """Each wrong variant of the loops leaves the tolerance by far."""
    method = made(SMALL)
    views = views_of(method, images)
    maps = torch.randn(10, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    logits = torch.randn(10, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    right = Step(maps, logits, views, grid=2)
    losses = method.losses(maps, logits, views)
    assert losses.patch.item() == pytest.approx(right.patch(0.1), rel=1e-5)
    for name, values in (
        ("not undone", {"flipped": [False] * 4, "turns": [0] * 4}),
        ("turned on instead of back", {"turns": [(4 - k) % 4 for k in right.turns]}),
    ):
        wrong = Step(maps, logits, views, grid=2)
        vars(wrong).update(values)
        assert wrong.patch(0.1) != pytest.approx(losses.patch.item(), rel=1e-3), name
    assert losses.mixup.item() == pytest.approx(right.mixup(0.1), rel=1e-5)
    swapped = Step(maps, logits, replace(views, weight=1.0 - views.weight), grid=2)
    assert swapped.mixup(0.1) != pytest.approx(losses.mixup.item(), rel=1e-3)
    assert losses.region.item() == pytest.approx(right.region(0.2), rel=1e-5)
    assert losses.entropy.item() == pytest.approx(right.entropy(), rel=1e-5)


def test_gradients_are_differences_of_the_anchors_alone() -> None:
    """Central differences with the compared vectors held still: the stop-gradient."""
    x = torch.randn(8, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    x = torch.tensor([unit(row) for row in x.tolist()], dtype=torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(batch_criterion(x, 0.3), x)
    still, held, flowing = x.tolist(), torch.zeros(8, 3), torch.zeros(8, 3)
    for i in range(8):
        for d in range(3):
            ends = []
            for h in (1e-5, -1e-5):
                moved = [list(row) for row in still]
                moved[i][d] += h
                ends.append((criterion(moved, still, 0.3), criterion(moved, moved, 0.3)))
            held[i, d] = (ends[0][0] - ends[1][0]) / 2e-5
            flowing[i, d] = (ends[0][1] - ends[1][1]) / 2e-5
    torch.testing.assert_close(gradient.float(), held, rtol=1e-5, atol=1e-6)
    assert float((gradient - flowing).norm() / gradient.norm()) > 0.1


def test_the_criterion_stays_finite_where_the_formula_breaks() -> None:
    """All probability on one wrong neighbour: log(1 - P) is clamped, gradients stay finite."""
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [-1.0, 0.0]]).requires_grad_()
    loss = batch_criterion(x, 0.01)
    loss.backward()
    assert math.isfinite(loss.item())
    assert x.grad is not None
    assert bool(x.grad.isfinite().all())


def test_region_loss_ignores_the_order_of_images_and_of_clusters() -> None:
    regions = torch.randn(4, 3, 5, dtype=torch.float64)
    loss = region_loss(regions, 0.2).item()
    assert region_loss(regions[[2, 0, 3, 1]], 0.2).item() == pytest.approx(loss)
    assert region_loss(regions[:, [1, 2, 0]], 0.2).item() == pytest.approx(loss)


PUBLISHED = Augmentation(
    area=(0.9, 1.0),
    flip=0.5,
    flip_vertical=0.5,
    jitter=(0.4, 0.4, 0.4, 0.02),
    jitter_probability=1.0,
    grey=0.2,
)


def test_the_constants_are_the_published_ones() -> None:
    published = {
        "learning_rate": 1e-3,
        "weight_decay": 0.0,
        "batch_size": 8,
        "dim_embedding": 32,
        "clusters": 16,
        "grid": 8,
        "temperature": 0.1,
        "temperature_region": 0.2,
        "weight_patch": 1.0,
        "weight_mixup": 1.0,
        "weight_region": 10.0,
        "weight_entropy": 0.1,
        "rotation": 180.0,
        "tilt": 2.0,
        "view": asdict(PUBLISHED),
        "mix": (0.2, 0.8),
        "window": 0.0,  # the uniform mean of a patch
    }
    assert asdict(LocalDiscrimination.Config()) == published
    assert [phase.name for phase in LocalDiscrimination.phases] == list(STAGES)
    assert LocalDiscrimination.sampling == "replacement"


def test_the_config_reaches_the_views(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[ViewStrengths] = []

    def recorded(batch: object, draws: object, strengths: ViewStrengths) -> LDViews:
        got.append(strengths)
        return ld_views(batch, draws, strengths)  # type: ignore[arg-type]

    monkeypatch.setattr("methods.ld.ld_views", recorded)
    views_of(made(LocalDiscrimination.Config()), images)
    assert got == [ViewStrengths(PUBLISHED, rotation=180.0, tilt=2.0, mix=(0.2, 0.8))]
