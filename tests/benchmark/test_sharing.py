"""Results travel whole and join a table without changing it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark import archive
from benchmark.asked import asked
from benchmark.cells import Cell, Status
from benchmark.store import Store, folder_name
from tests.benchmark.small_results import TASK, TERMS, cell_of, put, tree

Call = Callable[..., int]
Mistake = Callable[..., str]


def test_what_travels_arrives_and_nothing_else(
    tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "ours", cell_of("ld"))
    shared = tmp_path / "ld.zip"
    assert call("export", tmp_path / "ours", shared, "--encoders") == 0
    assert "1 cells of ld and 1 encoders exported" in capsys.readouterr().out
    assert call("import", shared, "--out", tmp_path / "theirs") == 0
    assert "1 cells imported, 0 kept" in capsys.readouterr().out
    sent, come = tree(tmp_path / "ours"), tree(tmp_path / "theirs")
    kept = {name: data for name, data in sent.items() if not name.startswith("test_images")}
    assert {**come, ".grid.lock": b""} == {**kept, ".grid.lock": b""}
    assert call("leaderboard", tmp_path / "theirs") == 0
    assert call("report", tmp_path / "theirs") == 0
    assert call("status", tmp_path / "theirs") == 0


def test_the_same_results_give_the_same_bytes(tmp_path: Path, shared: Path, call: Call) -> None:
    assert call("import", shared, "--out", tmp_path / "theirs") == 0
    assert call("export", tmp_path / "theirs", tmp_path / "again.zip", "--encoders") == 0
    assert (tmp_path / "again.zip").read_bytes() == shared.read_bytes()


def test_one_method_joins_a_published_table(
    tmp_path: Path, shared: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    public = tmp_path / "public"
    put(public, cell_of("random"), cell_of("byol"))
    before = tree(public)
    assert call("import", shared, "--out", public) == 0
    after = tree(public)
    assert {name: after[name] for name in before if name != "grid.json"} == {
        name: data for name, data in before.items() if name != "grid.json"
    }
    assert [cell.method for cell in asked(public).cells] == ["random", "byol", "ld"]
    assert set(asked(public).pretrains) == {cell_of(m).encoder for m in ("random", "byol", "ld")}
    capsys.readouterr()
    (public / "test_images" / f"{TASK}-m" / "ids.json").unlink()
    shutil.rmtree(public / "test_images")
    assert call("leaderboard", public, "--json") == 0
    boards = json.loads(capsys.readouterr().out)["boards"]
    assert {row["method"] for row in boards[0]["rows"]} == {"random", "byol", "ld"}
    assert all(row["missing"] == 0 for board in boards for row in board["rows"])


def test_an_import_never_overwrites(
    tmp_path: Path, shared: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "mine", cell_of("ld"), status=Status.SKIPPED)
    before = tree(tmp_path / "mine")
    capsys.readouterr()
    for _ in range(2):
        assert call("import", shared, "--out", tmp_path / "mine") == 0
        assert "0 cells imported, 1 kept as they were\n0 encoders imported, 1 kept" in (
            capsys.readouterr().out
        )
        assert tree(tmp_path / "mine") == before


@pytest.mark.parametrize("status", [Status.FAILED, Status.EXCEEDED])
def test_a_result_takes_the_place_of_a_failure(
    tmp_path: Path, shared: Path, call: Call, capsys: pytest.CaptureFixture[str], status: Status
) -> None:
    name = cell_of("ld").name
    put(tmp_path / "mine", cell_of("ld"), status=status)
    capsys.readouterr()
    for imported in (1, 0):
        assert call("import", shared, "--out", tmp_path / "mine") == 0
        assert f"{imported} cells imported" in capsys.readouterr().out
        assert Store(tmp_path / "mine").status(name) is Status.DONE


@pytest.mark.parametrize(
    ("cells", "terms", "message"),
    [
        ([cell_of("random")], {"size": 128, "images": "real"}, r"differs in size \(128, not 64\)"),
        ([cell_of("ld", rate=1)], TERMS, r"does not go with: it differs in pretrain \("),
        (
            [cell_of("ld", 1)],
            {**TERMS, "downstream": {"tasks": {TASK: {"steps": 2}}}},
            rf"downstream\.tasks\.{TASK}\.steps \(2, not nothing\)",
        ),
        ([cell_of("random", manifest="n")], TERMS, r"differs in manifest \(n, not m\)"),
    ],
)
def test_what_does_not_belong_in_one_table_is_refused(
    tmp_path: Path,
    shared: Path,
    mistake: Mistake,
    cells: list[Cell],
    terms: dict[str, object],
    message: str,
) -> None:
    put(tmp_path / "mine", *cells, terms=terms)
    before = tree(tmp_path / "mine")
    assert re.search(message, mistake("import", shared, "--out", tmp_path / "mine"))
    assert tree(tmp_path / "mine") == before


def test_cells_that_a_table_asks_for_come_from_other_terms(
    tmp_path: Path, shared: Path, call: Call, mistake: Mistake
) -> None:
    put(tmp_path / "mine", cell_of("ld"), terms={**TERMS, "augmentation": "shared"})
    shutil.rmtree(tmp_path / "mine" / "cells")
    asked_for = asked(tmp_path / "mine")
    assert call("import", shared, "--out", tmp_path / "mine") == 0
    assert [path.name for path in (tmp_path / "mine" / "cells").iterdir()] == [cell_of("ld").name]
    assert asked(tmp_path / "mine") == asked_for
    put(tmp_path / "ours", cell_of("ld"), cell_of("byol"))
    assert call("export", tmp_path / "ours", tmp_path / "two.zip") == 0
    line = mistake("import", tmp_path / "two.zip", "--out", tmp_path / "mine")
    assert "differs in augmentation" in line


def test_foreign_results_travel(
    tmp_path: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path / "ours", cell_of("gone"), cell_of("random"))
    assert call("export", tmp_path / "ours", tmp_path / "x.zip", "--method", "gone") == 0
    assert call("import", tmp_path / "x.zip", "--out", tmp_path / "theirs") == 0
    capsys.readouterr()
    assert call("leaderboard", tmp_path / "theirs") == 0
    assert "not installed here: gone" in capsys.readouterr().out


def test_only_finished_cells_of_todays_code_travel_unasked(
    tmp_path: Path, call: Call, mistake: Mistake, capsys: pytest.CaptureFixture[str]
) -> None:
    now, ours = cell_of("ld"), tmp_path / "ours"
    code = {**now.fingerprint, "methods.ld": "0" * 64}
    old = replace(
        now,
        name=folder_name(now.key.hash, code),
        encoder=folder_name(now.pretrain.hash, code),
        fingerprint=code,
    )
    put(ours, old)
    put(ours, cell_of("byol"), status=Status.FAILED)
    line = mistake("export", ours, tmp_path / "x.zip")
    assert "no finished cell to export (1 stale, 1 failed)" in line
    assert "unknown method of" in mistake("export", ours, tmp_path / "x.zip", "--method", "lb")
    assert not (tmp_path / "x.zip").exists()
    assert call("export", ours, tmp_path / "x.zip", "--stale") == 0
    assert "1 cells of ld and 0 encoders exported" in capsys.readouterr().out
    assert "there already" in mistake("export", ours, tmp_path / "x.zip", "--stale")
    assert call("import", tmp_path / "x.zip", "--out", tmp_path / "theirs") == 0
    assert "are stale: methods.ld changed" in mistake("leaderboard", tmp_path / "theirs")


def test_a_damaged_cell_does_not_travel(tmp_path: Path, mistake: Mistake) -> None:
    put(tmp_path / "ours", cell_of("ld"))
    (path,) = (tmp_path / "ours" / "cells").glob("*/per_image.parquet")
    path.write_bytes(path.read_bytes() + b" ")
    assert "was changed after it was written" in mistake("export", tmp_path / "ours", "x.zip")


def test_what_no_import_would_take_is_not_exported(
    tmp_path: Path, mistake: Mistake, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "ours", cell_of("ld"))
    monkeypatch.setitem(archive.KNOWN["cells"], "cell.json", 10)
    assert "cell.json cannot be exported" in mistake("export", tmp_path / "ours", tmp_path / "x")
    monkeypatch.setitem(archive.KNOWN["cells"], "cell.json", archive.MIB)
    (path,) = (tmp_path / "ours" / "cells").iterdir()
    (path / "notes.txt").write_text("mine")
    assert "notes.txt was added later" in mistake("export", tmp_path / "ours", tmp_path / "x")
    assert not (tmp_path / "x").exists()


def test_neither_way_needs_torch() -> None:
    modules = "benchmark.sharing, benchmark.receiving, benchmark.cli"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
