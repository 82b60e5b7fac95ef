"""``ldbench order``: tables of folders held against one, on the terminal and as JSON."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.benchmark.conftest import Call
from tests.benchmark.small_results import aged, cell_of, put

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
    assert {row["first"] for row in told} == {"all, finetuned"}
    assert [row["table"] for row in told] == ["all, frozen", "some, frozen", "some, finetuned"]
    assert [len(row["methods"]) for row in told] == [4, 3, 3]
    assert all(row["rho"]["value"] == 1.0 for row in told)
    assert all(row["turned"] == [] for row in told)
    assert all("with 2 seeds" in " ".join(row["remarks"]) for row in told)


def test_what_is_printed(folders: tuple[Path, Path], call: Call, capsys: Capture) -> None:
    assert call("order", *folders, "--stage", "frozen") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Order of the methods beside all, frozen" in printed
    assert "some, finetuned" in printed
    assert printed.count("with 2 seeds intervals are too narrow") == 1
    assert "An order has changed where rho lies below that" in printed


def test_stale_cells_do_not_count(folders: tuple[Path, Path], call: Call, capsys: Capture) -> None:
    put(
        folders[1],
        *(cell_of(name, seed) for name in NAMES[1:] for seed in (0, 1)),
        aged(cell_of("ld")),
    )
    assert call("order", *folders, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["methods"] for row in told if row["table"] == "some, finetuned"] == [
        sorted(NAMES[1:])
    ]
    assert "1 stale cells of older code do not count" in " ".join(told[-1]["remarks"])


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
