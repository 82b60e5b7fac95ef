"""How far two tables agree on an order: against scipy, known orders, and known noise."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from benchmark.report.leaderboard import Row, sampled
from benchmark.report.orders import Order, correlations, mean_ranks, order_between
from benchmark.report.sampled import Sampled

Means = Mapping[str, Sequence[float]]
DRAWS = 400
SEEDS, IMAGES = 4, 12


def table(
    true: Mapping[str, Sequence[float]], noise: float, seed: int, tasks: str = "tu"
) -> Sampled:
    """Methods of known means on each task; runs and images differ by noise."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "method": method,
            "task": task,
            "domain": "fundus",
            "source": "real",
            "stage": "finetuned",
            "fraction": 1.0,
            "seed": run,
            "metric": "dice",
            "image": f"{image:02}",
            "status": "done",
            "score": float(np.clip(mean + shift + rng.normal(0, noise), 0, 1)),
        }
        for method, means in true.items()
        for task, mean in zip(tasks, means, strict=True)
        for run in range(SEEDS)
        for shift in [rng.normal(0, noise)]
        for image in range(IMAGES)
    ]
    return sampled(
        pd.DataFrame(rows), np.random.default_rng([seed, 1]), stage="finetuned", draws=DRAWS
    )


def between(one: Sampled, other: Sampled) -> Order:
    return order_between(one, other, np.random.default_rng(0))


def rows_of(table: Sampled, methods: str) -> list[Row]:
    return sorted(
        (row for row in table.board.rows if row.method in methods), key=lambda row: row.method
    )


APART = {name: (0.2 + 0.1 * n, 0.3 + 0.1 * n) for n, name in enumerate("abcde")}


def test_the_same_order_without_noise_is_certain() -> None:
    found = between(table(APART, 1e-4, 0), table(APART, 1e-4, 1))
    assert (found.rho.value, found.rho.low, found.rho.high) == pytest.approx((1, 1, 1))
    assert found.again.value == pytest.approx(1)
    assert (found.decided, found.turned, found.reason) == (10, (), "")
    assert found.p == pytest.approx(2 / 120)  # of all orders, this and its reverse


def test_a_reversed_order_turns_every_pair() -> None:
    back = dict(zip(APART, reversed(APART.values()), strict=True))
    found = between(table(APART, 1e-4, 0), table(back, 1e-4, 1))
    assert (found.rho.value, found.rho.low, found.rho.high) == pytest.approx((-1, -1, -1))
    assert found.decided == len(found.turned) == 10
    assert ("e", "a") in found.turned  # better in the first, in the second
    assert ("a", "e") not in found.turned


def test_one_pair_that_changes_places_is_named() -> None:
    swapped = {**APART, "a": APART["e"], "e": APART["a"]}
    found = between(
        table({n: APART[n] for n in "ae"} | {"c": APART["c"]}, 1e-4, 0),
        table({n: swapped[n] for n in "ae"} | {"c": APART["c"]}, 1e-4, 1),
    )
    assert set(found.turned) == {("e", "a"), ("e", "c"), ("c", "a")}


def test_equal_methods_agree_no_better_with_themselves() -> None:
    equal = dict.fromkeys("abcdef", (0.5, 0.5))
    found = between(table(equal, 0.05, 0), table(equal, 0.05, 1))
    assert found.rho.low < 0.0 < found.rho.high
    assert found.again.low < 0.5
    assert found.turned == ()


def test_values_are_scipys_on_what_both_have() -> None:
    one = table(APART, 0.1, 0, "tu")
    fewer = {name: APART[name] for name in "abce"}
    other = table(fewer | {"z": (0.5, 0.5)}, 0.1, 1, "uv")
    found = between(one, other)
    assert (found.methods, found.tasks) == (("a", "b", "c", "e"), ("u",))
    means = [
        each.sample.means[
            [each.scores.methods.index(m) for m in "abce"], each.scores.tasks.index("u")
        ]
        for each in (one, other)
    ]
    assert found.rho.value == pytest.approx(spearmanr(*means).statistic)


def test_correlations_are_scipys_draw_by_draw() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.integers(0, 4, (50, 6)).astype(float) for _ in range(2))
    a[3] = 1.0
    b[5, 2] = np.nan
    got = correlations(a, b)
    assert np.isnan(got[[3, 5]]).all()
    for n in set(range(50)) - {3, 5}:
        assert got[n] == pytest.approx(spearmanr(a[n], b[n]).statistic)


def test_ranks_are_taken_among_the_shared_methods_alone() -> None:
    observed, drawn = mean_ranks(table(APART, 1e-4, 0), ("a", "c"), ("t",))
    assert observed.tolist() == [2.0, 1.0]
    assert drawn.shape == (DRAWS, 2)


def test_what_cannot_be_compared_says_why() -> None:
    one = table(APART, 0.1, 0, "tu")
    assert between(one, table(APART, 0.1, 1, "vw")).reason == "no task in both"
    few = table({name: APART[name] for name in "ab"}, 0.1, 1)
    found = between(one, few)
    assert found.reason == "too few methods: 2, not 3"
    assert np.isnan(found.rho.value)
