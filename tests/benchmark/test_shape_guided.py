"""A run of a plan with shape priors, and the table that it gives."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console

from benchmark.asked import asked
from benchmark.audit import audit
from benchmark.cells import Status
from benchmark.report.figures.captions import SOURCES
from benchmark.report.gathered import Gathered, gather
from benchmark.report.guided import GuidedTable, guided_table
from benchmark.report.guided_notes import DRAWN_NOTE, ORACLE_NOTE, READING
from benchmark.report.guiding import print_guided
from benchmark.status import State, standings
from benchmark.store import Store
from tasks import guided
from tests.benchmark.conftest import Call
from tests.benchmark.small_shapes import written

#: One process computes what all of them look at.
pytestmark = pytest.mark.xdist_group("shape guided")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a whole run went."""
    from benchmark.cli import main  # noqa: PLC0415

    place = tmp_path_factory.mktemp("run")
    arguments = ["shape-guided", written(place), "--data", "phantom", "--out", place / "out"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["ldbench", *map(str, arguments), "--device", "cpu"])
        assert main() == 0
    torch.set_num_threads(1)
    return place / "out"


def test_all_cells_are_there_and_the_audit_finds_them_fair(folder: Path) -> None:
    store = Store(folder)
    rows = standings(store)
    done = {row.cell.stages[-1]: row.cell.method for row in rows if row.state is State.DONE}
    rivals = {"frangi": "random", "clusters-oracle": "ld"}
    assert done == {**rivals, "shape-regions": "octa", "shape-refined": "octa"}
    assert {row.cell.method for row in rows if row.state is State.SKIPPED} == {"mine"}
    assert [line for line in audit(store) if "fine-tuning" not in line] == []
    assert {str(store.status(row.folder)) for row in rows} == {Status.DONE, Status.SKIPPED}
    assert asked(folder).terms["downstream"]["decoder"] is False
    assert "shapes" not in asked(folder).terms


def table_of(found: Gathered) -> GuidedTable:
    table = guided_table(found)
    assert table is not None
    return table


def test_the_table_says_what_each_row_is(folder: Path) -> None:
    table = table_of(gather(folder, "refuse"))
    assert [row.label for row in table.rows][:3] == ["octa, map", "octa, regions", "octa, refined"]
    assert [row.label for row in table.rows if row.oracle] == ["ld clusters (oracle)"]
    assert {
        *(READING, ORACLE_NOTE, SOURCES["phantom"], DRAWN_NOTE.format("octa")),
        "Prior octa: phantom:octa: another modality, drawn.",
        "Hyperparameters: defaults of each method's Config, not tuned.",
        "One seed: nothing shows how much another training run would differ.",
    } <= set(table.notes)
    text = table.markdown()
    assert "ld of the oracle differs from octa, mine in batch_size (8, not 6); batch_size" in text
    assert "- Skipped: mine, map on chasedb1_vessel (seed 0); mine, regions on chasedb1_" in text
    assert any(note.startswith("Few test images or persons (chase") for note in table.notes)
    record = json.loads((folder / "shape_guided.json").read_text(encoding="utf-8"))["shape_guided"]
    assert record["rows"] == table.record()["rows"]
    scores = {row["row"]: row["scores"]["chasedb1_vessel"] for row in record["rows"]}
    assert all(
        score["low"] <= score["value"] <= score["high"]
        for name, score in scores.items()
        if not name.startswith("mine")
    )
    for name in ("shape_guided.csv", "shape_guided.md", "leaderboard.html"):
        assert "octa, refined" in (folder / name).read_text(encoding="utf-8")


def with_another_seed(found: Gathered, gone: Status | None) -> Gathered:
    """The same cells again, as if of another seed, but for octa's refined: missing, or ``gone``."""
    there = dict(found.there)
    for cell, result in found.there.items():
        fails = cell.stages == guided.REFINED and cell.method == "octa"
        if not fails:
            there[replace(cell, seed=1)] = result
        elif gone is not None:
            there[replace(cell, seed=1)] = replace(result, status=gone)
    cells = (*found.question.cells, *(replace(cell, seed=1) for cell in found.question.cells))
    return replace(found, question=replace(found.question, cells=cells), there=there)


