"""LD against a slow loop written from the paper, in float64."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from methods.base import Draws, Images, Progress
from methods.batch_criterion import batch_criterion
from methods.geometry import turned_back
from methods.ld import LocalDiscrimination
from methods.ld.losses import (
    entropy_loss,
    l2,
    mixup_loss,
    patch_loss,
    patch_vectors,
    pixel_vectors,
    region_loss,
    region_vectors,
    shares,
)
from methods.networks import Encoder
from methods.pretrain import build

TAU = 0.1
FLIPPED, TURNS = torch.tensor([True, False]), torch.tensor([1, 2])


def values(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def unit(vector: Tensor) -> Tensor:
    scaled: Tensor = vector / (vector.norm() + 1e-10)
    return scaled


def criterion_loop(x: Tensor, tau: float, positive: Callable[[int, int], int]) -> Tensor:
    """-(1/N) sum_i [log P(i+|i) + sum_{j not in {i, i+}} log(1 - P(j|i))], term by term."""
    count = len(x)
    total = torch.zeros((), dtype=x.dtype)
    for i in range(count):
        a = [torch.exp(x[i] @ x[j].detach() / tau) for j in range(count)]
        among = sum((a[j] for j in range(count) if j != i), torch.zeros((), dtype=x.dtype))
        for j in range(count):
            if j == positive(i, count):
                total = total + torch.log(a[j] / (among + 1e-10))
            elif j != i:
                total = total + torch.log(1 - a[j] / (among + 1e-10))
    return -total / count


def across(i: int, count: int) -> int:
    return (i + count // 2) % count


def test_the_batch_criterion_is_the_papers() -> None:
    x = torch.stack([unit(row) for row in values(12, 5)]).requires_grad_()
    ours, slow = batch_criterion(x, TAU), criterion_loop(x, TAU, across)
    assert ours.item() == pytest.approx(slow.item(), rel=1e-9)
    (gradient,) = torch.autograd.grad(ours, x)
    (expected,) = torch.autograd.grad(slow, x)
    assert torch.allclose(gradient, expected, rtol=1e-7)


def test_the_loop_tells_wrong_variants_apart() -> None:
    x = torch.stack([unit(row) for row in values(12, 5)]).requires_grad_()
    right = batch_criterion(x, TAU)
    swapped = criterion_loop(x, TAU, lambda i, _: i ^ 1)
    assert abs(right.item() - swapped.item()) > 1e-3
    similarity = x @ x.T / TAU  # no stop-gradient
    itself = torch.eye(12, dtype=torch.bool)
    log_p = similarity - similarity.masked_fill(itself, -math.inf).logsumexp(1, keepdim=True)
    positive = itself.roll(6, dims=1)
    rest = torch.log1p(-log_p.exp()).masked_fill(itself | positive, 0.0)
    through = -(log_p[positive].sum() + rest.sum()) / 12
    assert through.item() == pytest.approx(right.item(), rel=1e-9)
    (gradient,) = torch.autograd.grad(right, x)
    (wrong,) = torch.autograd.grad(through, x)
    assert (gradient - wrong).norm() / gradient.norm() > 0.1
    sign = -(log_p[positive].sum() - rest.sum()) / 12
    assert abs(sign.item() - right.item()) > 1e-3


def test_the_criterion_does_not_care_for_the_order_of_pairs() -> None:
    x = torch.stack([unit(row) for row in values(12, 5)])
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    shuffled = x[torch.cat([order, order + 6])]
    assert batch_criterion(shuffled, TAU).item() == pytest.approx(batch_criterion(x, TAU).item())


@pytest.mark.parametrize(("rows", "temperature"), [(3, 0.1), (4, 0.0), (4, -1.0)])
def test_the_criterion_refuses_nonsense(rows: int, temperature: float) -> None:
    with pytest.raises(ValueError, match="even number"):
        batch_criterion(values(rows, 2), temperature)


def cells_loop(embedding: Tensor, grid: int) -> Tensor:
    """z[n, c] by loops over images and patches."""
    count, dim, side, _ = embedding.shape
    step, out = side // grid, torch.zeros(count, dim, grid, grid, dtype=embedding.dtype)
    for n in range(count):
        for y in range(grid):
            for x in range(grid):
                patch = embedding[n, :, y * step : (y + 1) * step, x * step : (x + 1) * step]
                pixels = [unit(pixel) for pixel in patch.flatten(1).T]
                out[n, :, y, x] = unit(torch.stack(pixels).mean(dim=0))
    return out


def test_patch_discrimination_aligns_cells() -> None:
    embedding = values(4, 3, 8, 8)
    z = patch_vectors(pixel_vectors(embedding), 4)
    slow = cells_loop(embedding, 4)
    assert torch.allclose(z, slow, rtol=1e-9)
    second = []
    for image, flipped, turns in zip(slow[2:], FLIPPED, TURNS, strict=True):
        back = image.rot90(-int(turns), (-2, -1))
        second.append(back.flip(-2, -1) if flipped else back)
    aligned = torch.cat([slow[:2], torch.stack(second)])
    x = torch.stack([aligned[n, :, y, c] for n in range(4) for y in range(4) for c in range(4)])
    expected = criterion_loop(x, TAU, across)
    assert patch_loss(z, FLIPPED, TURNS, TAU).item() == pytest.approx(expected.item(), rel=1e-9)
    unaligned = patch_loss(z, torch.tensor([False, False]), torch.tensor([0, 0]), TAU)
    assert abs(unaligned.item() - expected.item()) > 1e-3


def test_a_turned_copy_is_the_perfect_second_view() -> None:
    z = patch_vectors(pixel_vectors(values(2, 8, 8, 8)), 4)
    back = turned_back(z, FLIPPED, TURNS)
    # turned_back inverts turned, so the turned views are those whose undoing gives z.
    perfect = torch.cat([back, z])
    other = torch.cat([z, z.roll(1, dims=-1)])
    assert patch_loss(perfect, FLIPPED, TURNS, TAU) < patch_loss(other, FLIPPED, TURNS, TAU)


def test_mixup_targets_lie_on_the_sphere_and_pass_no_gradient() -> None:
    mixed, first = cells_loop(values(2, 3, 4, 4), 2), cells_loop(values(4, 3, 4, 4, seed=1), 2)
    first.requires_grad_()
    mixed.requires_grad_()
    weight = torch.tensor([0.3, 0.7], dtype=torch.float64)
    loss = mixup_loss(mixed, first, weight, TAU)
    targets = [
        unit(w * first[n, :, y, x] + (1 - w) * first[2 + n, :, y, x]).detach()
        for n, w in enumerate(weight)
        for y in range(2)
        for x in range(2)
    ]
    rows = [mixed[n, :, y, x] for n in range(2) for y in range(2) for x in range(2)]
    slow = criterion_loop(torch.stack([*rows, *targets]), TAU, across)
    assert loss.item() == pytest.approx(slow.item(), rel=1e-9)
    loss.backward()
    assert first.grad is None


def test_regions_and_entropy_are_the_papers() -> None:
    embedding, logits = values(3, 4, 5, 5), values(3, 2, 5, 5, seed=1)
    r = shares(logits)
    regions = torch.zeros(3, 2, 4, dtype=torch.float64)
    entropy = []
    for n in range(3):
        for k in range(2):
            mean = torch.zeros(4, dtype=torch.float64)
            for y in range(5):
                for x in range(5):
                    s = torch.sigmoid(logits[n, :, y, x])
                    share = (s[k] + 1e-9) / (s + 1e-9).sum()
                    mean += share * unit(embedding[n, :, y, x]) / 25
                    entropy.append(-share * share.log2() - (1 - share) * (1 - share).log2())
            regions[n, k] = unit(mean)
    assert torch.allclose(region_vectors(pixel_vectors(embedding), r), regions, rtol=1e-9)
    assert entropy_loss(r).item() == pytest.approx(float(sum(entropy) / len(entropy)), rel=1e-9)
    terms = []
    centres = [unit(regions[:, k].mean(dim=0)) for k in range(2)]
    for n in range(3):
        for k in range(2):
            logit = torch.stack([regions[n, k] @ centre / 0.2 for centre in centres])
            terms.append(-logit.log_softmax(0)[k])
    expected = float(sum(terms) / len(terms))
    assert region_loss(regions, 0.2).item() == pytest.approx(expected, rel=1e-9)


def test_region_centres_are_not_detached() -> None:
    regions = l2(values(3, 2, 4), 2).requires_grad_()
    (gradient,) = torch.autograd.grad(region_loss(regions, 0.2), regions)
    fixed = l2(regions.detach().mean(dim=0), 1)
    target = torch.arange(2).expand(3, 2).flatten()
    detached = torch.nn.functional.cross_entropy((regions @ fixed.T / 0.2).flatten(0, 1), target)
    (other,) = torch.autograd.grad(detached, regions)
    assert (gradient - other).norm() / gradient.norm() > 0.05


def plain_unit(x: Tensor) -> Tensor:
    """The formula as it stands, left to autograd."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=1, keepdim=True)
    return x / (norm + 1e-10)


