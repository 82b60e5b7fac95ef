"""Variance components, the detectable difference and planned seeds, against simulations."""

import numpy as np
import pytest

from benchmark.report.pairing import Against
from benchmark.report.persons import by_person
from benchmark.report.power import Power, power
from benchmark.report.practical import NO_DRAWS
from benchmark.report.scales import SCALES
from benchmark.report.scores import DIRECT, Scores
from benchmark.report.statistics import bootstrap, interval
from benchmark.report.variance import Split, split
from tests.benchmark.made_up_scores import grid, simulated

DICE = SCALES["dice"]


def powers(values: np.ndarray, task: str | None = None) -> Against[Power]:
    scores = grid(values)
    sample = bootstrap(scores, np.random.default_rng(0), 1000)
    return power(scores, sample, "m0", scale=DICE, task=task)


def crossed(
    rng: np.random.Generator, shape: tuple[int, int, int], run: float, image: float, rest: float
) -> np.ndarray:
    """Differences (tasks, seeds, images) of known standard deviations."""
    tasks, seeds, images = shape
    return np.asarray(
        rng.normal(0, run, (tasks, seeds, 1))
        + rng.normal(0, image, (tasks, 1, images))
        + rng.normal(0, rest, shape)
    )


def test_components_are_unbiased() -> None:
    rng = np.random.default_rng(1)
    run, image, rest = 0.03, 0.08, 0.05
    found = [split(d[None]) for d in crossed(rng, (1500, 4, 12), run, image, rest)]
    parts = [part for part in found if isinstance(part, Split)]
    assert len(parts) == 1500
    assert np.mean([part.one_seed for part in parts]) == pytest.approx(
        run**2 + rest**2 / 12, rel=0.07
    )
    assert np.mean([part.images for part in parts]) == pytest.approx(image**2 / 12, rel=0.07)


def test_components_against_a_slow_analysis_of_variance() -> None:
    table = crossed(np.random.default_rng(2), (1, 3, 7), 0.1, 0.5, 0.1)[0]
    seeds, images = table.shape
    mean = table.mean()
    rest = 0.0
    for s in range(seeds):
        for i in range(images):
            rest += (table[s, i] - table[s].mean() - table[:, i].mean() + mean) ** 2
    rest /= (seeds - 1) * (images - 1)
    between = seeds * sum((table[:, i].mean() - mean) ** 2 for i in range(images)) / (images - 1)
    found = split(table[None])
    assert isinstance(found, Split)
    assert found.images == pytest.approx((between - rest) / seeds / images)
    assert found.one_seed == pytest.approx(
        sum((table[s].mean() - mean) ** 2 for s in range(seeds)) / (seeds - 1)
    )


