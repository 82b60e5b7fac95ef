"""Tuning on the smallest phantoms: from a plan to the best trials, through kills and faults."""

import importlib
import json
import os
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from rich.console import Console

from benchmark.changes import with_changes
from benchmark.cli import main
from benchmark.comparison import Way
from benchmark.executors import quiet
from benchmark.executors.processes import Processes
from benchmark.plan import Plan, read_plan
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

#: One process computes what all of them look at.
pytestmark = pytest.mark.xdist_group("tune")

PLAN = """
title = "Small"
methods = ["random", "inpainting", "simclr"]
tasks = ["chasedb1_vessel", "hrf_vessel"]
seeds = [0]
size = 32
precision = "float32"
threads = 1
[pools]
fundus = "idrid_grading"
[budget]
images = 48
checks = 2
[downstream]
steps = 3
batch_size = 2
checks = 1
[config.inpainting]
batch_size = 8
[config.simclr]
batch_size = 8
[tuning]
sampler = "random"
rungs = 2
[phantom]
scale = 0.1
size = 64
"""

Command = Callable[..., int]
Capture = pytest.CaptureFixture[str]
#: What of a trial may differ between two ways to the same result.
HOW = ("number", "id", "attempts")


@pytest.fixture(scope="module")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "plan.toml"
    path.write_text(PLAN)
    return path


@pytest.fixture(scope="module")
def plan(plan_file: Path) -> Plan:
    return read_plan(plan_file)