@pytest.mark.parametrize(("gone", "word"), [(None, "Not run"), (Status.FAILED, "Failed")])
def test_a_row_without_a_seed_has_no_mean(folder: Path, gone: Status | None, word: str) -> None:
    one = gather(folder, "refuse")
    table = table_of(with_another_seed(one, gone))
    rows = {row.label: row for row in table.rows}
    lacking, whole = rows["octa, refined"], rows["octa, map"]
    assert np.isnan(lacking.scores["chasedb1_vessel"].value)
    assert (lacking.texts(), lacking.cells) == (["-", "1/2"], (1, 2))
    assert not np.isnan(whole.scores["chasedb1_vessel"].value)
    assert whole.cells == (2, 2)
    assert f"{word}: octa, refined on chasedb1_vessel (seed 1)." in table.notes
    assert any("With 2 seeds intervals are too narrow" in note for note in table.notes)
    assert "| octa, refined | - | 1/2 |" in table.markdown()
    line = table.table().set_index("row").loc["octa, refined"]
    assert (line["cells"], line["cells_asked"]) == (1, 2)


def test_a_table_of_failures_is_one(folder: Path) -> None:
    found = gather(folder, "refuse")
    failed = {c: replace(r, status=Status.FAILED) for c, r in found.there.items()}
    table = table_of(replace(found, there=failed))
    assert {row.texts()[-1] for row in table.rows} == {"0/1"}
    assert all(np.isnan(row.scores["chasedb1_vessel"].value) for row in table.rows)


def test_cells_on_other_terms_are_told(folder: Path) -> None:
    found = gather(folder, "refuse")
    (cell,) = (c for c in found.question.cells if c.stages == guided.RULES and c.method == "octa")
    other = replace(cell, method="other", key={**cell.key, "manifest": "another"})
    cells = (*found.question.cells, other)
    there = {**found.there, other: found.there[cell]}
    more = replace(found, question=replace(found.question, cells=cells), there=there)
    assert any(note.startswith("Terms are mixed: octa") for note in table_of(more).notes)


def test_only_the_oracle_is_red(folder: Path) -> None:
    table = table_of(gather(folder, "refuse"))
    out = StringIO()
    named = replace(table, notes=(*table.notes, "Prior b: masks of the oracle at Delphi."))
    print_guided(named, Console(file=out, force_terminal=True, color_system="standard", width=400))
    red = [line for line in out.getvalue().splitlines() if "\x1b[31m" in line]
    assert len(red) == 2
    assert "ld clusters (oracle)" in red[0]
    assert ORACLE_NOTE[:40] in red[1]


def test_no_leaderboard_ranks_such_cells(folder: Path) -> None:
    assert not (folder / "leaderboard.json").exists()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert 'id="shape-guided"' in page
    assert 'id="leaderboards"' not in page
    assert (folder / "figures" / "examples_guided_chasedb1_vessel.png").is_file()


def test_a_second_call_keeps_everything(
    folder: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = folder.parent / "plan.toml"
    assert call("shape-guided", plan, "--data", "phantom", "--out", folder, "--device", "cpu") == 0
    assert "0 cells computed, 6 kept, 0 not done" in capsys.readouterr().out
    assert call("leaderboard", folder, "--json") == 0
    assert json.loads(capsys.readouterr().out)["shape_guided"]["rows"]


def test_its_cells_travel(folder: Path, call: Call, tmp_path: Path) -> None:
    assert call("export", folder, tmp_path / "x.zip", "--method", "octa") == 0
    assert call("import", tmp_path / "x.zip", "--out", tmp_path / "theirs") == 0
    assert {str(row.state) for row in standings(Store(tmp_path / "theirs"))} == {"done"}
