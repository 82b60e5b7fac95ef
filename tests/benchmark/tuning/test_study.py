"""A study's book-keeping, in each kind of storage: no trial is lost or doubled."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from benchmark.durable import StoreError
from benchmark.tuning.halving import Halving
from benchmark.tuning.snapshot import Snapshot, keep, snapshots
from benchmark.tuning.space import Space
from benchmark.tuning.storages import close, opened
from benchmark.tuning.study import Question, Study
from methods.errors import ConfigError
from tests.benchmark.tuning.server import Server

SPACE: Space = {
    "rate": optuna.distributions.FloatDistribution(1e-4, 1e-2, log=True),
    "count": optuna.distributions.IntDistribution(1, 40),
}
NAMES = itertools.count()


def question(**changes: object) -> Question:
    terms = {"space": {"rate": {"low": 1e-4, "high": 1e-2}}, "seed": 1000, "floor": "f" * 64}
    known = {
        "name": "Some / ld / fundus / 40 images",
        "method": "ld",
        "domain": "fundus",
        "space": SPACE,
        "defaults": {"rate": 1e-3, "count": 10},
        "halving": Halving(40, 2, 2),
        "sampler": "random",
        "seed": 0,
        "terms": terms,
    }
    return Question(**{**known, **changes})  # type: ignore[arg-type]


@pytest.fixture(params=["journal", "postgresql"])
def url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "journal":
        return None
    server: Server = request.getfixturevalue("postgresql")
    return server.database(f"studies{next(NAMES)}")


@pytest.fixture
def storage(url: str | None, tmp_path: Path) -> Iterator[BaseStorage]:
    known = opened(url, tmp_path)
    yield known
    close(known)


def made(storage: BaseStorage, trials: int = 4, **changes: object) -> Study:
    study = Study(storage, question(**changes), "this folder")
    study.allows(trials)
    study.extend(trials)
    return study


def played(study: Study, values: dict[int, float]) -> None:
    """Compute all that is due; the second rung scores a tenth more."""
    while due := study.due():
        rung, index = due[0]
        trial = study.begin(index, rung)
        study.report(trial, rung, values[index] + rung / 10)
        study.settle()


VALUES = {0: 0.1, 1: 0.4, 2: 0.2, 3: 0.3}


def test_a_study_from_start_to_end(storage: BaseStorage, tmp_path: Path) -> None:
    study = made(storage)
    played(study, VALUES)
    trials = study.trials()
    assert {i: t.state for i, t in trials.items()} == {
        0: "complete", 1: "complete", 2: "pruned", 3: "complete",
    }  # fmt: skip
    assert trials[0].params == {"rate": 1e-3, "count": 10}
    assert trials[1].values == {0: 0.4, 1: pytest.approx(0.5)}
    seen = study.snapshot()
    assert seen.finished
    assert (seen.best and seen.best.index, seen.images, seen.brackets) == (1, [20, 40], [4])
    # Optuna knows the same, so that its dashboard does.
    assert [t.state for t in study.study.trials].count(TrialState.PRUNED) == 1
    assert study.study.best_trial.params == trials[1].params
    keep(tmp_path, seen)
    assert snapshots(tmp_path) == [seen]


def test_a_lost_worker_s_trial_is_failed_and_queued_again(storage: BaseStorage) -> None:
    study = made(storage)
    first = study.begin(1, 0)
    # Its worker is killed; whoever gets the lease next begins the same rung.
    again = study.begin(1, 0)
    assert again.params == first.params
    assert (again.attempts, again.state) == (2, "running")
    assert again.number != first.number
    study.report(again, 0, VALUES[1])
    old = study.study.trials[first.number]
    assert (old.state, old.user_attrs["reason"]) == (TrialState.FAIL, "its worker was lost")
    played(study, VALUES)
    assert sorted(study.trials()) == [0, 1, 2, 3]
    states = [trial.state for trial in study.study.trials]
    assert (len(states), states.count(TrialState.FAIL)) == (5, 1)


def test_a_trial_lost_at_a_later_rung_keeps_its_values(storage: BaseStorage) -> None:
    study = made(storage, trials=2)
    for index in (0, 1):
        study.report(study.begin(index, 0), 0, VALUES[index])
    study.begin(1, 1)
    again = study.begin(1, 1)
    assert (again.values, again.begun) == ({0: 0.4}, (0, 1))
    assert study.due() == [(1, 0), (1, 1)]


@pytest.mark.parametrize("killed", ["marked", "failed"])
def test_killed_while_an_orphan_is_seen_to(storage: BaseStorage, killed: str) -> None:
    study = made(storage)
    trial = study.begin(2, 0)
    study.live(trial).set_user_attr("orphan", True)
    if killed == "failed":
        study.study.tell(trial.number, state=TrialState.FAIL)
    study = made(storage)
    assert study.trials()[2].state == "running"
    again = study.begin(2, 0)
    assert (again.params, again.attempts) == (trial.params, 2)
    played(study, VALUES)
    assert study.trials()[2].state == "pruned"


def test_what_a_trial_fails_of_is_kept(storage: BaseStorage) -> None:
    study = made(storage, trials=2)
    study.fail(study.begin(1, 0), "DivergedError: the loss is nan at step 3")
    trial = study.trials()[1]
    assert (trial.state, trial.reason) == ("failed", "DivergedError: the loss is nan at step 3")
    played(study, VALUES)
    assert study.trials()[0].state == "complete"
    assert study.snapshot().best == study.trials()[0]


def test_other_storages_and_processes_get_the_same_random_trials(storage: BaseStorage) -> None:
    study = made(storage, trials=6)
    backwards = {index: study.begin(index, 0).params for index in (5, 3, 1, 2, 4)}
    plain = optuna.storages.InMemoryStorage()
    other = made(plain, trials=6)
    assert {index: other.begin(index, 0).params for index in (1, 2, 3, 4, 5)} == backwards


def test_more_trials_are_a_bracket_of_their_own(storage: BaseStorage) -> None:
    study = made(storage)
    played(study, VALUES)
    before = study.trials()
    more = made(storage, trials=6)
    assert more.brackets == [[0, 1, 2, 3], [4, 5]]
    assert not more.snapshot().finished
    played(more, VALUES | {4: 0.9, 5: 0.8})
    assert {index: more.trials()[index] for index in before} == before
    assert more.trials()[4].state == "complete"
    with pytest.raises(ConfigError, match="has 6 trials already: give --trials 6 or more"):
        more.allows(5)


def test_another_search_space_is_refused_with_the_difference(storage: BaseStorage) -> None:
    played(made(storage), VALUES)
    other = {**question().terms, "space": {"rate": {"low": 1e-4, "high": 1e-1}}}
    with pytest.raises(StoreError, match=r"differs in space\.rate\.high \(0\.01, not 0\.1\)"):
        Study(storage, question(terms=other), "this folder")
    assert made(storage).snapshot().finished


def test_a_study_that_is_not_ours_is_left_alone(storage: BaseStorage) -> None:
    theirs = optuna.create_study(study_name=question().name, storage=storage)
    theirs.set_user_attr("owner", "somebody")
    with pytest.raises(StoreError, match="that is not ours: give another --storage"):
        Study(storage, question(), "this folder")
    assert theirs.user_attrs == {"owner": "somebody"}


def test_a_study_that_was_only_just_created_is_taken(storage: BaseStorage) -> None:
    """Its creator was killed before it could say what it is."""
    optuna.create_study(study_name=question().name, storage=storage, direction="maximize")
    played(made(storage), VALUES)


def test_a_refused_study_that_has_no_trials_is_taken_over(storage: BaseStorage) -> None:
    """A call that was refused for another study has created it, with a change taken back since."""
    other = {**question().terms, "seed": 7}
    Study(storage, question(terms=other), "this folder")
    played(made(storage), VALUES)


def test_a_study_of_another_folder_is_left_alone(storage: BaseStorage) -> None:
    """Its leases and scores are there: here every trial would seem to have lost its worker."""
    study = made(storage)
    study.begin(1, 0)
    with pytest.raises(StoreError, match="belongs to another results folder"):
        Study(storage, question(), "another folder")
    assert [trial.attempts for trial in made(storage).trials().values()] == [1]


def test_failed_trials_can_be_computed_again(storage: BaseStorage) -> None:
    study = made(storage)
    first = study.begin(2, 0)
    study.fail(first, "OutOfMemoryError: no more")
    played(study, VALUES | {3: 0.15})
    assert {i: t.state for i, t in study.trials().items()} == {
        0: "complete", 1: "complete", 2: "failed", 3: "complete",
    }  # fmt: skip
    assert study.retry() == [2]
    assert study.due() == [(0, 2)]
    played(study, VALUES | {3: 0.15})
    again = study.trials()[2]
    assert (again.params, again.state, again.values[1]) == (first.params, "complete", 0.2 + 0.1)
    assert study.retry() == []


def test_lost_scores_are_computed_again(storage: BaseStorage) -> None:
    study = made(storage)
    played(study, VALUES)
    lost = (1, 1)
    assert study.due(lambda trial, rung: (trial.index, rung) != lost) == [(1, 1)]
    again = study.begin(1, 1)
    assert (again.values, again.state) == ({0: 0.4}, "running")
    study.report(again, 1, 0.5)
    study.settle()
    assert study.snapshot().finished
    assert study.trials()[1].state == "complete"


def test_a_damaged_file_of_a_study_is_named(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "studies" / "ld.json").write_text('{"name": "x"}')
    with pytest.raises(StoreError, match=r"ld.json is of another version or damaged"):
        snapshots(tmp_path)
    with pytest.raises(StoreError, match="holds no study: run `ldbench tune"):
        snapshots(tmp_path / "elsewhere")


def test_a_snapshot_without_an_end_has_no_best() -> None:
    empty = Snapshot("n", "f", "ld", "fundus", {}, [20, 40], [4], finished=False, trials=[])
    assert (empty.best, empty.defaults, empty.last) == (None, None, 1)
