"""Tuning on the smallest phantoms by the command line: to a tuned table, and mistakes."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.cli import main
from benchmark.store import Store
from benchmark.tuning.snapshot import snapshots
from tests.benchmark.tuning.small_tuning import data_of, trials

#: One process computes what all of them look at.
pytestmark = pytest.mark.xdist_group("tune")

Command = Callable[..., int]
Capture = pytest.CaptureFixture[str]


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