def test_a_persons_images_and_tasks_vary_together() -> None:
    rng = np.random.default_rng(7)
    once = crossed(rng, (1, 4, 12), 0.03, 0.08, 0.05)
    eyes = split(np.repeat(once, 2, axis=2), np.arange(24)[None] // 2)
    tasks = split(np.repeat(once, 2, axis=0), np.tile(np.arange(12), (2, 1)))
    for found in (eyes, tasks):
        assert isinstance(found, Split)
        known = split(once)
        assert isinstance(known, Split)
        assert found.one_seed == pytest.approx(known.one_seed)
        assert found.images == pytest.approx(known.images)


def test_whoever_has_more_images_weighs_more() -> None:
    """The columns of persons have the mean of the images, and the variance that resampling has."""
    rng = np.random.default_rng(8)
    place = np.repeat(np.arange(40), rng.integers(1, 4, 40))
    table = (rng.normal(0.5, 0.1, 40)[place] + rng.normal(0, 0.05, place.size))[None]
    columns = by_person(table, place, 40)
    assert columns.mean() == pytest.approx(table.mean())
    drawn = [
        np.concatenate([table[0, place == who] for who in rng.integers(0, 40, 40)]).mean()
        for _ in range(4000)
    ]
    assert columns.var() / 40 == pytest.approx(np.var(drawn), rel=0.1)


def test_runs_do_not_hide_persons_with_more_images() -> None:
    rng = np.random.default_rng(9)
    place = np.repeat(np.arange(10), [1, 5] * 5)
    whose, weights = place[None], np.bincount(place) / place.size
    found = [
        split(crossed(rng, (1, 3, 1), 0.05, 0, 0) + rng.normal(0, 0.02, 10)[place], whose)
        for _ in range(400)
    ]
    parts = [part.images for part in found if isinstance(part, Split)]
    # Ten persons' mean has n - 1 in place of n.
    assert np.mean(parts) == pytest.approx(0.02**2 * (weights**2).sum(), rel=0.15)
    assert min(parts) > 0


def test_tasks_that_show_some_of_the_same_persons_vary_together() -> None:
    rng = np.random.default_rng(10)
    whose = np.tile(np.arange(30), (2, 1))
    parts: dict[str, list[float]] = {"whole": [], "some": []}
    for _ in range(300):
        both = np.repeat(crossed(rng, (1, 4, 30), 0.03, 0.08, 0.0), 2, axis=0)
        some = both.copy()
        some[1, :, 27:] = np.nan
        for name, table in (("whole", both), ("some", some)):
            found = split(table, whose)
            assert isinstance(found, Split)
            parts[name].append(found.images)
    assert np.mean(parts["whole"]) == pytest.approx(0.08**2 / 30, rel=0.1)
    assert np.mean(parts["some"]) == pytest.approx(0.08**2 * (27 + 3 / 4 + 2) / 30**2, rel=0.1)


def test_runs_that_go_together_on_all_tasks_are_not_averaged_away() -> None:
    # The same run effect on 12 tasks: its variance stays; a separate one would shrink twelvefold.
    rng = np.random.default_rng(3)
    run = rng.normal(0, 0.1, (1, 5, 1))
    found = split(run + rng.normal(0, 0.001, (12, 5, 30)))
    assert isinstance(found, Split)
    assert found.one_seed == pytest.approx(run.var(ddof=1), rel=0.02)


def test_the_bootstraps_error_is_the_splits() -> None:
    rng = np.random.default_rng(4)
    d = crossed(rng, (3, 10, 40), 0.05, 0.08, 0.02)
    base = rng.uniform(0.4, 0.6, (1, 3, 10, 40))
    (row,) = powers(np.concatenate([base + d, base])).rows
    part = split(d)
    assert isinstance(part, Split)
    # The bootstrap counts the rest up to three times (Owen 2007, Theorem 1): here 1 % of all.
    assert row.error**2 == pytest.approx(part.variance(10), rel=0.12)
    assert row.detectable == pytest.approx(2.8016 * row.error, rel=1e-4)
    assert row.share == pytest.approx(part.share)
    assert row.difference == pytest.approx(d.mean(), abs=1e-8)


def test_a_detectable_difference_is_found_four_times_out_of_five() -> None:
    # 600 tables, binomial standard deviation 1.6 points, three allowed below. The bootstrap counts
    # the rest more than once, so differences are found a little more often: 8 allowed above.
    rng = np.random.default_rng(5)
    values = simulated(rng, tasks=600, seeds=10, images=50)
    sample = bootstrap(grid(values), rng, 400)
    low, _ = interval(sample.draws[:, 0] - sample.draws[:, 1])
    rows = [power(grid(values), sample, "m0", scale=DICE, task=f"t{t}").rows[0] for t in range(600)]
    # Every table gets the typical detectable difference, which moves its interval along.
    detectable = np.sqrt(np.mean([row.detectable**2 for row in rows]))
    found = np.mean(low + detectable > 0)
    print(f"power at the detectable difference: {found:.3f}")  # noqa: T201
    assert 0.75 <= found <= 0.88


def test_planned_seeds_halve_the_interval() -> None:
    rng = np.random.default_rng(6)
    part = Split(seeds=4, one_seed=0.0025 + 0.0001 / 30, images=0.02**2 / 30)
    seeds = part.seeds_for(2.0)
    assert seeds is not None
    lengths = []
    for n in (4, seeds):
        means = crossed(rng, (20_000, n, 30), 0.05, 0.02, 0.01).mean(axis=(1, 2))
        low, high = interval(means)
        lengths.append(high - low)
    assert lengths[1] / lengths[0] == pytest.approx(0.5, abs=0.02)
    assert part.variance(seeds) <= part.variance(4) / 4 < part.variance(seeds - 1)


def test_seeds_for_limit_cases() -> None:
    assert Split(5, 1.0, 0.0).seeds_for(2.0) == 20
    assert Split(5, 1.0, 0.0).share == 1
    assert Split(5, 1.0, 0.2 / 3).seeds_for(2.0) is None  # images alone make half the length
    assert Split(5, 0.0, 1.0).seeds_for(2.0) is None


def test_advice_in_words() -> None:
    rng = np.random.default_rng(7)
    base = rng.uniform(0.4, 0.6, (1, 1, 5, 40))
    runs, images = crossed(rng, (1, 5, 40), 0.1, 0, 0.001), crossed(rng, (1, 5, 40), 0, 0.1, 0.001)
    (row,) = powers(np.concatenate([base + runs, base])).rows
    assert (row.advice, row.halved, row.seeds) == ("20 seeds", 20, 5)
    (row,) = powers(np.concatenate([base + images, base])).rows
    assert (row.advice, row.halved) == ("no number of seeds", None)


def test_what_cannot_be_planned_says_why() -> None:
    values = np.random.default_rng(8).uniform(0, 1, (4, 2, 3, 9))
    values[2, 1, 1] = values[3] = np.nan
    reasons = [row.reason for row in powers(values).rows]
    assert reasons == ["", "m2 lacks scores on t1", "no scores of m3"]
    assert powers(values[:1]).reason == "only m0: there is nothing to compare it with"
    cases = {
        "one seed": values[:2, :, :1],
        NO_DRAWS: values[:2, :, :, :1],
        "no spread": np.concatenate([values[:1], values[:1] + 0.25]),
    }
    for reason, case in cases.items():
        (row,) = powers(case).rows
        assert row.reason.startswith(reason)
        assert np.isnan([row.error, row.detectable, row.share]).all()
        assert row.halved is None
        assert row.advice == row.reason
    (row,) = powers(np.repeat(values[:1], 2, axis=0)).rows
    assert row.reason.startswith("no spread")


def test_an_empty_board_and_a_single_draw() -> None:
    empty = Scores(("m0", DIRECT), (), (), np.empty((2, 0, 0, 0)), False)
    assert "no scores" in _reasons(empty, draws=9)
    values = np.random.default_rng(11).uniform(0, 1, (2, 1, 3, 9))
    assert _reasons(grid(values), draws=1)[0].startswith("no spread")


def _reasons(scores: Scores, draws: int) -> list[str]:
    sample = bootstrap(scores, np.random.default_rng(0), draws)
    return [row.reason for row in power(scores, sample, "m0", scale=DICE).rows]


def test_tasks_with_other_seeds_cannot_be_split() -> None:
    values = np.random.default_rng(9).uniform(0, 1, (2, 2, 3, 9))
    values[:, 1, 2] = np.nan
    (row,) = powers(values).rows
    assert row.reason.startswith("tasks differ in their seeds")
    assert not powers(values, task="t1").rows[0].reason


def test_undefined_scores_leave_their_images_out() -> None:
    d = crossed(np.random.default_rng(10), (1, 3, 9), 0.1, 0.5, 0.1)
    holed = d.copy()
    holed[0, 1, 4] = np.nan
    assert split(holed) == split(np.delete(d, 4, axis=2))
    holed[0, 0, 1:] = np.nan
    assert isinstance(split(holed), str)
