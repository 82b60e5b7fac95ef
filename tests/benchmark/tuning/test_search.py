"""Searches on the smallest phantoms: the same best trials, through kills and faults."""

import importlib
import os
import signal
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from rich.console import Console

from benchmark.changes import with_changes
from benchmark.comparison import Way
from benchmark.executors import quiet
from benchmark.executors.processes import Processes
from benchmark.plan import Plan
from benchmark.roots import root_of
from benchmark.store import Store
from benchmark.tuning.questions import Tuning, settle, tunable_methods
from benchmark.tuning.search import Search, tune
from benchmark.tuning.snapshot import scores_name, snapshots
from benchmark.tuning.trials import objective
from methods.inpainting import Inpainting
from methods.simclr import SimCLR
from tasks.labelled import SegmentationData, WithheldError
from tests.benchmark.small_run import at_work
from tests.benchmark.tuning.small_tuning import data_of, trials

#: One process computes what all of them look at.
pytestmark = pytest.mark.xdist_group("tune")


def scores(out: Path) -> dict[str, bytes]:
    return {p.parent.name: p.read_bytes() for p in out.glob("trials/*/validation.parquet")}


def test_every_method_gets_the_same(serial: Path) -> None:
    studies = {study.method: study for study in snapshots(serial)}
    assert set(studies) == {"inpainting", "simclr"}
    for study in studies.values():
        assert study.images == [24, 48]
        reached = [len(trial.values) for trial in study.trials]
        assert sorted(reached) == [1, 1, 2, 2, 2]
        assert reached[0] == 2
        assert {trial.state for trial in study.trials} == {"pruned", "complete"}
        assert len({tuple(trial.params.values()) for trial in study.trials}) == 5
    first = studies["simclr"].trials[0].params
    known = SimCLR.Config()
    assert (first["learning_rate"], first["temperature"]) == (
        known.learning_rate,
        known.temperature,
    )
    # Ended trainings leave no checkpoints, and nobody holds a lease.
    assert not any((serial / "checkpoints").glob("*"))
    assert not any((serial / "leases").iterdir())


def test_what_is_maximised(serial: Path) -> None:
    """Computed again by hand from the files."""
    (floor_folder,) = (serial / "trials").glob("floor-*")
    floor = pd.read_parquet(floor_folder / "validation.parquet").groupby("task")["dice"].mean()
    for study in snapshots(serial):
        for trial in study.trials:
            for rung, value in trial.values.items():
                name = scores_name(study.folder, trial, rung)
                table = pd.read_parquet(serial / "trials" / name / "validation.parquet")
                dice = table.groupby("task")["dice"].mean()
                assert value == pytest.approx(((dice - floor) / (1 - floor)).mean())
    assert objective({"a": 0.75, "b": 0.2}, {"a": 0.5, "b": 0.2}) == 0.25
    # A task that is solved without pre-training does not outweigh the others.
    assert objective({"a": 0.99}, {"a": 0.999}) == pytest.approx(-0.45)


@pytest.fixture(scope="module")
def settled(plan: Plan, serial: Path) -> Tuning:
    chosen = plan.model_copy(update={"methods": tunable_methods(plan, [])})
    root = root_of(plan, data_of(serial), Store(serial), Console(quiet=True), None)
    return settle(chosen, root, torch.device("cpu"), quiet, Store(serial).exclusions)


def test_what_tunes_holds_no_test_image(settled: Tuning) -> None:
    for data in settled.data.values():
        assert not isinstance(data, SegmentationData)
        with pytest.raises(WithheldError, match="withheld"):
            data.test  # type: ignore[attr-defined]  # noqa: B018
        assert len(data.validation)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["journal", "postgresql"])
def test_two_processes_one_killed_have_the_same_trials(
    kind: str, plan: Plan, serial: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """None is lost, none is there twice, and each has the same values to the bit."""
    killed: list[int] = []

    def kill() -> None:
        for _ in range(6000):
            time.sleep(0.01)
            done = len([*tmp_path.glob("trials/*")])
            for name, pid in at_work(tmp_path / "leases").items():
                if done >= 4 and name.startswith("trial-"):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)
                    return

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    way, url = Way(Processes(2), every=0.0, stale=10.0), None
    if kind == "postgresql":
        url = request.getfixturevalue("postgresql").database("tuned")
    search = Search(trials=5, url=url, workers=2, way=way)
    tune(plan, data_of(serial), tmp_path, "cpu", None, search)
    killer.join()
    assert killed
    assert trials(tmp_path) == trials(serial)
    assert scores(tmp_path) == scores(serial)
    attempts = [trial.attempts for study in snapshots(tmp_path) for trial in study.trials]
    assert sorted(attempts)[-2:] == [1, 2]


@pytest.mark.slow
def test_a_ray_cluster_has_the_same_trials(plan: Plan, serial: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs the extra ray")
    cluster = importlib.import_module("benchmark.executors.cluster")
    way = Way(cluster.Cluster("local"), stale=10.0)
    tune(plan, data_of(serial), tmp_path, "cpu", None, Search(trials=5, way=way))
    assert trials(tmp_path) == trials(serial)
    assert scores(tmp_path) == scores(serial)


def test_a_trial_that_diverges_is_a_result(
    plan: Plan, serial: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Inpainting.loss

    def bad(self: Inpainting, views: object, progress: object) -> torch.Tensor:
        loss = real(self, views, progress)  # type: ignore[arg-type]
        return loss * float("nan") if self.config.learning_rate != 1e-3 else loss

    monkeypatch.setattr(Inpainting, "loss", bad)
    search = Search(trials=3, methods=("inpainting",))
    (study,) = tune(plan, data_of(serial), tmp_path, "cpu", None, search)
    assert study.finished
    assert [trial.state for trial in study.trials] == ["complete", "failed", "failed"]
    assert "DivergedError: the loss of inpainting is nan at step 0" in study.trials[1].reason
    assert study.best is not None
    assert study.best.index == 0


def test_the_seed_of_tuning_is_none_of_the_plans(plan: Plan) -> None:
    assert plan.tuning.seed not in plan.seeds
    assert with_changes(plan, ["tuning.seed=7"]).tuning.seed == 7
