"""Cells that probe frozen features: what they depend on, what they cost, and a run of them."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.arms import PROBE
from benchmark.asked import asked
from benchmark.audit import audit, early, unequal, unlike, unpaired
from benchmark.cells import SET
from benchmark.comparison import question
from benchmark.contract import Subject
from benchmark.contract.subject import BrokenError
from benchmark.contract.tasks import probed
from benchmark.forecast.classifying import Probing, probe_cell
from benchmark.forecast.footprint import cell_bytes
from benchmark.forecast.probe import Spent
from benchmark.forecast.tuning import Tuning
from benchmark.forecast.work import Counts
from benchmark.grid import Grid, settle
from benchmark.ledger import entries
from benchmark.plan import Plan
from benchmark.progress import finetuning_images
from benchmark.status import standings
from benchmark.store import Store
from tasks.base import Source, TaskScores
from tasks.idrid import IdridOpticDisc
from tasks.phantoms import write_phantoms
from tests.benchmark.small_run import run_arguments

#: One process computes what all of them look at.
pytestmark = pytest.mark.xdist_group("probe cells")

Call = Callable[..., int]
TRAINED = {"steps": 2, "batch_size": 2, "checks": 1, "direct": []}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder = tmp_path_factory.mktemp("probe")
    write_phantoms(folder / "data", scale=0.05, seed=0, size=64, datasets=["IDRiD"])
    return Source.at(folder / "data", folder / "cache")


def settled(source: Source, frozen: Path, **downstream: object) -> Grid:
    plan = Plan.model_validate(
        {
            "title": "Small",
            "methods": ["random", "inpainting"],
            "tasks": ["idrid_optic_disc"],
            "seeds": [0],
            "size": 32,
            "precision": "float32",
            "pools": {"fundus": "idrid_grading"},
            "budget": {"images": 16},
            "downstream": {**TRAINED, **downstream},
        }
    )
    return settle(plan, source, torch.device("cpu"), lambda _: None, frozen)


def test_every_method_is_probed_if_the_plan_says_so(source: Source, tmp_path: Path) -> None:
    plain, more = settled(source, tmp_path), settled(source, tmp_path, probe=True)
    before = [cell.key for cell in plain.cells]
    assert [cell.key for cell in more.cells if cell.key.stages != PROBE] == before
    probes = [cell for cell in more.cells if cell.key.stages == PROBE]
    assert [cell.key.method for cell in probes] == ["random", "inpainting"]
    assert {cell.encoder for cell in probes} == {cell.encoder for cell in plain.cells}
    # A folder from before may be asked for probes.
    assert question(plain, source).terms == question(more, source).terms
    assert [finetuning_images(cell) for cell in probes] == [0, 0]
    assert probes[0].label == "random / idrid_optic_disc / seed 0 / neighbours"


def test_a_probe_does_not_depend_on_what_is_trained_otherwise(
    source: Source, tmp_path: Path
) -> None:
    grids = [
        settled(source, tmp_path, probe=True),
        settled(source, tmp_path, probe=True, steps=9, batch_size=4, selection="last"),
    ]
    keys = [[cell.key for cell in grid.cells if cell.key.stages == PROBE] for grid in grids]
    assert keys[0] == keys[1]
    assert keys[0][0].settings == {"size": 32, "fraction": 1.0, "precision": "float32"}
    assert keys[0][0].protocol == "segmentation-1 probe-1"
    for part in ({"fractions": [0.5]}, {"fractions": [0.5, 1.0]}):
        grid = settled(source, tmp_path, probe=True, **part)
        cells = [cell for cell in grid.cells if cell.key.stages == PROBE]
        assert len(cells) == 2 * len(part["fractions"])
        half = grid.data_of(cells[0].key)
        trained = grid.data_of(grid.cells[0].key)
        assert half.settings.fraction == 0.5
        assert half.train.ids == trained.train.ids
        assert half.test is grid.data["idrid_optic_disc"].test


def test_a_forecast_counts_images_by_hand() -> None:
    image = Spent(2.0, 6.0, 0.5)
    tuning = Tuning({}, image, image)
    work = probe_cell(Counts(300, 40, 7), tuning, Probing(3.0, 0.25, 2.0), 100)
    # 128 of the training images, 32 of the validation images, the test images, one of them again.
    passed = 128 + 32 + 7 + 1
    assert (work.trained, work.seen, work.size) == (0, passed + 3 * 128, 100)
    assert work.operations == (passed + 2 * 128) * 2.0
    assert work.seconds == (passed + 2 * 128) * 0.5 + 3.0 + 39 * 0.25
    assert cell_bytes(PROBE, 7, 32) > cell_bytes(("frozen", "finetuned"), 7, 32)


class Forgetful(IdridOpticDisc):
    """Scores one of two stages."""

    def evaluate(self, *arguments: Any, stages: tuple[str, ...], **named: Any) -> TaskScores:  # noqa: ANN401
        return super().evaluate(*arguments, stages=stages[:1], **named)


def test_a_task_that_scores_less_is_told(source: Source) -> None:
    probed(Subject(IdridOpticDisc(), source))
    with pytest.raises(BrokenError, match="leave stages that are not your own to"):
        probed(Subject(Forgetful(), source))


PLAN = """
title = "Small"
methods = ["random", "inpainting", "ld"]
tasks = ["scr_lung"]
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
probe = true
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


