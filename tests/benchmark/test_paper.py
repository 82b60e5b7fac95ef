"""The plan of the paper at full scale: what it says, and that it runs with smaller counts."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from benchmark import registry
from benchmark.changes import scaled, with_changes
from benchmark.cli import main
from benchmark.grid import config_of, downstream
from benchmark.plan import Plan, read_plan
from methods import METHODS
from methods.order import timetable
from tasks import TASKS
from tasks.base import Source

PLANS = Path(__file__).parents[2] / "benchmark" / "plans"
XRAY = ("siim_pneumothorax", "scr_heart", "scr_lung", "scr_clavicle")


@pytest.fixture(scope="module")
def paper() -> Plan:
    return read_plan(PLANS / "paper.toml")


def test_everything_is_compared_at_full_size(paper: Plan) -> None:
    assert (set(paper.methods), set(paper.tasks)) == (set(METHODS), set(TASKS))
    assert (paper.size, paper.width, paper.downstream.direct) == (512, "full", ["random"])


def test_ld_has_its_epochs(paper: Plan) -> None:
    ld = registry.method("ld")
    steps = timetable(ld, ld.Config().batch_size, paper.budget.images)
    assert [len(sizes) for sizes in steps.values()] == [20 * 1000, 80 * 1000]
    assert paper.budget.checks == 100


def test_fine_tuning_takes_a_hundred_epochs(paper: Plan) -> None:
    nowhere = Source(Path(), Path())
    cells = Counter[str]()
    for name in paper.tasks:
        task = registry.segmentation(name)
        every = downstream(paper, name, task, nowhere, "float32")
        cells[name] = len(every)
        for settings in every:
            train, _ = task.split(nowhere).fraction(settings.fraction, task.person)
            passes = settings.steps * settings.batch_size / len(train)
            assert 100 <= passes < 100 + settings.batch_size / len(train)
            assert settings.batch_size == (8 if name == "siim_pneumothorax" else 2)
            assert settings.learning_rate == 1e-3
    assert dict(cells) == {name: 5 if name in XRAY else 1 for name in TASKS}


def test_a_thousandth_of_it_suits_the_phantoms_pools(paper: Plan) -> None:
    plan = with_changes(scaled(paper, 0.001), ["config.transvw.neighbours=60"])
    assert plan.budget.images == 800
    for name in plan.methods:
        needed = registry.method(name).smallest_pool(config_of(plan, name, "fundus"))
        assert needed <= 80, name  # a quarter of each pool's phantoms, less the held-out ones


@pytest.mark.slow
@pytest.mark.usefixtures("undrawn")
def test_a_thousandth_of_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = ("size=32", "width=tiny", "threads=1", "precision=float32", "seeds=[0]")
    smaller = ("budget.checks=2", "downstream.checks=1", "phantom.scale=0.1", "phantom.size=64")
    words = ["run", PLANS / "paper.toml", "--data", "phantom", "--out", tmp_path / "out"]
    words += ["--scale", "0.001", "--method", "random", "--method", "inpainting"]
    words += ["--task", "chasedb1_vessel", "--task", "scr_lung"]
    words += [word for change in (*changes, *smaller) for word in ("--set", change)]
    monkeypatch.setattr(sys, "argv", ["ldbench", *map(str, words)])
    assert main() == 0
    # Random has three arms: 3 x (1 + 5) cells; in-painting two.
    assert "30 cells computed, 0 kept, 0 not done" in capsys.readouterr().out
    grid = json.loads((tmp_path / "out" / "grid.json").read_text(encoding="utf-8"))
    cells = Counter((cell["task"], cell["fraction"]) for cell in grid["cells"])
    lungs = {("scr_lung", share): 5 for share in (0.2, 0.4, 0.6, 0.8, 1.0)}
    assert cells == {("chasedb1_vessel", 1.0): 5, **lungs}
    for record in (tmp_path / "out" / "encoders").glob("*/pretrain.json"):
        told = json.loads(record.read_text(encoding="utf-8"))
        assert told["images_drawn"] == (0 if told["key"]["method"] == "random" else 800)
