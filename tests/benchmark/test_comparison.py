"""The whole path on the smallest phantoms: run, resume, report."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from benchmark.again import Call as Again
from benchmark.cells import PERSONS
from benchmark.durable import json_text, put_file
from benchmark.plan import read_plan
from benchmark.roots import root_of
from benchmark.status import standings
from benchmark.store import Store
from tests.benchmark.conftest import Call
from tests.benchmark.small_run import PLAN


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN, encoding="utf-8")
    return path


def scores(store: Store) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in store.cells.glob("*/per_image.parquet")}


def test_a_grid_runs_resumes_and_reports(
    tmp_path: Path, plan: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    assert call(*arguments) == 0
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

    # Both eyes of one child, and lungs of whoever.
    rows = [(row.cell.task, store.record(row.folder)["facts"]) for row in standings(store)]
    assert {task: facts.get(PERSONS) for task, facts in rows} == {
        "chasedb1_vessel": [0, 0],
        "scr_lung": None,
    }
    assert "All images of chasedb1_vessel show one person" in printed

    # A second call has nothing to do; what is deleted comes back to the bit.
    lost = sorted(first)[0]
    for path in (store.cells / lost).iterdir():
        path.unlink()
    (store.cells / lost).rmdir()
    assert call(*arguments) == 0
    assert "1 cells computed, 5 kept" in capsys.readouterr().out
    assert scores(store) == first

    record = json.loads((out / "leaderboard.json").read_text(encoding="utf-8"))
    assert {board["stage"] for board in record["boards"]} == {"frozen", "finetuned", "direct"}
    assert call("leaderboard", out, "--json") == 0
    assert json.loads(capsys.readouterr().out) == record


@pytest.mark.usefixtures("undrawn")
def test_what_the_plan_leaves_out_is_said_and_ranks_nobody(
    tmp_path: Path, plan: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    out, why = tmp_path / "out", "lungs need a wider encoder"
    text = PLAN.replace("[pools]", f'[skip]\n"inpainting/scr_lung" = "{why}"\n[pools]')
    plan.write_text(text, encoding="utf-8")
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu")
    assert call(*arguments, "--dry-run") == 0
    assert "5 cells to compute" in capsys.readouterr().out
    assert call(*arguments) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert f"skipped inpainting / scr_lung / seed 0 / finetuned: {why}" in printed
    assert "Skipped: inpainting on scr_lung (seed 0)." in printed
    assert call("status", out, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["counts"] == {"done": 5, "skipped": 1}
    assert [cell["detail"] for cell in told["cells"] if cell["state"] == "skipped"] == [why]
    assert call("audit", out) == 0
    # The same plan again, retrying, changes nothing; without [skip] the cell is computed.
    capsys.readouterr()
    assert call(*arguments, "--retry-failed") == 0
    assert "again" not in capsys.readouterr().out
    plan.write_text(PLAN, encoding="utf-8")
    assert call(*arguments, "--dry-run") == 0
    assert "1 cells to compute" in capsys.readouterr().out
    assert call(*arguments) == 0
    assert "1 cells computed, 5 kept, 0 not done" in capsys.readouterr().out
    plan.write_text(text.replace("inpainting/scr_lung", "random/scr_lung"), encoding="utf-8")
    bare = tmp_path / "bare"
    assert call("run", plan, "--data", "phantom", "--out", bare, "--device", "cpu") == 0
    assert call("audit", bare) == 1
    assert "random / scr_lung" in capsys.readouterr().out
    for wrong, said in (
        (f'"inpainting/scr_lungs" = "{why}"', "did you mean 'inpainting/scr_lung'"),
        ('"inpainting/scr_lung" = " "', "say why"),
    ):
        plan.write_text(PLAN.replace("[pools]", f"[skip]\n{wrong}\n[pools]"), encoding="utf-8")
        assert call(*arguments) == 2
        assert said in capsys.readouterr().err


@pytest.mark.usefixtures("undrawn")
def test_nothing_to_do_is_found_without_torch(
    tmp_path: Path, plan: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    changes = ("--set", 'methods=["random"]', "--set", 'tasks=["scr_lung"]')
    arguments = ("run", plan, "--data", "phantom", "--out", out, "--device", "cpu", *changes)
    assert call(*arguments) == 0
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
    assert call(*arguments) == 0
    assert "reading scr_lung" in capsys.readouterr().out
    assert (out / "finished.json").read_text() != memo


@pytest.mark.usefixtures("undrawn")
def test_what_changes_during_a_call_is_looked_into_by_the_next(tmp_path: Path, plan: Path) -> None:
    out = tmp_path / "out"
    checked = read_plan(plan)
    root_of(checked, "phantom", Store(out), Console(quiet=True), None)
    call = Again(checked, "phantom", out, "cpu", None)
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
    call = Again(read_plan(plan), "phantom", out, "cpu", None)
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


@pytest.mark.usefixtures("undrawn")
def test_two_plans_in_one_folder(
    tmp_path: Path, plan: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("run", plan, "--data", "phantom", "--out", tmp_path / "out", "--device", "cpu")
    less = ("--only", "random/scr_lung", "--task", "scr_lung")
    assert call(*arguments, *less) == 0
    before = sorted(path.name for path in (tmp_path / "out" / "cells").iterdir())
    capsys.readouterr()
    assert call(*arguments, *less, "--set", "budget.images=24") == 2
    error = capsys.readouterr().err
    assert "holds results of the plan 'Small', which differs in budget.images (16, not 24)" in error
    assert sorted(path.name for path in (tmp_path / "out" / "cells").iterdir()) == before
