"""Draws in bulk and at their limits: distributions, every key, SplitMix64 in plain integers."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from methods.draws import Draws, derive_seed

#: Seeded, so each p-value below is a constant; a fair generator falls short once in 10,000 seeds.
SMALLEST_P = 1e-4
MANY = 20_000

KINDS: dict[str, Callable[[Draws], Tensor]] = {
    "uniform": lambda draws: draws.uniform("x", -2.0, 3.0, shape=(5,)),
    "normal": lambda draws: draws.normal("x", shape=(2, 3)),
    "integers": lambda draws: draws.integers("x", 1000, shape=(4,)),
    "permutations": lambda draws: draws.permutations("x", 9),
    "chance": lambda draws: draws.named("y").chance("x", 0.5),
    "bits": lambda draws: torch.from_numpy(draws.bits("x", 4).view(np.int64)),
}


def draws_of(*index: int, seed: int = 1, step: int = 2) -> Draws:
    return Draws(seed, step, torch.tensor(index))


@pytest.fixture(scope="module")
def many() -> Draws:
    """One draw for each of many images."""
    return Draws(7, 3, torch.arange(MANY))


@pytest.mark.parametrize("kind", KINDS)
def test_no_kind_of_number_depends_on_the_batch(kind: str) -> None:
    draw = KINDS[kind]
    whole = draw(draws_of(4, 11, 0, 7))
    assert torch.equal(draw(draws_of(7, 0, 4, 11)), whole[[3, 2, 0, 1]])  # place and order
    assert torch.equal(draw(draws_of(4, 11, 0, 7).part(slice(1, 3))), whole[1:3])  # sub-batch
    assert torch.equal(draw(draws_of(11)), whole[1:2])  # company
    draws = draws_of(4, 11, 0, 7)
    draws.uniform("something else", shape=(100,))
    assert torch.equal(draw(draws), whole)  # what was drawn before


def test_a_longer_draw_starts_like_a_shorter_one() -> None:
    short, long = (draws_of(4, 5).uniform("x", shape=(n,)) for n in (3, 8))
    assert torch.equal(long[:, :3], short)


@pytest.mark.parametrize(
    "other",
    [
        Draws(1, -2, torch.tensor([5])),
        Draws(2, 1, torch.tensor([5])),
        Draws(1, 2, torch.tensor([1]), torch.tensor([5])),
        Draws(1, 2, torch.tensor([5])).named("first"),
        Draws(1, 2, torch.tensor([5])).named("second"),
        Draws(1, 2, torch.tensor([5])).named("first").named("second"),
    ],
    ids=[
        "validation step",
        "seed and step swapped",
        "index and occurrence swapped",
        "purpose",
        "another purpose",
        "nested purpose",
    ],
)
def test_near_keys_are_told_apart(other: Draws) -> None:
    base = Draws(1, 2, torch.tensor([5]), torch.tensor([1]))
    mine, theirs = base.uniform("x", shape=(64,)), other.uniform("x", shape=(64,))
    assert not bool((mine == theirs).any())
    assert not bool((theirs == other.uniform("y", shape=(64,))).any())  # and by name


def test_nested_purposes_keep_the_outer_one() -> None:
    draws = draws_of(5)
    nested = draws.named("first").named("tilt").uniform("x", shape=(8,))
    for other in (draws.named("tilt"), draws.named("second").named("tilt"), draws.named("first")):
        assert not bool((other.uniform("x", shape=(8,)) == nested).any())


def test_no_occurrence_means_the_first() -> None:
    index = torch.tensor([3, 8])
    explicit = Draws(1, 2, index, torch.zeros_like(index))
    assert torch.equal(Draws(1, 2, index).uniform("x"), explicit.uniform("x"))


def test_naming_a_purpose_leaves_the_original_alone() -> None:
    draws = draws_of(1, 2)
    before = draws.uniform("x")
    draws.named("other").uniform("x")
    draws.part(slice(1))
    assert len(draws) == 2
    assert torch.equal(draws.uniform("x"), before)


def test_global_generators_are_neither_read_nor_moved() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        state = torch.get_rng_state()
        one = draws_of(1).normal("x", shape=(8,))
        assert torch.equal(torch.get_rng_state(), state)
        torch.manual_seed(1)
        assert torch.equal(draws_of(1).normal("x", shape=(8,)), one)


def test_uniform_over_images_places_and_steps(many: Draws) -> None:
    across_images = many.uniform("x", -3.0, 5.0).numpy()
    assert stats.kstest(across_images, stats.uniform(-3.0, 8.0).cdf).pvalue > SMALLEST_P
    within_image = draws_of(0).uniform("x", shape=(MANY,))[0].numpy()
    assert stats.kstest(within_image, stats.uniform().cdf).pvalue > SMALLEST_P
    across_steps = [float(draws_of(0, step=step).uniform("x")) for step in range(500)]
    assert stats.kstest(across_steps, stats.uniform().cdf).pvalue > SMALLEST_P


def test_neighbouring_keys_are_uncorrelated(many: Draws) -> None:
    pairs = [
        (many.uniform("x")[:-1], many.uniform("x")[1:]),  # images
        many.uniform("x", shape=(2,)).unbind(1),  # places in one draw
        (many.uniform("x"), many.uniform("y")),
        (many.uniform("x"), Draws(7, 4, torch.arange(MANY)).uniform("x")),
        (many.uniform("x"), Draws(8, 3, torch.arange(MANY)).uniform("x")),
    ]
    for a, b in pairs:
        assert abs(stats.pearsonr(a, b).statistic) < 4.0 / MANY**0.5


def test_uniform_from_zero_never_reaches_the_upper_end(monkeypatch: pytest.MonkeyPatch) -> None:
    most = np.full((1, 1), 2**64 - 1, dtype=np.uint64)
    monkeypatch.setattr(Draws, "bits", lambda *_: most)
    assert float(draws_of(0).uniform("x")) == 1.0 - 2.0**-24
    for high in (1, 2, 3, 4, 7, 1000):
        assert int(draws_of(0).integers("x", high)) == high - 1
    monkeypatch.setattr(Draws, "bits", lambda *_: most * np.uint64(0))
    assert float(draws_of(0).uniform("x", -0.5, 2.0)) == -0.5
    assert bool(draws_of(0).normal("x").isfinite().all())


@pytest.mark.parametrize("high", [2, 7, 10])
def test_integers_of_every_range(many: Draws, high: int) -> None:
    values = many.integers("x", high)
    assert values.dtype == torch.int64
    counts = torch.bincount(values, minlength=high)
    assert len(counts) == high
    assert stats.chisquare(counts).pvalue > SMALLEST_P


def test_normal_is_the_inverse_of_the_uniform(many: Draws) -> None:
    unit, values = many.uniform("x").double().numpy(), many.normal("x").numpy()
    # Half a step of 2^-24 keeps zero away from minus infinity.
    np.testing.assert_allclose(values, stats.norm.ppf(unit + 2.0**-25), rtol=1e-3, atol=1e-5)
    assert stats.kstest(values, stats.norm.cdf).pvalue > SMALLEST_P


@pytest.mark.parametrize("probability", [0.0, 0.2, 0.5, 1.0])
def test_chance(many: Draws, probability: float) -> None:
    hits = int(many.chance("x", probability).sum())
    if probability in (0.0, 1.0):
        assert hits == probability * MANY
    else:
        assert stats.binomtest(hits, MANY, probability).pvalue > SMALLEST_P


def test_every_permutation_is_equally_likely(many: Draws) -> None:
    codes = (many.permutations("x", 4) * torch.tensor([64, 16, 4, 1])).sum(1)
    _, counts = codes.unique(return_counts=True)
    assert len(counts) == 24
    assert stats.chisquare(counts).pvalue > SMALLEST_P


def test_shapes() -> None:
    draws = draws_of(1, 2, 3)
    assert draws.uniform("x").shape == (3,)
    assert draws.uniform("x", shape=(2, 4)).shape == (3, 2, 4)
    assert draws.uniform("x", shape=(0,)).shape == (3, 0)
    assert draws.uniform("x").dtype == torch.float32


def test_bits_are_splitmix64() -> None:
    """Against a plain-integer SplitMix64 (Steele, Lea and Flood, 2014) keyed as documented."""
    gamma, mask = 0x9E3779B97F4A7C15, 2**64 - 1

    def mix(z: int) -> int:
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & mask
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & mask
        return z ^ (z >> 31)

    # The published first outputs for seed 1234567.
    assert mix((1234567 + gamma) & mask) == 6457827717110365317
    assert mix((1234567 + 2 * gamma) & mask) == 3203168211198807973
    state = derive_seed(5, 6, "/view", "angle")
    for key in (40, 2):  # index, occurrence
        state = mix((state + (key + 1) * gamma) & mask)
    expected = [mix((state + n * gamma) & mask) for n in (1, 2, 3)]
    draws = Draws(5, 6, torch.tensor([40]), torch.tensor([2])).named("view")
    assert draws.bits("angle", 3).tolist() == [expected]


def test_derive_seed_is_63_bits_of_sha256() -> None:
    # `printf '[0, "encoder"]' | sha256sum` and `printf '[]' | sha256sum` begin with these.
    assert derive_seed(0, "encoder") == int("ff15bbdb5ed365fa", 16) >> 1
    assert derive_seed() == int("4f53cda18c2baa0c", 16) >> 1


def test_derive_seed_tells_parts_apart() -> None:
    parts: list[tuple[int | str, ...]] = [
        (1, 2),
        (12,),
        (1, "2"),
        ("1", "2"),
        (2, 1),
        ("1, 2",),
        (1, 2, ""),
    ]
    assert len({derive_seed(*each) for each in parts}) == len(parts)
