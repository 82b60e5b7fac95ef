"""Landmark cells beside those of segmentation: a run of both, and what is told of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.arms import RIVALS, of_landmarks
from benchmark.asked import asked
from benchmark.audit import audit, early, unpaired
from benchmark.cells import Status
from benchmark.ledger import entries
from benchmark.report.gathered import Gathered, gather
from benchmark.report.landmarks.gathering import landmark_boards, unlike
from benchmark.report.landmarks.shown import sheets_of
from benchmark.status import standings
from benchmark.store import Store
from tasks.landmarks import EMBEDDING, ENCODED, FACTS, MAPS, SUPPORT
from tests.benchmark.conftest import Call
from tests.benchmark.small_run import run_arguments

#: One process computes what all of them look at.
pytestmark = pytest.mark.xdist_group("landmark cells")

PLAN = """
title = "Small"
methods = ["random", "ld", "inpainting"]
tasks = ["scr_lung", "scr_heart_center"]
seeds = [0]
size = 32
precision = "float32"
threads = 1
[pools]
"chest X-ray" = "chestxray14"
[budget]
images = 16
checks = 2
[downstream]
steps = 2
batch_size = 2
checks = 1
[landmarks]
supports = 3
windows = [0.1]
[config.inpainting]
batch_size = 8
[phantom]
scale = 0.02
size = 64
"""


@pytest.fixture(scope="module")
def folder(ran: Callable[[str], Path]) -> Path:
    """Where a whole run went."""
    return ran(PLAN)


def test_leaderboards_know_nothing_of_landmarks(folder: Path) -> None:
    record = json.loads((folder / "out" / "leaderboard.json").read_text(encoding="utf-8"))
    assert [board["stage"] for board in record["boards"]] == ["frozen", "finetuned", "direct"]
    assert {task for board in record["boards"] for task in board["sources"]} == {"scr_lung"}
    assert "landmark" not in (folder / "out" / "leaderboard.md").read_text(encoding="utf-8")


def test_a_run_gives_a_table_and_a_figure(folder: Path) -> None:
    out = folder / "out"
    record = json.loads((out / "landmarks.json").read_text(encoding="utf-8"))
    (board,) = record["landmarks"]
    assert [row["label"] for row in board["rows"]].count("ld: embedding") == 1
    assert {row["label"] for row in board["rows"]} == {
        *("random: features", "ld: embedding", "ld: features", "inpainting: features"),
        *("template matching", "centre of the image"),
    }
    values = [row["scores"]["radial_error_px"]["value"] for row in board["rows"]]
    assert all(a <= b for a, b in pairwise(values))
    table = pd.read_csv(out / "landmarks.csv")
    assert len(table) == len(values)
    assert table[["cells", "cells_asked"]].to_numpy().tolist() == [[1, 1]] * len(values)
    np.testing.assert_allclose(table["radial_error_px"], 512.0 * table["radial_error"], rtol=1e-4)
    text = (out / "landmarks.md").read_text(encoding="utf-8")
    assert "lower is better" in text
    assert "phantoms" in text
    assert "mean radial error (px) by window | 0.036 | 0.1" in text
    assert r"\toprule" in (out / "landmarks.tex").read_text(encoding="utf-8")
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "Landmarks from one example" in page
    assert (out / "figures" / "landmarks_scr_heart_center.png").is_file()
    assert not (out / "figures" / "landmarks_scr_heart_center.svg").exists()


def test_cells_keep_maps_and_the_support_image(folder: Path) -> None:
    store = Store(folder / "out")
    for row in standings(store):
        if not of_landmarks(row.cell.stages):
            continue
        files = {path.name for path in (store.cells / row.folder).iterdir()}
        kept = {f"{MAPS[stage]}.png" for stage in row.cell.stages if stage in MAPS}
        assert {*kept, f"{SUPPORT}.png"} <= files
        facts = store.record(row.folder)["facts"]
        assert len(facts[FACTS]["supports"]) == 3
        assert set(facts[FACTS]["stages"]) == set(row.cell.stages)


def test_what_is_lost_comes_back_to_the_bit(
    folder: Path, call: Call, capsys: pytest.CaptureFixture[str], undrawn: None
) -> None:
    arguments, store = run_arguments(folder), Store(folder / "out")
    names = [row.folder for row in standings(store) if of_landmarks(row.cell.stages)]
    kept = [p for n in names for p in (store.cells / n).iterdir() if p.suffix != ".json"]
    before = {path: path.read_bytes() for path in kept}
    for name in names:
        store.drop_cell(name)
    assert call(*arguments, "--only", "ld/scr_heart_center", "--dry-run") == 0
    assert "1 cells to compute" in capsys.readouterr().out
    assert call(*arguments) == 0
    assert before == {path: path.read_bytes() for path in before}


def test_an_audit_knows_landmarks(folder: Path) -> None:
    store = Store(folder / "out")
    assert audit(store) == []
    assert not [line for line in audit(store, "seconds", 0.0) if "heart_center" in line]
    found = [e for e in entries(store, standings(store)) if of_landmarks(e.cell.stages)]
    assert {entry.finetuning("images") for entry in found} == {0.0}
    assert not list(early(found))
    whole = asked(folder / "out")
    less = [c for c in whole.cells if (c.method, c.stages) != ("random", RIVALS)]
    told = list(unpaired(replace(whole, cells=tuple(less))))
    assert told == ["scr_heart_center lacks the floor, random landmark_template, for the seeds [0]"]


def test_intervals_are_the_leaderboards_bootstrap(folder: Path) -> None:
    """The mean of what cells say, by a slow loop; the interval holds it."""
    found = gather(folder / "out", "refuse")
    (board,) = landmark_boards(found)
    store = Store(folder / "out")
    for row in board.rows:
        means = []
        for cell, result in found.there.items():
            if cell.method == row.method and row.stage in cell.stages:
                scores = pd.read_parquet(store.cells / result.folder / "per_image.parquet")
                own = scores[(scores["stage"] == row.stage) & (scores["metric"] == "radial_error")]
                means += own["score"].tolist()
        score = row.scores["radial_error"]
        assert score.value == pytest.approx(np.mean(means), abs=1e-6)
        assert score.low <= score.value <= score.high


def test_a_lacking_cell_is_named_and_has_no_mean(folder: Path) -> None:
    found = gather(folder / "out", "refuse")
    gone = next(c for c in found.landmarks if c.method == "inpainting")
    failed = replace(found.there[gone], status=Status.FAILED)
    for there, word in (
        ({c: r for c, r in found.there.items() if c is not gone}, "Not run"),
        ({**found.there, gone: failed}, "Failed"),
    ):
        (board,) = landmark_boards(replace(found, there=there))
        last = board.rows[-1]
        assert (last.label, last.cells) == ("inpainting: features", (0, 1))
        assert np.isnan(last.scores["radial_error"].value)
        assert np.isnan(last.spread)
        assert not last.windows
        assert f"{word}: inpainting: features (seed 0)." in board.notes
        frame = replace(found, there=there).frame("dice")
        assert set(frame["task"]) == {"scr_lung"}


def with_another_seed(found: Gathered) -> Gathered:
    """The same cells again, as if another seed had given the same scores; but for inpainting's."""
    more = {replace(cell, seed=1): result for cell, result in found.there.items()}
    cells = (*found.question.cells, *more)
    there = {**found.there, **{c: r for c, r in more.items() if c.method != "inpainting"}}
    return replace(found, question=replace(found.question, cells=cells), there=there)


