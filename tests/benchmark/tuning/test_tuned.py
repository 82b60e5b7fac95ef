"""The best trials become a plan's settings; who was tuned more than others is told."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.durable import StoreError
from benchmark.grid import config_of
from benchmark.plan import Plan, checked
from benchmark.tuned import remarks, with_tuned
from benchmark.tuning.snapshot import Snapshot, Trial, keep
from methods.errors import ConfigError


def plan(*methods: str, **more: object) -> Plan:
    record = {
        "title": "Some",
        "methods": ["random", *methods],
        "tasks": ["chasedb1_vessel", "hrf_vessel"],
        "seeds": [0],
        "pools": {"fundus": "idrid_grading"},
        "size": 32,
        "budget": {"images": 40},
        "downstream": {"steps": 2, "batch_size": 2},
        **more,
    }
    return checked(record, "test")


def trial(index: int, value: float | None, rate: float = 1e-3) -> Trial:
    values = {} if value is None else {0: value, 1: value}
    state = "failed" if value is None else "complete"
    return Trial(index, index, index, {"learning_rate": rate}, values, (0,), state, False, "", 1)


TERMS = {
    "space": {},
    "seed": 1000,
    "images": "real",
    "start": {"config": {}, "augmentation": "own"},
    "rungs": 2,
    "factor": 2,
    "sampler": "tpe",
    "stage": "frozen",
    "size": 32,
    "width": "tiny",
    "leaks": "exclude",
    "pool": {"name": "idrid_grading"},
    "tasks": {"chasedb1_vessel": {"settings": {"steps": 2}}},
}


def study(method: str, *trials: Trial, finished: bool = True, **more: object) -> Snapshot:
    known = Snapshot(
        name=f"Some / {method}",
        folder=f"{method}-0123456789ab",
        method=method,
        domain="fundus",
        terms=TERMS,
        images=[20, 40],
        brackets=[len(trials)],
        finished=finished,
        trials=list(trials),
    )
    return replace(known, **more)  # type: ignore[arg-type]


def test_the_best_trial_is_taken(tmp_path: Path) -> None:
    keep(tmp_path, study("simclr", trial(0, 0.1), trial(1, 0.3, 5e-3), trial(2, None)))
    tuned = with_tuned(plan("simclr"), tmp_path)
    assert config_of(tuned, "simclr", "fundus").learning_rate == 5e-3
    part = tuned.tuned["simclr"]["fundus"]
    assert (part.trials, part.images, part.trial, part.selection) == (3, 40, 1, "validation-best")
    assert part.terms == (
        "3 trials of 40 images in 2 rungs by 2 (tpe, frozen, validation-best, on chasedb1_vessel)"
    )
    assert remarks(tuned, tmp_path) == []
    larger = with_tuned(plan("simclr", size=64, budget={"images": 80}), tmp_path)
    assert remarks(larger, tmp_path) == [
        "tuned with another size (32, here 64)",
        "tuned with another budget.images (40, here 80)",
    ]
    assert "random" not in tuned.tuned


def test_equal_trials_leave_the_defaults(tmp_path: Path) -> None:
    keep(tmp_path, study("simclr", trial(0, 0.3), trial(1, 0.3, 5e-3)))
    part = with_tuned(plan("simclr"), tmp_path).tuned["simclr"]["fundus"]
    assert (part.trial, part.config) == (0, {"learning_rate": 1e-3})


def test_what_cannot_be_used_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="holds no study: run `ldbench tune PLAN"):
        with_tuned(plan("simclr"), tmp_path)
    keep(tmp_path, study("simclr", trial(0, 0.3)))
    with pytest.raises(
        ConfigError, match=r"no study of ld on fundus images \(it holds simclr on fundus\): tune ld"
    ):
        with_tuned(plan("simclr", "ld"), tmp_path)
    keep(tmp_path, study("ld", trial(0, 0.3), finished=False))
    with pytest.raises(ConfigError, match=r"'Some / ld' in .* is not finished"):
        with_tuned(plan("simclr", "ld"), tmp_path)
    keep(tmp_path, study("ld", trial(0, None)))
    with pytest.raises(ConfigError, match=r"every trial of the study 'Some / ld' in .* has failed"):
        with_tuned(plan("ld"), tmp_path)
    keep(tmp_path, study("simclr", trial(0, 0.3), folder="simclr-ffffffffffff"))
    with pytest.raises(ConfigError, match="holds 2 studies of simclr"):
        with_tuned(plan("simclr"), tmp_path)


def test_of_several_budgets_the_plan_s_is_taken(tmp_path: Path) -> None:
    keep(tmp_path, study("simclr", trial(0, 0.3), folder="simclr-40"))
    other = study("simclr", trial(0, 0.1), trial(1, 0.2, 5e-3), folder="simclr-80", images=[40, 80])
    keep(tmp_path, other)
    for budget, trials in ((40, 1), (80, 2)):
        known = plan("simclr", budget={"images": budget})
        tuned = with_tuned(known, tmp_path)
        part = tuned.tuned["simclr"]["fundus"]
        assert (part.images, part.trials) == (budget, trials)
        assert remarks(tuned, tmp_path) == []
    asked = plan("simclr", budget={"images": 400}, tuning={"images": 80})
    assert with_tuned(asked, tmp_path).tuned["simclr"]["fundus"].images == 80
    with pytest.raises(ConfigError, match=r"2 studies of simclr .* by 40, 80 images drawn: give"):
        with_tuned(plan("simclr", budget={"images": 400}), tmp_path)


def test_settings_that_trials_did_not_have_are_refused(tmp_path: Path) -> None:
    keep(tmp_path, study("simclr", trial(0, 0.1), trial(1, 0.3, 5e-3)))
    with pytest.raises(ConfigError, match=r"differs from the plan in config\.batch_size"):
        with_tuned(plan("simclr", config={"simclr": {"batch_size": 8}}), tmp_path)
    with pytest.raises(ConfigError, match=r"in augmentation \(own, not shared\)"):
        with_tuned(plan("simclr", augmentation="shared"), tmp_path)
    with pytest.raises(ConfigError, match="with the seed 1000, one of the plan's"):
        with_tuned(plan("simclr", seeds=[1000], tuning={"seed": 5}), tmp_path)


def test_a_plan_may_hold_what_was_found(tmp_path: Path) -> None:
    """So that a comparison can be published with its hyperparameters."""
    keep(tmp_path, study("simclr", trial(0, 0.1), trial(1, 0.3, 5e-3)))
    tuned = with_tuned(plan("simclr"), tmp_path)
    assert checked(tuned.model_dump(exclude_none=True), "again") == tuned
