"""The luck of the best of many rivals, in worlds where the true leads are known."""

import numpy as np
import pandas as pd
import pytest

from benchmark.report.evidence import luck
from benchmark.report.probabilities import certain
from tasks import TASKS
from tests.benchmark.plain_claims import claim, frame, judged

RIVALS = tuple(f"r{i}" for i in range(18))
#: Standard deviation of a method's mean by the luck of its runs.
NOISE = 0.01


def drawn(rng: np.random.Generator, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means and draws of methods: luck of their own, and a part that all share."""
    means = true + rng.normal(0, NOISE, true.size)
    shared = rng.normal(0, 0.03, (400, 1))
    return means, means + rng.normal(0, NOISE, (400, true.size)) + shared


@pytest.mark.parametrize("spread", [0.0, 0.005, 0.02, 0.1])
def test_the_best_of_a_draw_is_as_lucky_as_is_said(spread: float) -> None:
    """In the mean over worlds; off by less than a fifth of what is left uncorrected."""
    rng = np.random.default_rng(0)
    said, true = [], []
    for _ in range(200):
        scores = rng.normal(0.5, spread, 18)
        means, draws = drawn(rng, scores)
        said.append(luck(means, draws))
        true.append(draws.max(axis=1).mean() - scores.max())
    assert np.mean(said) == pytest.approx(np.mean(true), abs=0.2 * NOISE * 2.6)


def test_one_far_ahead_needs_no_luck() -> None:
    rng = np.random.default_rng(0)
    ahead = np.array([0.9, *np.full(17, 0.5)])
    assert luck(*drawn(rng, ahead)) < 0.001
    assert luck(*drawn(rng, ahead[1:])) > 0.02


def test_without_rivals_or_draws_there_is_none() -> None:
    means, draws = np.array([0.5, 0.6]), np.full((10, 2), 0.5)
    assert luck(means[:1], draws[:, :1]) == 0.0
    assert luck(means, np.full((1, 2), np.nan)) == 0.0
    assert luck(np.array([0.5, np.nan]), draws) == 0.0
    assert luck(np.full(3, 0.5), np.full((10, 3), 0.5)) == 0.0


def test_a_number_is_certain_by_all_tasks_together() -> None:
    assert certain(np.zeros(12), 0.95) == 12
    assert certain(np.ones(12), 0.95) == 0
    assert certain(np.array([0.0] * 8 + [1.0] * 4), 0.95) == 8
    # r of 4: 4 x 0.0125, 3 x 0.016 and 2 x 0.025 suffice, 0.051 does not.
    assert certain(np.array([0.051, 0.0125, 0.025, 0.016]), 0.95) == 3
    assert certain(np.array([0.03, 0.0, 0.02, 0.03]), 0.95) == 1
    assert certain(np.array([0.02]), 0.95) == 1


def world(seed: int, lead: float) -> pd.DataFrame:
    """Eighteen equal rivals, LD so far ahead of all of them on every task, three seeds."""
    scores = frame(dict.fromkeys(TASKS, lead), RIVALS, seeds=3)
    runs = scores.groupby(["method", "task", "seed"], observed=True).ngroup()
    scores["score"] += np.random.default_rng(seed).normal(0, 0.02, runs.max() + 1)[runs]
    return scores


def test_a_method_that_leads_everywhere_is_not_found_to_fail() -> None:
    about = claim(against=list(RIVALS))
    ahead = [judged(about, world(seed, 0.02)) for seed in range(4)]
    assert all(verdict.probability.high <= 0.05 for verdict in ahead)  # by themselves: fails
    assert all(verdict.answer == "undecided" for verdict in ahead)
    assert all(verdict.expected.low > 6 for verdict in ahead)
    # Three seeds: at worst a 95 % interval covers 75 % (statistics.FEW_COVERAGE).
    lost = sum(len(verdict.of_state("loss")) for verdict in ahead)
    assert lost <= 0.25 * 12 * len(ahead)


def test_chances_that_disagree_are_told_no_number_of_seeds() -> None:
    close = judged(claim(against=list(RIVALS)), world(0, 0.0))
    apart = [o for o in close.of_state("coin flip") if o.chance.high <= 0.05]
    assert apart
    assert all(o.remedy.startswith("rivals are too close to tell") for o in apart)
    assert all(o.corrected.high > 0.05 for o in apart)


def test_a_rival_that_is_missing_leaves_a_task_unknown() -> None:
    """The known rivals beat it in every draw, though perhaps by luck; another has no score."""
    scores = world(0, 0.0)
    there = scores[scores["method"] != RIVALS[0]]
    verdict = judged(claim(against=list(RIVALS)), there)
    assert not verdict.of_state("coin flip")
    assert verdict.of_state("unknown")


def test_a_method_that_is_behind_is_found_to_fail() -> None:
    about = claim(against=list(RIVALS))
    behind = [judged(about, world(seed, -0.02)) for seed in range(4)]
    assert all(verdict.answer == "fails" for verdict in behind)
    far = judged(about, world(0, 0.15))
    assert far.answer == "holds"
    assert len(far.of_state("win")) == 12