def test_a_run_gives_boards_ranks_and_pictures(folder: Path) -> None:
    record = json.loads((folder / "out" / "leaderboard.json").read_text(encoding="utf-8"))
    boards = {board["stage"]: board for board in record["boards"]}
    assert list(boards) == ["frozen", "finetuned", "direct", "probe", "neighbours"]
    for stage in PROBE:
        rows = boards[stage]["rows"]
        assert {row["method"] for row in rows} == {"random", "inpainting", "ld"}
        assert all(row["rank"]["value"] is not None for row in rows)
        assert all(row["gain_direct"]["value"] is not None for row in rows)
        assert any("phantom" in note for note in boards[stage]["notes"])
    store = Store(folder / "out")
    for row in standings(store):
        if row.cell.stages != PROBE:
            continue
        files = {path.name for path in (store.cells / row.folder).iterdir()}
        assert {"features.png", "masks_probe.png", "masks_neighbours.png"} <= files
        assert ("clusters.png" in files) == (row.cell.method == "ld")
        picture = np.asarray(Image.open(store.cells / row.folder / "features.png"))
        assert picture.shape == (32, 32, 3)
        facts = store.record(row.folder)["facts"]
        assert set(facts["representation"]) == {"effective rank", "alignment", "uniformity"}
        assert isinstance(facts["pictured"], str)
        set_by_plan = {"inpainting": ["batch_size"]}.get(row.cell.method)
        assert facts.get(SET) == set_by_plan


def test_what_is_lost_comes_back_to_the_bit(
    folder: Path, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, store = run_arguments(folder), Store(folder / "out")
    names = [row.folder for row in standings(store) if row.cell.stages == PROBE]
    kept = [p for n in names for p in (store.cells / n).iterdir() if p.suffix != ".json"]
    before = {path: path.read_bytes() for path in kept}
    assert len(before) == 3 * 4 + 1
    for name in names:
        store.drop_cell(name)
    assert call(*arguments, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert "would compute ld / scr_lung / seed 0 / neighbours" in printed
    assert "3 cells to compute" in printed
    assert call(*arguments) == 0
    assert before == {path: path.read_bytes() for path in before}


def test_an_audit_knows_probes(folder: Path) -> None:
    store = Store(folder / "out")
    assert audit(store) == []
    assert not [line for line in audit(store, "steps", 0.0) if "fine-tuning" in line]
    found = entries(store, standings(store))
    probes = [entry for entry in found if entry.cell.stages == PROBE]
    assert {entry.finetuning("images") for entry in probes} == {0.0}
    assert len({entry.finetuning("flops") for entry in probes}) == 1
    # A fit that converges sooner is no saving.
    slow = json.loads(json.dumps(probes[-1].record))
    slow["cost"]["wall_seconds"] += 1000.0
    timed = [*probes[:-1], replace(probes[-1], record=slow)]
    assert not [line for line in unequal(timed, "seconds", 100.0) if "fine-tuning" in line]
    record = json.loads(json.dumps(probes[-1].record))
    record["key"]["protocol"] = "segmentation-1 probe-0"
    record["facts"]["probe"]["test opened after step"] = 1
    changed = replace(probes[-1], record=record)
    assert any("the protocol of" in line for line in unlike([*found[:-1], probes[0], changed]))
    (line,) = early([changed])
    assert "opened its test images after step 1 of" in line
    whole = asked(folder / "out")
    assert list(unpaired(whole)) == []
    less = [c for c in whole.cells if (c.method, c.stages) != ("random", PROBE)]
    told = list(unpaired(replace(whole, cells=tuple(less))))
    assert told == ["scr_lung lacks the floor, random neighbours, for the seeds [0]"]


def test_probes_travel_without_pictures(
    folder: Path, call: Call, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packed, again, theirs = tmp_path / "all.zip", tmp_path / "again.zip", tmp_path / "theirs"
    assert call("export", folder / "out", packed) == 0
    assert call("import", packed, "--out", theirs) == 0
    assert "7 cells imported" in capsys.readouterr().out
    names = {path.name for path in (theirs / "cells").glob("*/*")}
    assert {"masks_probe.png", "masks_neighbours.png"} <= names
    assert not {"features.png", "clusters.png"} & names
    assert call("export", theirs, again) == 0
    assert packed.read_bytes() == again.read_bytes()
    assert call("leaderboard", theirs) == 0
    assert audit(Store(theirs)) == []
