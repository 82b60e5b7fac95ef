"""A plan that stops after the frozen stage: cheaper cells, and folders that keep to it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmark.arms import FROZEN, ONE_STAGE, TWO_STAGES, arms
from benchmark.asked import asked
from benchmark.cells import Status
from benchmark.forecast import forecast
from benchmark.machine import device_called
from benchmark.plan import Plan, read_plan
from benchmark.status import standings
from benchmark.store import Store
from tasks.idrid import IdridOpticDisc
from tests.benchmark.small_run import run_arguments

Call = Callable[..., int]
PLAN = """
title = "Small"
methods = ["random", "inpainting"]
tasks = ["scr_lung"]
seeds = [0]
size = 32
precision = "float32"
threads = 1
[pools]
"chest X-ray" = "chestxray14"
[budget]
images = 16
checks = 1
[downstream]
steps = 2
batch_size = 2
checks = 1
finetuned = false
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


def test_the_second_stage_is_left_out_and_only_that(folder: Path) -> None:
    plan, task = read_plan(folder / "plan.toml"), IdridOpticDisc()
    assert arms(plan, "inpainting", task) == [FROZEN]
    assert arms(plan, "random", task) == [FROZEN, ONE_STAGE]
    assert arms(with_second(plan), "random", task) == [TWO_STAGES, ONE_STAGE]
    store = Store(folder / "out")
    stages = [row.cell.stages for row in standings(store)]
    assert sorted(stages) == [ONE_STAGE, FROZEN, FROZEN]
    assert all(store.status(row.folder) is Status.DONE for row in standings(store))


def with_second(plan: Plan) -> Plan:
    """The plan with the second stage."""
    part = plan.downstream.model_copy(update={"finetuned": True})
    return plan.model_copy(update={"downstream": part})


def test_its_boards_are_of_the_stages_there_are(folder: Path) -> None:
    record = json.loads((folder / "out" / "leaderboard.json").read_text(encoding="utf-8"))
    boards = {board["stage"]: board for board in record["boards"]}
    assert list(boards) == ["frozen", "direct"]
    assert {row["method"] for row in boards["frozen"]["rows"]} == {"random", "inpainting"}
    assert all(row["gain"]["value"] is not None for row in boards["frozen"]["rows"])


def test_a_folder_keeps_to_it(folder: Path, call: Call, capsys: pytest.CaptureFixture[str]) -> None:
    before = asked(folder / "out")
    assert before.terms["downstream"]["finetuned"] is False
    assert call(*run_arguments(folder), "--set", "downstream.finetuned=true") == 2
    assert "downstream.finetuned" in capsys.readouterr().err
    assert asked(folder / "out") == before


def test_a_forecast_leaves_the_second_stage_out(folder: Path) -> None:
    plan = read_plan(folder / "plan.toml")
    found = [forecast(each, device_called("cpu")) for each in (plan, with_second(plan))]
    less, more = ({row.method: row for row in each.rows}["inpainting"] for each in found)
    assert less.cells == more.cells
    assert 2 * less.downstream.trained == more.downstream.trained
