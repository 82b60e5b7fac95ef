"""How far two tables agree on an order: against scipy, known orders, and known noise."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from benchmark.report.orders import Order, Seeds, agreement, order_between
from benchmark.report.scales import SCALES
from benchmark.report.scores import DIRECT, Scores

Means = Mapping[str, Sequence[float]]
SEEDS, IMAGES = 3, 12
#: Means on two tasks, each method apart from the next.
APART = {name: (0.2 + 0.1 * n, 0.3 + 0.1 * n) for n, name in enumerate("abcde")}
#: As many methods as a leaderboard has, of which nothing can be told.
EQUAL = dict.fromkeys("abcdefghijkl", (0.5, 0.5))
SPREAD = {name: (0.4 + 0.02 * n, 0.4 + 0.02 * n) for n, name in enumerate(EQUAL)}


def table(
    true: Means,
    noise: float = 1e-4,
    seed: int = 0,
    tasks: tuple[str, ...] = ("t", "u"),
    seeds: tuple[int, ...] = tuple(range(SEEDS)),
) -> Scores:
    """Methods of known means on each task; every run has luck of its own."""
    rng = np.random.default_rng(seed)
    means = np.array(list(true.values()))[:, :, None, None]
    runs = rng.normal(0, noise, (*means.shape[:2], len(seeds), 1))
    images = rng.normal(0, noise, (1, len(tasks), 1, IMAGES))
    values = np.full((len(true) + 1, len(tasks), len(seeds), IMAGES), np.nan)
    values[:-1] = means + runs + images
    return Scores((*true, DIRECT), tasks, seeds, values, may_be_undefined=False)


def between(one: Scores, other: Scores, metric: str = "dice") -> Order:
    tasks = tuple(dict.fromkeys((*one.tasks, *other.tasks)))
    return order_between(one, other, tasks, SCALES[metric], np.random.default_rng(0))


def test_the_same_order_without_noise() -> None:
    found = between(table(APART), table(APART, seed=1))
    assert found.rho == pytest.approx(1)
    assert found.p == pytest.approx(2 / 120)  # of all orders, this and its reverse
    for seeds in (found.across, found.first, found.second):
        assert (seeds.mean, seeds.low, seeds.high) == pytest.approx((1, 1, 1))
    assert (found.methods, found.left_out, found.reason) == (tuple(APART), (), "")


@pytest.mark.parametrize("metric", ["dice", "hd95"])
def test_a_reversed_order(metric: str) -> None:
    back = dict(zip(APART, reversed(APART.values()), strict=True))
    found = between(table(APART), table(back, seed=1), metric)
    assert found.rho == pytest.approx(-1)
    assert found.across.mean == pytest.approx(-1)
    assert found.first.mean == found.second.mean == pytest.approx(1)


def averaged(one: Means, other: Means, noise: tuple[float, float]) -> tuple[float, float, float]:
    """Across, first and second, means over repetitions."""
    found = [
        between(table(one, noise[0], 2 * n), table(other, noise[1], 2 * n + 1)) for n in range(60)
    ]
    across, first, second = (
        float(np.mean([getattr(order, name).mean for order in found]))
        for name in ("across", "first", "second")
    )
    return across, first, second


@pytest.mark.parametrize(
    ("true", "noise", "within"),
    [
        (EQUAL, (0.05, 0.05), (0.0, 0.0)),
        (SPREAD, (0.05, 0.05), (0.8, 0.8)),
        (SPREAD, (0.02, 0.2), (0.95, 0.25)),
    ],
)
def test_an_order_that_is_the_same_agrees_across_as_it_does_within(
    true: Means, noise: tuple[float, float], within: tuple[float, float]
) -> None:
    """Whatever the luck of a run, in one table or both: nothing looks changed that is not."""
    across, first, second = averaged(true, true, noise)
    assert (first, second) == pytest.approx(within, abs=0.12)
    assert across == pytest.approx(np.sqrt(max(first, 0.0) * max(second, 0.0)), abs=0.05)


def test_an_order_that_has_changed_agrees_less_across() -> None:
    mixed = dict(zip(SPREAD, [*SPREAD.values()][::-1], strict=True)) | {"a": SPREAD["a"]}
    across, first, second = averaged(SPREAD, mixed, (0.05, 0.05))
    assert across < min(first, second) - 0.5


def test_values_are_scipys_on_what_both_have() -> None:
    one = table(APART, 0.1)
    other = table(
        {name: APART[name] for name in "abce"} | {"z": (0.5, 0.5)}, 0.1, 1, ("u", "v"), (1, 2, 3)
    )
    found = between(one, other)
    assert (found.methods, found.left_out, found.tasks) == (
        ("a", "b", "c", "e"),
        ("d", "z"),
        ("u",),
    )
    x = one.values[[0, 1, 2, 4], 1].mean(axis=-1)
    y = other.values[:4, 0].mean(axis=-1)
    assert found.rho == pytest.approx(spearmanr(x.mean(axis=1), y.mean(axis=1)).statistic)
    pairs = [(s, t) for s in range(3) for t in range(3) if s != t + 1]
    across = [spearmanr(x[:, s], y[:, t]).statistic for s, t in pairs]
    assert (found.across.mean, found.across.low) == pytest.approx((np.mean(across), min(across)))
    first = [spearmanr(x[:, s], x[:, t]).statistic for s, t in combinations(range(3), 2)]
    assert (found.first.mean, found.first.high) == pytest.approx((np.mean(first), max(first)))


def test_ranks_are_averaged_over_tasks() -> None:
    one, other = table(APART, 0.2), table(APART, 0.2, 1)
    ranks = [
        np.mean([rankdata(-each.values[:5, t].mean(axis=(1, 2))) for t in range(2)], axis=0)
        for each in (one, other)
    ]
    assert between(one, other).rho == pytest.approx(spearmanr(*ranks).statistic)


def test_a_method_is_left_out_for_a_cell_of_the_tasks_compared_only() -> None:
    one, other = table(APART), table(APART, seed=1, tasks=("t", "v"))
    one.values[0, 1, 2] = np.nan  # a on u, which the other has not
    other.values[1, 0, 1] = np.nan  # b on t
    found = between(one, other)
    assert (found.methods, found.left_out) == (("a", "c", "d", "e"), ("b",))


def test_one_seed_agrees_with_nobody() -> None:
    one, other = table(APART, seeds=(0,)), table(APART, seed=1, seeds=(0,))
    found = between(one, other)
    assert found.rho == pytest.approx(1)
    for seeds in (found.across, found.first, found.second):
        assert np.isnan(seeds.mean)


def test_equal_values_have_no_correlation() -> None:
    same, rising = np.ones(4), np.arange(4.0)
    assert agreement([(same, rising), (rising, rising)]) == Seeds(1.0, 1.0, 1.0)
    assert np.isnan(agreement([(same, rising)]).mean)


def test_what_cannot_be_compared_says_why() -> None:
    assert between(table(APART), table(APART, tasks=("v", "w"))).reason == "no task to compare on"
    few = table({name: APART[name] for name in "ab"})
    assert between(table(APART), few).reason == "too few methods: 2, not 3"
    none = table({name: APART[name] for name in "ab"} | {"c": (0.1, 0.2)})
    none.values[:] = np.nan
    assert between(table(APART), none).reason == "no task to compare on"
