"""``ldbench order``: tables of folders held against one, on the terminal and as JSON."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmark.cells import Status
from benchmark.report.ordered import stages_of
from tests.benchmark.conftest import Call
from tests.benchmark.small_results import TASK, aged, cell_of, put

Capture = pytest.CaptureFixture[str]
#: Their scores grow with the length of their names.
NAMES = ("ld", "byol", "simclr", "barlow_twins")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Four methods, and three of them, two seeds each."""
    for place, names in (("all", NAMES), ("some", NAMES[1:])):
        put(tmp_path / place, *(cell_of(name, seed) for name in names for seed in (0, 1)))
    return tmp_path / "all", tmp_path / "some"


def test_every_stage_of_every_folder(
    folders: tuple[Path, Path], call: Call, capsys: Capture
) -> None:
    assert call("order", *folders, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["beside"] for row in told} == {"all, finetuned"}
    assert [row["table"] for row in told] == ["all, frozen", "some, frozen", "some, finetuned"]
    assert [len(row["methods"]) for row in told] == [4, 3, 3]
    assert [row["left out"] for row in told] == [[], ["ld"], ["ld"]]
    for row in told:
        assert row["rho"] == row["across"]["mean"] == row["first"]["mean"] == 1.0


def test_what_is_printed(folders: tuple[Path, Path], call: Call, capsys: Capture) -> None:
    assert call("order", *folders, "--stage", "frozen") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Order of the methods beside" in printed
    assert "1.00 (1.00 to 1.00)" in printed
    assert "left out, for they lack cells in one of both: ld" in printed
    assert "an order that has changed has a lower one" in printed


def told_of(folder: Path, other: Path, call: Call, capsys: Capture) -> dict[str, Any]:
    """What is said of another folder's fine-tuned table."""
    assert call("order", folder, other, "--json") == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows[-1]


def test_folders_of_one_name_are_called_by_their_paths(
    folders: tuple[Path, Path], tmp_path: Path, call: Call, capsys: Capture
) -> None:
    put(tmp_path / "other" / "all", *(cell_of(name) for name in NAMES))
    told = told_of(folders[0], tmp_path / "other" / "all", call, capsys)
    assert told["table"] == f"{tmp_path / 'other' / 'all'}, finetuned"


def test_stale_cells_do_not_count(folders: tuple[Path, Path], call: Call, capsys: Capture) -> None:
    put(folders[1], aged(cell_of("ld")))
    told = told_of(*folders, call, capsys)
    assert told["methods"] == sorted(NAMES[1:])
    assert "1 stale cells of older code do not count" in " ".join(told["remarks"])


def test_rows_without_labels_have_a_table_of_their_own() -> None:
    cells = [("done", "frangi", 1.0), ("done", "frozen", 0.5), ("done", "frozen", 1.0)]
    frame = pd.DataFrame(
        [*cells, ("failed", "finetuned", 1.0)], columns=["status", "stage", "fraction"]
    )
    assert stages_of(frame) == [("frozen", 1.0), ("frozen", 0.5)]


def test_phantoms_are_not_held_against_photographs(
    folders: tuple[Path, Path], tmp_path: Path, call: Call, capsys: Capture
) -> None:
    put(tmp_path / "drawn", *(cell_of(name) for name in NAMES), source="phantom")
    told = told_of(folders[0], tmp_path / "drawn", call, capsys)
    assert told["rho"] is None
    assert told["remarks"][:2] == [
        "no task to compare on",
        f"not compared, for the images are of another kind: {TASK}",
    ]


def test_one_seed_says_so(
    folders: tuple[Path, Path], tmp_path: Path, call: Call, capsys: Capture
) -> None:
    put(tmp_path / "once", *(cell_of(name) for name in NAMES))
    told = told_of(folders[0], tmp_path / "once", call, capsys)
    assert (told["rho"], told["second"]["mean"]) == (1.0, None)
    assert "one seed: how far two runs of one table agree is not known" in told["remarks"]


def test_a_folder_without_a_finished_cell_is_named(
    folders: tuple[Path, Path], tmp_path: Path, mistake: Callable[..., str]
) -> None:
    put(tmp_path / "failed", cell_of("ld"), status=Status.FAILED)
    assert "failed holds no finished cell" in mistake("order", folders[0], tmp_path / "failed")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("all", "all"), "a folder is given twice"),
        (("all", "nowhere"), "nowhere"),
        (("all", "--stage", "direct"), "holds no scores of the stage direct"),
    ],
)
def test_mistakes_are_one_line(
    arguments: tuple[str, ...],
    said: str,
    folders: tuple[Path, Path],
    mistake: Callable[..., str],
) -> None:
    root = folders[0].parent
    given = [
        each if each.startswith("--") or each == "direct" else root / each for each in arguments
    ]
    assert said in mistake("order", *given)