@pytest.fixture(scope="module")
def serial(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies of five trials by one undisturbed process."""
    out = tmp_path_factory.mktemp("serial") / "out"
    found = tune(plan, "phantom", out, "cpu", None, Search(trials=5))
    assert all(study.finished for study in found)
    return out


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    def call(*arguments: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["ldbench", *map(str, arguments)])
        return main()

    return call


@pytest.fixture
def tuned(command: Command, plan_file: Path, serial: Path, tmp_path: Path) -> Command:
    """``ldbench tune`` on the same data into another folder."""
    options = ("--data", data_of(serial), "--out", tmp_path / "out", "--device", "cpu")
    return lambda *more: command("tune", plan_file, *options, *more)


def data_of(out: Path) -> str:
    (data,) = out.glob("phantoms-*")
    return str(data)


def trials(out: Path) -> dict[str, list[dict[str, Any]]]:
    """Every study's trials, without how they came to be."""
    return {
        study.method: [
            {name: getattr(t, name) for name in t.__slots__ if name not in HOW}
            for t in study.trials
        ]
        for study in snapshots(out)
    }


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


@pytest.mark.slow
def test_the_command_line_from_tuning_to_a_tuned_table(
    plan_file: Path,
    serial: Path,
    tmp_path: Path,
    command: Command,
    capsys: Capture,
) -> None:
    out, data = tmp_path / "tuned", data_of(serial)
    arguments = ("tune", plan_file, "--data", data, "--out", out, "--device", "cpu")
    assert command(*arguments, "--trials", "3", "--sampler", "tpe") == 0
    printed = capsys.readouterr().out
    assert "done    inpainting / fundus / trial 2, rung 1 of 2" in printed
    assert "so it flatters" in " ".join(printed.split())
    for name in ("tuning.json", "tuning.csv", "tuning_history.png", "tuning_parallel.png"):
        assert (out / name).stat().st_size > 0
    assert command("tune", "report", out, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert [(study["method"], study["brackets"]) for study in record] == [
        ("inpainting", [3]), ("simclr", [3]),
    ]  # fmt: skip
    # The same call has nothing to do; more trials are added; another space is another study.
    assert command(*arguments, "--trials", "3", "--sampler", "tpe") == 0
    assert "done " not in capsys.readouterr().out
    assert command(*arguments, "--trials", "5", "--sampler", "tpe", "--method", "simclr") == 0
    assert "trial 4, rung 1" in capsys.readouterr().out
    changed = ("--set", "downstream.steps=4")
    assert command(*arguments, "--trials", "5", "--sampler", "tpe", *changed) == 2
    error = capsys.readouterr().err
    assert "differs in tasks.chasedb1_vessel.settings.steps (3, not 4)" in error

    results = tmp_path / "results"
    run = ("run", plan_file, "--data", data, "--out", results, "--device", "cpu")
    assert command(*run, "--tuned", out) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert (
        "Hyperparameters of inpainting: best of 3 trials of 48 images in 2 rungs by 2 (tpe, frozen"
        in told
    )
    best = {study.method: study.best for study in snapshots(out)}
    for cell in Store(results).cells.iterdir():
        cell_record = Store(results).record(cell.name)
        tuned = cell_record["facts"].get("tuned")
        method = cell_record["key"]["method"]
        assert (tuned is None) == (method == "random")
        if tuned is not None:
            expected = best[method]
            assert expected is not None
            assert tuned["config"] == expected.params
            assert (
                cell_record["pretrain"]["config"]["learning_rate"]
                == expected.params["learning_rate"]
            )
    # Five trials for one method and three for the other are no equal terms.
    assert command("audit", results) == 1
    printed = capsys.readouterr().out
    assert "was tuned by 3 trials of 48 images" in printed
    ledger = {words[0]: words[1] for words in map(str.split, printed.splitlines()) if words[1:]}
    assert [ledger[name] for name in ("random", "inpainting", "simclr")] == ["0", "3", "5"]


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--trials", "5", "--method", "random"), "random has no hyperparameters to tune"),
        (("--trials", "5", "--method", "simcrl"), "did you mean 'simclr'"),
        (("--trials", "5", "--methods", "simclr,inpaint"), "did you mean 'inpainting'"),
        (("--trials", "2", "--workers", "3"), "--trials 2 is less than --workers 3"),
        (("--trials", "200", "--sampler", "grid"), "points: give --trials"),
        (("--trials", "5", "--set", "tuning.seed=0"), "tuning.seed 0 is among the plan's seeds"),
        (
            ("--trials", "5", "--storage", "postgresql://me:hidden@127.0.0.1:9/x"),
            "cannot be reached",
        ),
        (("--trials", "5", "--set", "config.simclr.temperature=7.0"), "outside its search range"),
        (("--trials", "5", "--set", "downstream.selection=oracle"), "looks at test images"),
    ],
)
def test_the_users_mistakes_are_one_line(
    arguments: tuple[str, ...], said: str, tuned: Command, tmp_path: Path, capsys: Capture
) -> None:
    assert tuned(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
    assert "hidden" not in line
    assert not any(tmp_path.rglob("trial.json"))


def test_a_corrupt_journal_loses_no_score(
    plan_file: Path, serial: Path, tmp_path: Path, command: Command, capsys: Capture
) -> None:
    copy = tmp_path / "out"
    shutil.copytree(serial, copy)
    journal = copy / "optuna.log"
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join([*lines[:2], "damaged", *lines[2:]]) + "\n")
    call = ("tune", plan_file, "--data", data_of(copy), "--out", copy, "--device", "cpu")
    assert command(*call, "--trials", "5") == 2
    assert "optuna.log is damaged" in capsys.readouterr().err
    # As told: removed, the same trials are found again, and nothing is trained.
    journal.unlink()
    kept = {path: path.stat().st_mtime_ns for path in copy.glob("trials/*/*")}
    assert command(*call, "--trials", "5") == 0
    assert trials(copy) == trials(serial)
    assert {path: path.stat().st_mtime_ns for path in copy.glob("trials/*/*")} == kept


def test_a_study_of_another_method_is_no_tuned_table(
    plan_file: Path, serial: Path, tmp_path: Path, command: Command, capsys: Capture
) -> None:
    call = ("run", plan_file, "--data", data_of(serial), "--out", tmp_path, "--device", "cpu")
    changed = ("--set", 'methods=["random","rotation"]', "--tuned", serial)
    assert command(*call, *changed) == 2
    assert "holds no study of rotation on fundus images" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_the_seed_of_tuning_is_none_of_the_plans(plan: Plan) -> None:
    assert plan.tuning.seed not in plan.seeds
    assert with_changes(plan, ["tuning.seed=7"]).tuning.seed == 7