def plain_shares(logits: Tensor) -> Tensor:
    """The formula as it stands, left to autograd."""
    s = torch.sigmoid(logits) + 1e-9
    return s / s.sum(dim=1, keepdim=True)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("ours", "plain"), [(pixel_vectors, plain_unit), (shares, plain_shares)], ids=["unit", "shares"]
)
def test_the_maps_own_gradients_are_the_formulas(
    ours: Callable[[Tensor], Tensor], plain: Callable[[Tensor], Tensor], dtype: torch.dtype
) -> None:
    x = values(3, 4, 5, 5).to(dtype)
    x[0, :, 0, 0] = 0.0  # a vector without a direction
    x[1] *= 20.0  # decided shares
    x[2] *= 1e-9  # vectors as short as what keeps their quotients finite
    weight = values(3, 4, 5, 5, seed=2).to(dtype)
    got = []
    for formula in (ours, plain):
        given = x.clone().requires_grad_()
        out = formula(given)
        (out * weight).sum().backward()
        got.append((out.detach(), given.grad))
    torch.testing.assert_close(got[0][0], got[1][0], rtol=1e-6, atol=1e-9)
    rtol = 1e-9 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(got[0][1], got[1][1], rtol=rtol, atol=1e-7)


def plain_entropy(r: Tensor) -> Tensor:
    """The formula as the paper has it, left to autograd."""
    return (-r * torch.log2(r + 1e-30) - (1.0 - r) * torch.log2(1.0 - r + 1e-30)).mean()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_the_entropys_own_gradient_is_the_formulas(dtype: torch.dtype) -> None:
    # Shares in between, and those of a decided pixel, where 1 - r is 0 in float32.
    inner = shares(values(2, 3, 4, 4))
    decided = shares(torch.tensor([60.0, -60.0, -60.0]).expand(2, 4, 4, 3).permute(0, 3, 1, 2))
    r = torch.cat([inner, decided]).to(dtype)
    ours, plain = r.clone().requires_grad_(), r.clone().requires_grad_()
    entropy_loss(ours).backward()
    plain_entropy(plain).backward()
    torch.testing.assert_close(ours.grad, plain.grad, rtol=1e-5, atol=1e-9)
    torch.testing.assert_close(entropy_loss(ours), plain_entropy(plain), rtol=1e-6, atol=1e-9)


