"""What a report says of studies: gains that do not flatter, and what mattered."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.durable import put_folder, write_json
from benchmark.report.estimate import Estimate
from benchmark.report.figures.canvas import png
from benchmark.report.figures.tuning import height, history_figure, parallel_figure
from benchmark.report.tuned import Gain, chosen_again, gain, importance, last_scores
from benchmark.report.tuning import LONE, remarks, summary, values
from benchmark.store import Store
from benchmark.tuning.snapshot import Snapshot, Trial, scores_name
from benchmark.tuning.trials import RECORD, Validated, objective, place, put_scores
from tests.benchmark.made_up_scores import grid

SPACE = {
    "rate": {"low": 1e-4, "high": 1e-2, "log": True, "type": "float"},
    "count": {"low": 1, "high": 40, "log": False, "type": "int"},
}
RNG = np.random.default_rng(0)


def trial(index: int, values: dict[int, float], rate: float = 1e-3, count: int = 10) -> Trial:
    state = "complete" if 1 in values else "pruned" if values else "failed"
    params = {"rate": rate, "count": count}
    return Trial(index, index, index, params, values, (0,), state, False, "nan", 1)


def study(*trials: Trial) -> Snapshot:
    terms = {"space": SPACE, "seed": 1000, "floor": "0123456789abcdef", "images": "phantom"}
    return Snapshot("n", "ld-0", "ld", "fundus", terms, [20, 40], [len(trials)], True, [*trials])


def kept(store: Store, name: str, dice: dict[str, list[float]]) -> None:
    rows = {task: {str(n): v for n, v in enumerate(own)} for task, own in dice.items()}

    def fill(folder: Path) -> None:
        put_scores(folder, rows)
        write_json(folder / RECORD, {"images_drawn": 40})

    put_folder(place(store, name), fill)


def test_gains_and_their_intervals(tmp_path: Path) -> None:
    store = Store(tmp_path)
    found = study(trial(0, {0: 0.0, 1: 0.2}), trial(1, {0: 0.0, 1: 0.4}), trial(2, {0: 0.1}))
    kept(store, "floor-0123456789ab", {"a": [0.2] * 4, "b": [0.5] * 4})
    kept(
        store,
        scores_name("ld-0", found.trials[0], 1),
        {"a": [0.3, 0.4, 0.5, 0.6], "b": [0.5, 0.5, 0.6, 0.6]},
    )
    kept(
        store,
        scores_name("ld-0", found.trials[1], 1),
        {"a": [0.4, 0.6, 0.6, 0.8], "b": [0.5, 0.5, 0.6, 0.6]},
    )
    seen = gain(store, found, np.random.default_rng(0))
    assert seen is not None
    assert seen.by_task == pytest.approx({"a": 0.15, "b": 0.0})
    assert seen.chosen.value == pytest.approx(0.075)
    assert (seen.chosen.low, seen.chosen.high) == pytest.approx((0.05, 0.1))
    # The same trial is the best on every half.
    assert seen.held_out.value == pytest.approx(0.075, abs=0.002)
    again = gain(store, found, np.random.default_rng(0))
    assert again == seen
    row = summary(found, seen, 120)
    assert (row["best trial"], row["pruned"], row["gain"]) == (1, 1, "+0.075 [.050, .100]")
    only = study(trial(0, {0: 0.0, 1: 0.2}))
    alone = gain(store, only, np.random.default_rng(0))
    assert alone is not None
    assert (alone.chosen.value, alone.chosen.low, alone.held_out.value) == (0.0, 0.0, 0.0)
    assert gain(store, study(trial(0, {0: 0.0})), RNG) is None


def test_a_choice_among_equals_gains_nothing() -> None:
    """Twelve trials that differ by chance: the best of them flatters, held out it does not."""
    rng = np.random.default_rng(1)
    flattered, honest = [], []
    for _ in range(40):
        dice = np.clip(rng.normal(0.5, 0.1, (12, 2, 10)), 0.0, 1.0)
        scores = dice.mean(axis=(1, 2))
        flattered.append(scores.max() - scores[0])
        honest.append(chosen_again(grid(dice[:, :, None]), np.zeros(2), 0, rng).value)
    assert np.mean(flattered) > 0.03
    assert abs(np.mean(honest)) < 0.015


def test_a_real_gain_is_found_again() -> None:
    rng = np.random.default_rng(2)
    dice = np.clip(rng.normal(0.5, 0.05, (12, 2, 10)), 0.0, 1.0)
    dice[7] += 0.2
    seen = chosen_again(grid(dice[:, :, None]), np.zeros(2), 0, rng)
    assert seen.value == pytest.approx(0.2, abs=0.05)
    assert seen.low > 0.1


def test_one_image_gives_no_held_out_gain() -> None:
    assert math.isnan(chosen_again(grid(np.full((3, 1, 1, 1), 0.5)), np.zeros(1), 0, RNG).value)


def test_no_photograph_both_chooses_and_judges() -> None:
    """Equal trials, each lucky on some photographs, on both tasks that show these."""
    rng = np.random.default_rng(3)
    persons = np.tile(np.arange(10), (2, 1))
    gains: dict[bool, list[float]] = {True: [], False: []}
    for _ in range(30):
        luck = np.repeat(rng.normal(0.5, 0.1, (12, 1, 10)), 2, axis=1)
        for known, whose in ((True, persons), (False, None)):
            dice = replace(grid(luck[:, :, None]), persons=whose)
            gains[known].append(chosen_again(dice, np.zeros(2), 0, rng).value)
    assert abs(np.mean(gains[True])) < 0.02
    assert np.mean(gains[False]) > np.mean(gains[True]) + 0.01


def test_photographs_of_two_tasks_are_one_persons(tmp_path: Path) -> None:
    tasks = ("idrid_optic_disc", "idrid_hard_exudates", "hrf_vessel")
    store, found = Store(tmp_path), study(trial(0, {0: 0.0, 1: 0.2}))
    kept(store, scores_name("ld-0", found.trials[0], 1), {task: [0.4, 0.6] for task in tasks})
    _, scores = last_scores(store, found)
    disc, exudates, vessel = (scores.tasks.index(task) for task in tasks)
    whose = scores.whose()
    assert whose[disc].tolist() == whose[exudates].tolist()
    assert not set(whose[disc]) & set(whose[vessel])


def test_what_gained_nothing_is_named() -> None:
    known = study(trial(0, {0: 0.0, 1: 0.2}))
    studies = [replace(known, method=name, folder=name) for name in ("won", "level", "lone")]
    held_out = (Estimate(0.1, 0.02, 0.2), Estimate(0.1, -0.02, 0.2), Estimate())
    gains = {
        one.folder: Gain(Estimate(0.1, 0.05, 0.2), held, {})
        for one, held in zip(studies, held_out, strict=True)
    }
    said = remarks(studies, gains)
    assert "No gain is shown, held out, for level (fundus), lone (fundus)." in said
    assert LONE in said
    assert any("phantoms, drawn by a program" in one for one in said)
    real = [replace(studies[0], terms={**known.terms, "images": "real"})]
    assert len(remarks(real, {"won": gains["won"]})) == 1
    assert "for won (fundus)" in remarks(real, {"won": None})[1]


def test_importance_names_what_moves_the_value() -> None:
    rng = np.random.default_rng(0)
    trials = []
    for index in range(30):
        rate, count = float(10 ** rng.uniform(-4, -2)), int(rng.integers(1, 41))
        trials.append(trial(index, {0: math.log10(rate) + 0.001 * count}, rate, count))
    found = importance(study(*trials))
    assert found["rate"] > 0.9
    assert sum(found.values()) == pytest.approx(1.0)
    assert importance(study(*trials)) == found
    assert importance(study(*trials[:4])) == {}
    assert importance(study(*(replace(t, values={0: 0.5}) for t in trials))) == {}
    table = values(study(*trials), found)
    assert table[0]["range"] == "0.0001 to 0.01, log"


def test_figures_are_drawn_alike_each_time() -> None:
    found = study(
        trial(0, {0: 0.0, 1: 0.2}), trial(1, {0: 0.1, 1: 0.3}, 5e-3, 40), trial(2, {}, 1e-2, 1)
    )
    for draw in (history_figure, parallel_figure):
        first = png(draw([found, found], title="Trials"))
        assert first[:8] == b"\x89PNG\r\n\x1a\n"
        assert png(draw([found, found], title="Trials")) == first
        assert png(draw([study(trial(0, {}))], title="Nothing scored"))
    assert [height(t, found, "rate") for t in found.trials] == pytest.approx(
        [0.5, 0.8495, 1.0], abs=1e-3
    )
    assert height(found.trials[2], found, "count") == 0.0


def test_means_and_objective_agree() -> None:
    seen = Validated({"a": {"1": 0.5, "2": 0.7}, "b": {"1": 0.2}}, {})
    assert seen.means == pytest.approx({"a": 0.6, "b": 0.2})
    assert objective(seen.means, {"a": 0.2, "b": 0.2}) == pytest.approx(0.25)