def test_an_incomplete_row_has_neither_windows_nor_spread_of_other_seeds(folder: Path) -> None:
    one = gather(folder / "out", "refuse")
    ((alone,), (board,)) = (landmark_boards(each) for each in (one, with_another_seed(one)))
    rows = {row.label: row for row in board.rows}
    last = rows["inpainting: features"]
    assert (last.cells, last.windows) == ((1, 2), {})
    assert np.isnan(last.spread)
    assert rows["ld: features"].cells == (2, 2)
    assert rows["ld: features"].windows == {r.label: r for r in alone.rows}["ld: features"].windows
    assert "Not run: inpainting: features (seed 1)." in board.notes


def test_what_intervals_cover_is_said_with_one_seed_and_with_several(folder: Path) -> None:
    one = gather(folder / "out", "refuse")
    for found, covers, supports in (
        (one, "seeds = 1: interval covers test images only", "the same supports. Nothing"),
        (
            with_another_seed(one),
            "intervals cover seeds and test images",
            "the same supports, which change with the seed. Nothing",
        ),
    ):
        (board,) = landmark_boards(found)
        notes = " ".join(board.notes)
        assert f"Brackets: 95 % bootstrap intervals; {covers}. The spread" in notes
        assert supports in notes


def test_rows_on_other_terms_are_told(folder: Path) -> None:
    cells = gather(folder / "out", "refuse").landmarks
    assert list(unlike(cells)) == []
    key = json.loads(json.dumps(dict(cells[-1].key)))
    key["settings"]["window"] = 0.5
    (line,) = unlike([*cells[:-1], replace(cells[-1], key=key)])
    assert "differ in window (0.036, not 0.5)" in line


def test_figures_show_the_answers_that_were_scored(folder: Path) -> None:
    found = gather(folder / "out", "refuse")
    sheets = sheets_of(found, "scr_heart_center")
    assert [sheet.note.partition(":")[0] for sheet in sheets] == ["best", "worst"]
    assert all(len(sheet.answers) == 6 for sheet in sheets)
    for answer in sheets[0].answers.values():
        away = np.linalg.norm(answer.point - sheets[0].truth)
        assert answer.error == pytest.approx(float(away))
    assert sheets[0].answers["centre of the image"].similarity is None
    assert sheets[0].answers["ld: embedding"].similarity is not None
    assert sheets[0].support is not None


def test_maps_stay_at_home(
    folder: Path, call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed, theirs = tmp_path / "all.zip", tmp_path / "theirs"
    assert call("export", folder / "out", packed) == 0
    assert call("import", packed, "--out", theirs) == 0
    names = {path.name for path in (theirs / "cells").glob("*/*")}
    assert not {f"{stem}.png" for stem in (*MAPS.values(), SUPPORT)} & names
    capsys.readouterr()
    assert call("leaderboard", theirs, "--json") == 0
    record = json.loads(capsys.readouterr().out)
    assert {"bootstrap seed", "boards", "landmarks"} <= record.keys()


def test_an_embedding_is_of_the_method_itself(folder: Path) -> None:
    found = gather(folder / "out", "refuse")
    (board,) = landmark_boards(found)
    own = {row.stage: row for row in board.rows if row.method == "ld"}
    assert set(own) == set(ENCODED)
    errors = [row.scores["radial_error"].value for row in own.values()]
    assert errors[0] != errors[1]
    assert EMBEDDING in own