def test_the_entropy_keeps_nothing_but_the_shares() -> None:
    kept: list[Tensor] = []
    r = shares(values(2, 3, 4, 4)).requires_grad_()

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        entropy_loss(r)
    assert [tensor.data_ptr() for tensor in kept] == [r.data_ptr()]


class Largest(TorchDispatchMode):
    """Remembers the largest tensor that any operation gives."""

    numel = 0

    def __torch_dispatch__(
        self, func: object, types: object, args: tuple[object, ...] = (), kwargs: object = None
    ) -> object:
        del types
        out = func(*args, **(kwargs or {}))  # type: ignore[operator,arg-type]
        for tensor in out if isinstance(out, tuple | list) else [out]:
            if isinstance(tensor, Tensor):
                self.numel = max(self.numel, tensor.numel())
        return out


def test_the_full_product_of_embedding_and_clusters_is_never_made() -> None:
    embedding = torch.randn(4, 16, 32, 32, requires_grad=True)
    logits = torch.randn(4, 8, 32, 32, requires_grad=True)
    with Largest() as largest:
        region_loss(region_vectors(pixel_vectors(embedding), shares(logits)), 0.2).backward()
    assert largest.numel == embedding.numel()
    assert largest.numel < 4 * 8 * 16 * 32 * 32


def test_stage_one_leaves_the_clustering_branch_alone(images: Images) -> None:
    method = build(LocalDiscrimination, LocalDiscrimination.Config(), "tiny", 3, seed=0)
    assert isinstance(method, LocalDiscrimination)
    index = torch.arange(4)
    views = method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))
    branch = method.decoder.branches["clusters"]
    before = {name: value.clone() for name, value in branch.state_dict().items()}
    for phase, touched in zip(method.phases, (False, True), strict=True):
        method.zero_grad(set_to_none=True)
        method.loss(views, Progress(phase.name, 0, 10)).backward()
        assert any(p.grad is not None for p in branch.parameters()) == touched
        same = all(torch.equal(before[name], v) for name, v in branch.state_dict().items())
        assert same != touched


def test_rates_halve_as_published() -> None:
    first, second = LocalDiscrimination.phases
    assert [first.decay(f) for f in (0.0, 0.49, 0.5, 0.99)] == [1, 1, 0.5, 0.5]
    assert [second.decay(e / 80) for e in (0, 9.9, 10, 79.9)] == [1, 1, 0.5, 0.5**7]


def test_it_offers_embeddings_and_masks() -> None:
    from methods.base import DenseEmbedding, MaskPredictor  # noqa: PLC0415

    method = LocalDiscrimination(Encoder("tiny", 3), LocalDiscrimination.Config()).eval()
    assert isinstance(method, DenseEmbedding)
    assert isinstance(method, MaskPredictor)
    image = torch.rand(1, 3, 32, 32)
    assert torch.allclose(method.embed(image).norm(dim=1), torch.ones(1, 32, 32), atol=1e-5)
    assert torch.allclose(method.masks(image).sum(dim=1), torch.ones(1, 32, 32), atol=1e-5)
