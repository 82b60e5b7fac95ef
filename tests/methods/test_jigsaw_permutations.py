"""Jigsaw's set of permutations against brute force and the bound that no set exceeds."""

import math
from itertools import combinations, permutations

import numpy as np
import pytest
import torch

from methods.errors import ConfigError
from methods.jigsaw import Jigsaw
from methods.jigsaw.puzzles import farthest, permutation_set
from methods.pretrain import build


def distance(p: list[int], q: list[int]) -> int:
    return sum(a != b for a, b in zip(p, q, strict=True))


def test_each_permutation_is_the_farthest_from_those_before() -> None:
    taken = farthest(2, 24).tolist()
    everything = [list(p) for p in permutations(range(4))]
    assert sorted(taken) == everything
    for number in range(1, 24):
        sums = [sum(distance(p, q) for q in taken[:number]) for p in taken[number:]]
        assert sums[0] == max(sums)
    # The first four are as far apart as any four can be.
    best = max(
        sum(distance(p, q) for p, q in combinations(four, 2))
        for four in combinations(everything, 4)
    )
    assert sum(distance(p, q) for p, q in combinations(taken[:4], 2)) == best == 24


@pytest.mark.parametrize(("count", "mean"), [(9, 9.0), (64, 8.125), (100, 8.08)])
def test_hamming_distances_of_nine_tiles(count: int, mean: float) -> None:
    """8.08 for 100 is the paper's; no set has more: every tile is as often in every place."""
    taken = permutation_set(3, count).numpy()
    assert (np.sort(taken, axis=1) == np.arange(9)).all()
    distances = (taken[:, None] != taken[None]).sum(axis=2)[np.triu_indices(count, 1)]
    often, more = divmod(count, 9)
    agreeing = (9 - more) * math.comb(often, 2) + more * math.comb(often + 1, 2)
    assert distances.mean() == pytest.approx(9.0 - 9.0 * agreeing / math.comb(count, 2))
    assert distances.mean() == pytest.approx(mean, abs=0.005)
    assert distances.min() >= 3
    others = np.array([np.random.default_rng(s).permutation(9) for s in range(count)])
    random = (others[:, None] != others[None]).sum(axis=2)[np.triu_indices(count, 1)]
    assert random.mean() < distances.mean() - 0.05


def test_impossible_sets_are_refused_and_a_loaded_state_leaves_others_alone() -> None:
    for grid, count, match in ((4, 10, "tiles a side, not 4"), (2, 25, "24 permutations")):
        with pytest.raises(ConfigError, match=match):
            permutation_set(grid, count)
    first, second = (build(Jigsaw, Jigsaw.Config(), "tiny", 3, seed=s) for s in (0, 1))
    assert isinstance(first, Jigsaw)
    assert isinstance(second, Jigsaw)
    before = first.permutations.clone()
    first.load_state_dict({**first.state_dict(), "permutations": before.flip(0)})
    assert torch.equal(first.permutations, before.flip(0))
    assert torch.equal(second.permutations, before)
    assert torch.equal(permutation_set(3, 100), before)
