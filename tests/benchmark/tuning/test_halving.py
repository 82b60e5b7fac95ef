"""Who gets which part of the budget, whatever the order in which values come in."""

import itertools
import random

import pytest

from benchmark.tuning.halving import Halving, Standing

HALVING = Halving(images=3000, rungs=3, factor=2)


def played(values: dict[int, list[float]], seed: int, trials: int = 12) -> dict[int, Standing]:
    """Compute what is due in a random order until nothing is."""
    rng, standings, bracket = random.Random(seed), dict[int, Standing](), list(range(trials))
    while due := HALVING.due(bracket, standings):
        rung, trial = rng.choice(due)
        known = dict(standings.get(trial, Standing({})).values)
        standings[trial] = Standing({**known, rung: values[trial][rung]})
    return standings


def test_images_double_and_end_at_the_budget() -> None:
    assert [HALVING.images_at(rung) for rung in range(3)] == [750, 1500, 3000]
    assert [Halving(10, 3, 3).images_at(rung) for rung in range(3)] == [2, 4, 10]
    assert Halving(10, 1, 2).images_at(0) == 10
    assert [HALVING.survivors(12, rung) for rung in range(3)] == [12, 6, 3]
    assert [HALVING.survivors(2, rung) for rung in range(3)] == [2, 1, 1]


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_computation_decides_nothing(seed: int) -> None:
    rng = random.Random(0)
    values = {trial: [rng.random() for _ in range(3)] for trial in range(12)}
    values[0] = [-1.0, -1.0, -1.0]
    first, other = played(values, 0), played(values, seed)
    assert first == other
    reached = [sum(rung in s.values for s in other.values()) for rung in range(3)]
    # The defaults, though the worst, go on beside the others.
    assert reached == [12, 7, 4]
    assert set(other[0].values) == {0, 1, 2}
    at = [[trial for trial, s in other.items() if rung in s.values and trial] for rung in range(3)]
    for rung in (0, 1):
        left = [trial for trial in at[rung] if trial not in at[rung + 1]]
        assert min(values[t][rung] for t in at[rung + 1]) > max(values[t][rung] for t in left)


def test_all_methods_spend_alike() -> None:
    """Whatever the values."""
    spent = set()
    for seed in range(30):
        rng = random.Random(seed)
        values = {trial: [rng.random() for _ in range(3)] for trial in range(12)}
        standings = played(values, seed)
        spent.add(sum(HALVING.images_at(max(s.values)) for s in standings.values()))
    assert spent == {5 * 750 + 3 * 1500 + 4 * 3000}


def test_equal_values_go_by_number() -> None:
    values = {trial: [0.5, 0.5, 0.5] for trial in range(8)}
    standings = played(values, 3, trials=8)
    assert sorted(t for t, s in standings.items() if 1 in s.values) == [0, 1, 2, 3, 4]
    fates = HALVING.fates(range(8), standings)
    assert [t for t, fate in sorted(fates.items()) if fate == "complete"] == [0, 1, 2]
    assert len(fates) == 8


def test_nobody_goes_on_before_all_are_compared() -> None:
    standings = {trial: Standing({0: 0.1}) for trial in range(3)}
    assert HALVING.due(range(4), standings) == [(0, 3)]
    assert HALVING.fates(range(4), standings) == {}
    standings[3] = Standing({}, failed=True)
    assert HALVING.due(range(4), standings) == [(1, 0), (1, 1), (1, 2)]
    standings[3] = Standing({0: 0.05})
    assert HALVING.fates(range(4), standings) == {3: "pruned"}


def test_who_fails_is_followed_by_nobody_worse() -> None:
    """A trial that fails on its way leaves its place empty; all may fail."""
    standings = {trial: Standing({0: trial / 10}) for trial in range(4)}
    standings[3] = Standing({0: 0.3}, failed=True)
    assert HALVING.due(range(4), standings) == [(1, 0), (1, 2)]  # not 1, which was worse
    gone = {trial: Standing({}, failed=True) for trial in range(4)}
    assert HALVING.due(range(4), gone) == []
    assert HALVING.fates(range(4), gone) == {}


def test_one_rung_is_no_halving() -> None:
    plain = Halving(images=100, rungs=1, factor=2)
    assert plain.due(range(3), {}) == [(0, 0), (0, 1), (0, 2)]
    done = {trial: Standing({0: 0.0}) for trial in range(3)}
    assert plain.fates(range(3), done) == dict.fromkeys(range(3), "complete")


def test_brackets_without_the_defaults() -> None:
    """Trials that are added later are compared among themselves."""
    standings = {trial: Standing({0: float(trial)}) for trial in range(12, 16)}
    assert HALVING.due(range(12, 16), standings) == [(1, 14), (1, 15)]
    assert list(itertools.chain(HALVING.fates(range(12, 16), standings))) == [12, 13]
