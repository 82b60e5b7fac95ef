"""The whole path on the smallest phantoms: run, resume, fail, report."""

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console

from benchmark.again import Call
from benchmark.cli import main
from benchmark.durable import json_text, put_file
from benchmark.plan import read_plan
from benchmark.roots import root_of
from benchmark.store import Store
from methods.inpainting import Inpainting

PLAN = """
title = "Small"
methods = ["random", "inpainting"]
tasks = ["chasedb1_vessel", "scr_lung"]
seeds = [0]
size = 32
precision = "float32"
threads = 1
[pools]
fundus = "idrid_grading"
"chest X-ray" = "chestxray14"
[budget]
images = 16
checks = 2
[downstream]
steps = 2
batch_size = 2
checks = 1
[config.inpainting]
batch_size = 8
[phantom]
scale = 0.02
size = 64
"""

Command = Callable[..., int]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Command:
    def call(*arguments: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["ldbench", *map(str, arguments)])
        return main()

    return call


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


def scores(store: Store) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in store.cells.glob("*/per_image.parquet")}


def test_a_grid_runs_resumes_and_reports(
    tmp_path: Path, plan: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    assert command(*arguments) == 0
    printed = capsys.readouterr().out
    assert "6 cells computed, 0 kept" in printed
    assert "phantom" in printed
    ends = ("csv", "md", "json", "tex", "html")
    for name in (*(f"leaderboard.{end}" for end in ends), "report.html"):
        assert (out / name).stat().st_size > 0
        assert name in printed
    store = Store(out)
    first = scores(store)
    assert len(first) == 6
    # Only what the plan reads was drawn.
    (written,) = out.glob("phantoms-0.02-64-0-*")
    kept = {path.name for path in written.iterdir()}
    assert kept == {"IDRiD", "CHASEDB1", "JSRT", "SCR", "CXR8", "PHANTOM.json"}

    # A second call has nothing to do; what is deleted comes back to the bit.
    lost = sorted(first)[0]
    for path in (store.cells / lost).iterdir():
        path.unlink()
    (store.cells / lost).rmdir()
    assert command(*arguments) == 0
    assert "1 cells computed, 5 kept" in capsys.readouterr().out
    assert scores(store) == first

    record = json.loads((out / "leaderboard.json").read_text(encoding="utf-8"))
    assert {board["stage"] for board in record["boards"]} == {"frozen", "finetuned", "direct"}
    assert command("leaderboard", out, "--json") == 0
    assert json.loads(capsys.readouterr().out) == record


@pytest.mark.usefixtures("undrawn")
def test_what_the_plan_leaves_out_is_said_and_ranks_nobody(
    tmp_path: Path, plan: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    out, why = tmp_path / "out", "lungs need a wider encoder"
    text = PLAN.replace("[pools]", f'[skip]\n"inpainting/scr_lung" = "{why}"\n[pools]')
    plan.write_text(text, encoding="utf-8")
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    assert command(*arguments, "--dry-run") == 0
    assert "5 cells to compute" in capsys.readouterr().out
    assert command(*arguments) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"skipped inpainting / scr_lung / seed 0 / finetuned: {why}" in printed
    assert "Skipped: inpainting on scr_lung (seed 0)." in printed
    assert command("status", out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"done": 5, "skipped": 1}
    assert [cell["detail"] for cell in told["cells"] if cell["state"] == "skipped"] == [why]
    assert command("audit", out) == 0
    # The same plan again, retrying, changes nothing; without [skip] the cell is computed.
    capsys.readouterr()
    assert command(*arguments, "--retry-failed") == 0
    assert "again" not in capsys.readouterr().out
    plan.write_text(PLAN, encoding="utf-8")
    assert command(*arguments, "--dry-run") == 0
    assert "1 cells to compute" in capsys.readouterr().out
    assert command(*arguments) == 0
    assert "1 cells computed, 5 kept, 0 not done" in capsys.readouterr().out
    plan.write_text(text.replace("inpainting/scr_lung", "random/scr_lung"), encoding="utf-8")
    bare = tmp_path / "bare"
    assert command("run", plan, "--data", "phantom", "--out", bare, "--device", "cpu") == 0
    assert command("audit", bare) == 1
    assert "random / scr_lung" in capsys.readouterr().out
    for wrong, said in (
        (f'"inpainting/scr_lungs" = "{why}"', "did you mean 'inpainting/scr_lung'"),
        ('"inpainting/scr_lung" = " "', "say why"),
    ):
        plan.write_text(PLAN.replace("[pools]", f"[skip]\n{wrong}\n[pools]"), encoding="utf-8")
        assert command(*arguments) == 2
        assert said in capsys.readouterr().err


@pytest.mark.usefixtures("undrawn")
def test_a_diverging_method_fails_alone_and_names_the_step(
    tmp_path: Path,
    plan: Path,
    command: Command,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Inpainting.loss

    def bad(self: Inpainting, views: object, progress: object) -> torch.Tensor:
        loss = real(self, views, progress)  # type: ignore[arg-type]
        return loss * float("nan") if getattr(progress, "step", 0) == 1 else loss

    monkeypatch.setattr(Inpainting, "loss", bad)
    out = tmp_path / "out"
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    assert command(*arguments) == 1
    printed = capsys.readouterr().out
    assert "2 not done" in printed
    assert "is nan at step 1 of 2" in " ".join(printed.split())
    boards = json.loads((out / "leaderboard.json").read_text(encoding="utf-8"))["boards"]
    rows = {
        row["method"]: row
        for board in boards
        if board["stage"] == "finetuned"
        for row in board["rows"]
    }
    assert rows["inpainting"]["missing"] == 2
    assert rows["inpainting"]["rank"]["value"] is None
    assert rows["random"]["missing"] == 0


@pytest.mark.usefixtures("undrawn")
def test_a_part_of_a_plan_and_what_failed_again(
    tmp_path: Path,
    plan: Path,
    command: Command,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    assert command(*arguments, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert "6 cells to compute" in printed
    assert "would compute inpainting / scr_lung / seed 0 / finetuned" in printed
    assert not (out / "grid.json").exists()

    # One pair of six; it fails, is kept as failed, and is computed again when asked to be.
    with monkeypatch.context() as patch:
        patch.setattr("benchmark.bench.pretrain", out_of_memory)
        assert command(*arguments, "--only", "inpainting/scr_lung") == 1
    assert "1 cells computed, 0 kept, 1 not done" in capsys.readouterr().out
    assert command("status", out) == 0
    told = capsys.readouterr().out
    assert "6 cells: 1 failed, 5 missing" in told
    assert "out of memory with batches of 8 images of 32 px" in told
    assert command(*arguments, "--only", "inpainting/scr_lung") == 1
    capsys.readouterr()
    assert command(*arguments, "--only", "inpainting/scr_lung", "--retry-failed") == 0
    assert "again   inpainting / scr_lung" in capsys.readouterr().out
    assert command("audit", out) == 1  # five are missing
    assert command(*arguments, "--only", "inpainting/heart") == 2
    assert "did you mean" in capsys.readouterr().err
    elsewhere = ("run", plan, "--data", "phantom", "--out", tmp_path / "nothing")
    assert command(*elsewhere, "--only", "inpainting/heart") == 2
    assert not (tmp_path / "nothing").exists()


def out_of_memory(*_: object, **__: object) -> None:
    raise MemoryError("no more")


@pytest.mark.usefixtures("undrawn")
def test_limits_of_the_plan_are_a_status(
    tmp_path: Path, plan: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    only = ("--only", "inpainting/scr_lung", "--task", "scr_lung")
    assert command(*arguments, *only, "--set", "limits.memory_gib=0.001") == 1
    assert command("status", out) == 0
    assert "exceeded  inpainting / scr_lung" in capsys.readouterr().out
    # A limit is no part of a cell's identity: with a higher one, the same cell is computed.
    assert command(*arguments, *only, "--retry-failed") == 0


@pytest.mark.usefixtures("undrawn")
def test_a_step_that_hangs_is_a_status(
    tmp_path: Path,
    plan: Path,
    command: Command,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hang(*_: object, **__: object) -> None:
        time.sleep(600)

    monkeypatch.setattr("benchmark.overtime.LATE", 0.1)
    monkeypatch.setattr("benchmark.bench.pretrain", hang)
    out = tmp_path / "out"
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    only = ("--only", "inpainting/scr_lung", "--task", "scr_lung")
    assert command(*arguments, *only, "--set", "limits.hours=0.0001") == 1
    assert command("status", out) == 0
    told = capsys.readouterr().out
    assert "exceeded  inpainting / scr_lung" in told
    assert "took more than the 0.0001 hours that the plan's limits.hours allows" in told


@pytest.mark.usefixtures("undrawn")
def test_nothing_to_do_is_found_without_torch(
    tmp_path: Path, plan: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    changes = ("--set", 'methods=["random"]', "--set", 'tasks=["scr_lung"]')
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu", *changes)
    assert command(*arguments) == 0
    code = (
        "import sys; from benchmark.cli import main; sys.argv = ['ldbench', *sys.argv[1:]];"
        "code = main(); assert code == 0, code; assert 'torch' not in sys.modules"
    )

    def again(*more: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", code, *map(str, (*arguments, *more))],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip

    assert "0 cells computed, 2 kept, 0 not done" in again()
    # Any change of what the cells depend on is looked into.
    memo = (out / "finished.json").read_text()
    for path in sorted(out.glob("phantoms-*/JSRT/*.IMG"))[:1]:
        os.utime(path)
    capsys.readouterr()
    assert command(*arguments) == 0
    assert "reading scr_lung" in capsys.readouterr().out
    assert (out / "finished.json").read_text() != memo


@pytest.mark.usefixtures("undrawn")
def test_what_changes_during_a_call_is_looked_into_by_the_next(tmp_path: Path, plan: Path) -> None:
    out = tmp_path / "out"
    checked = read_plan(plan)
    root_of(checked, "phantom", Store(out), Console(quiet=True), None)
    call = Call(checked, "phantom", out, "cpu", None)
    call.note("of another moment", call.lists(), [])
    assert call.finished() is None
    lists, stamp = call.lists(), call.stamp()
    Store(out).exclusions.mkdir(parents=True)
    (Store(out).exclusions / "pool.json").write_text("{}")
    call.note(stamp, lists, [])
    assert not call.memo.exists()
    call.note(stamp, call.lists(), [])
    assert call.memo.exists()


@pytest.mark.usefixtures("undrawn")
def test_a_table_is_known_by_its_content_whatever_the_clock(tmp_path: Path, plan: Path) -> None:
    """A clock that goes backwards makes what is new look old."""
    out = tmp_path / "out"
    call = Call(read_plan(plan), "phantom", out, "cpu", None)
    put_file(call.memo, json_text({"cells": []}))
    put_file(out / "grid.json", "[1]")
    assert call.table() is None
    put_file(out / "leaderboard.md", "a table")
    assert call.table() is None  # nobody said for which cells
    call.note_table()
    assert call.table() == "a table"
    os.utime(out / "leaderboard.md", (0, 0))
    assert call.table() == "a table"
    put_file(out / "grid.json", "[1, 2]")
    os.utime(out / "grid.json", (0, 0))
    assert call.table() is None


@pytest.mark.parametrize("name", ["tensors.safetensors", "model.safetensors"])
@pytest.mark.usefixtures("undrawn")
def test_a_full_disk_fails_nothing(
    name: str,
    tmp_path: Path,
    plan: Path,
    command: Command,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Path.write_bytes

    def full(self: Path, data: bytes) -> int:
        if self.name == name:
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, data)

    out = tmp_path / "out"
    only = ("--only", "inpainting/scr_lung", "--checkpoint-seconds", "0")
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu", *only)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", full)
        assert command(*arguments) == 2
    assert "the disk is full: free some space" in capsys.readouterr().err
    store = Store(out)
    assert not any(store.cells.glob("*"))
    assert not any(store.leases.iterdir())
    assert command(*arguments) == 0


def test_a_pretraining_that_fails_is_one_line(
    tmp_path: Path,
    plan: Path,
    command: Command,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("benchmark.bench.pretrain", out_of_memory)
    arguments = ("pretrain", plan, "--data", "phantom", "--out", tmp_path / "out")
    assert command(*arguments, "--device", "cpu", "--method", "inpainting") == 1
    error = capsys.readouterr().err
    assert error.startswith("ldbench: OutOfMemoryError: out of memory with batches of 8 images")
    assert len(error.splitlines()) == 1


def test_two_plans_in_one_folder(
    tmp_path: Path, plan: Path, command: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("run", plan, "--data", "phantom", "--out", tmp_path / "out", "--device", "cpu")
    less = ("--only", "random/scr_lung", "--task", "scr_lung")
    assert command(*arguments, *less) == 0
    before = sorted(path.name for path in (tmp_path / "out" / "cells").iterdir())
    capsys.readouterr()
    assert command(*arguments, *less, "--set", "budget.images=24") == 2
    error = capsys.readouterr().err
    assert "holds results of the plan 'Small', which differs in budget.images (16, not 24)" in error
    assert sorted(path.name for path in (tmp_path / "out" / "cells").iterdir()) == before
