"""Shape-guided LD: its discriminator and masks, one backward pass for two updates, the contract."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.contract import PROMISES
from methods.base import Draws, Images, Progress
from methods.ld import LocalDiscrimination
from methods.ld.discriminator import LEAST_SIDE, Discriminator, adversarial, large_enough
from methods.ld.priors import MaskStrengths, drawn_masks, side_crops
from methods.ld.shape_guided import GuidedViews, ShapeGuided, shape_guided
from methods.pretrain import build
from tests.methods.test_contract import SLOW

MASKS = (np.random.default_rng(0).random((3, 32, 32)) > 0.7).astype(np.uint8) * np.uint8(255)
OCTA = shape_guided("octa", MASKS)
#: Trainings of a second or more each: the discriminator takes maps of 160 px whatever the size.
WHOLE = (*SLOW, "reproducible", "sensitive", "trains", "fair", "half precision", "portable")
PLAIN = MaskStrengths(0.0, (0.0, 0.0), 0.0, 0.1)


@pytest.mark.parametrize(
    "promise",
    [
        pytest.param(name, marks=pytest.mark.slow if name in WHOLE else ())
        for name in PROMISES
        if name != "collapse watched"
    ],
)
def test_contract(promise: str) -> None:
    PROMISES[promise](OCTA)


def judge(slope: float = 0.2) -> Discriminator:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Discriminator(slope)


def draws(count: int = 4, step: int = 0) -> Draws:
    return Draws(0, step, torch.arange(count))


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_discriminator_is_the_papers() -> None:
    network = judge()
    assert sum(each.numel() for each in network.parameters()) == 52_129
    kinds = [type(each).__name__ for each in network.layers]
    assert kinds.count("MaxPool2d") == 5
    assert kinds.count("LeakyReLU") == 8
    assert all(
        each.negative_slope == 0.2 for each in network.layers if isinstance(each, nn.LeakyReLU)
    )
    assert network(noise(2, 1, LEAST_SIDE, LEAST_SIDE)).shape == (2,)


def test_slope_one_makes_it_as_good_as_linear_between_its_poolings() -> None:
    layers = [each for each in judge(1.0).layers if isinstance(each, nn.LeakyReLU)]
    x = noise(1, 4, 8, 8) - 0.5
    assert all(torch.equal(each(x), x) for each in layers)


def test_small_maps_are_enlarged_and_large_ones_are_not() -> None:
    small, large = noise(1, 1, 16, 16), noise(1, 1, 176, 176)
    assert large_enough(small).shape[-1] == LEAST_SIDE
    assert large_enough(large) is large
    constant = large_enough(torch.full((1, 1, 16, 16), 0.25))
    assert torch.allclose(constant, torch.tensor(0.25))


def test_each_loss_reaches_its_own_network_only() -> None:
    network, fake = judge(), noise(2, 1, 32, 32).requires_grad_()
    real = (noise(2, 1, 32, 32, seed=1) > 0.5).float()
    terms = adversarial(network, fake, real)
    terms.generator.backward()
    assert fake.grad is not None
    assert float(fake.grad.abs().max()) > 0
    assert all(each.grad is None for each in network.parameters())
    fake.grad = None
    terms.discriminator.backward()
    assert fake.grad is None
    assert all(each.grad is not None for each in network.parameters())


def test_the_losses_are_cross_entropies_of_the_sigmoid() -> None:
    network, fake, real = judge(), noise(3, 1, 32, 32), noise(2, 1, 32, 32, seed=1)
    terms = adversarial(network, fake, real)
    of_fake, of_real = (torch.sigmoid(network(maps)) for maps in (fake, real))
    assert torch.allclose(terms.generator, -of_fake.log().mean())
    discriminator = -of_real.log().mean() - (1.0 - of_fake).log().mean()
    assert torch.allclose(terms.discriminator, discriminator)


def test_one_backward_pass_is_two_updates_one_after_the_other() -> None:
    rate, share, weight = 1e-2, 0.05, 0.7
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        ours_g = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 1))
    ours_d = judge()
    theirs_g, theirs_d = deepcopy(ours_g), deepcopy(ours_d)
    groups: list[dict[str, Any]] = [
        {"params": list(ours_g.parameters())},
        {"params": list(ours_d.parameters()), "lr": rate * share},
    ]
    together = torch.optim.Adam(groups, lr=rate)
    generator = torch.optim.Adam(theirs_g.parameters(), lr=rate)
    discriminator = torch.optim.Adam(theirs_d.parameters(), lr=rate * share)
    for step in range(2):
        x, real = noise(2, 1, 32, 32, seed=step), (noise(2, 1, 32, 32, seed=9) > 0.8).float()
        together.zero_grad()
        terms = adversarial(ours_d, torch.sigmoid(ours_g(x)), real)
        (weight * terms.generator + terms.discriminator).backward()
        together.step()

        fake = torch.sigmoid(theirs_g(x))
        generator.zero_grad()
        fooled = torch.sigmoid(theirs_d(fake))
        (weight * F.binary_cross_entropy(fooled, torch.ones_like(fooled))).backward()
        generator.step()
        discriminator.zero_grad()
        says_real, says_fake = (torch.sigmoid(theirs_d(m)) for m in (real, fake.detach()))
        loss = F.binary_cross_entropy(says_real, torch.ones_like(says_real))
        loss = loss + F.binary_cross_entropy(says_fake, torch.zeros_like(says_fake))
        loss.backward()
        discriminator.step()
    for ours, theirs in ((ours_g, theirs_g), (ours_d, theirs_d)):
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            # Cross entropies of logits and of shares differ in the last digits.
            assert torch.allclose(a, b, atol=2e-5)


def test_masks_are_the_priors_if_nothing_is_done_to_them() -> None:
    prior = torch.from_numpy(MASKS)[:, None]
    found = drawn_masks(prior, draws(20), PLAIN, 32)
    chosen = draws(20).integers("mask", len(prior))
    assert set(chosen.tolist()) == {0, 1, 2}
    assert torch.equal(found, (prior[chosen] > 0.1 * 255).float())


def test_levels_above_a_tenth_are_foreground() -> None:
    prior = torch.tensor([[[[20, 26], [0, 255]]]], dtype=torch.uint8)
    assert drawn_masks(prior, draws(1), PLAIN, 2).tolist() == [[[[0.0, 1.0], [0.0, 1.0]]]]


def test_augmented_masks_are_binary_and_a_function_of_their_draws() -> None:
    prior = torch.from_numpy(MASKS)[:, None]
    how = MaskStrengths(0.5, (0.0, 360.0), 0.1, 0.1)
    one, again, other = (drawn_masks(prior, draws(6, step), how, 16) for step in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    assert set(one.unique().tolist()) == {0.0, 1.0}


def test_crops_lose_up_to_a_tenth_at_each_side() -> None:
    corners = torch.tensor([[-1.0, -1.0, 1.0], [1.0, 1.0, 1.0]]).T
    placed = side_crops(draws(500), 0.1) @ corners
    first, last = placed[:, :2, 0], placed[:, :2, 1]
    assert -1.0 <= float(first.min()) < -0.99
    assert -0.81 < float(first.max()) <= -0.8
    assert 0.8 <= float(last.min()) < 0.81
    assert 0.99 < float(last.max()) <= 1.0


def method(**changes: Any) -> ShapeGuided:  # noqa: ANN401
    config = replace(OCTA.Config(), **changes)
    made = build(OCTA, config, "tiny", 3, seed=0)
    assert isinstance(made, ShapeGuided)
    return made.train()


def batch_views(guided: ShapeGuided, images: Images) -> GuidedViews:
    index = torch.arange(6)
    return guided.views(images.batch(index, torch.device("cpu")), draws(6))


def test_there_is_a_mask_for_every_unmixed_image(images: Images) -> None:
    views = batch_views(method(), images)
    assert views.masks.shape == (12, 1, *views.first.images.shape[-2:])
    assert not torch.equal(views.masks[:6], views.masks[6:])


def test_validation_and_stage_one_leave_the_adversarial_terms_out(images: Images) -> None:
    guided, plain = method(), method(weight_adversarial=0.0)
    views = batch_views(guided, images)
    first, second = (Progress(phase.name, 0, 2) for phase in guided.phases)
    with torch.no_grad():
        assert torch.equal(
            guided.loss(views, first), LocalDiscrimination.loss(guided, views, first)
        )
        own = LocalDiscrimination.loss(deepcopy(guided), views, second)
        weighted, unweighted = deepcopy(guided).loss(views, second), plain.loss(views, second)
        assert weighted > unweighted > own
        guided.eval()
        assert torch.equal(
            guided.loss(views, second), LocalDiscrimination.loss(guided, views, second)
        )


def test_the_discriminator_has_a_rate_of_its_own_in_stage_two_alone() -> None:
    guided = method(learning_rate=0.01)
    judges = {id(each) for each in guided.discriminator.parameters()}
    (only,) = guided.param_groups(guided.phases[0].name)
    assert not judges & {id(each) for each in only["params"]}
    own, other = guided.param_groups(guided.phases[1].name)
    assert {id(each) for each in other["params"]} == judges
    assert other["lr"] == pytest.approx(0.0005)
    assert "lr" not in own
    assert len(own["params"]) + len(judges) == len(list(guided.parameters()))


def test_the_prior_is_neither_trained_nor_stored() -> None:
    guided = method()
    assert not any("prior" in name for name in guided.state_dict())
    assert not any("prior" in name for name, _ in guided.named_parameters())
    assert OCTA.name == "octa"
    assert ShapeGuided.name == "shape_guided"


def test_both_rules_by_a_slow_loop(images: Images) -> None:
    guided = method().eval()
    inputs = images.batch(torch.arange(2), torch.device("cpu"))
    with torch.no_grad():
        given = inputs.normalised(inputs.images)
        r, near = guided.region_shares(given)
        v = guided.embed(given)
    assert torch.allclose(r, guided.masks(given))
    for n in range(2):
        regions = []
        for k in range(8):
            mean = (r[n, k] * v[n]).flatten(1).mean(dim=1)
            regions.append(mean / mean.norm())
        for y, x in ((0, 0), (13, 5), (31, 31)):
            close = torch.stack([region @ v[n, :, y, x] for region in regions]) / 0.2
            expected = close.exp() / close.exp().sum()
            assert torch.allclose(near[n, :, y, x], expected, atol=1e-5)
