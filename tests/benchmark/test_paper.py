"""The plan of the paper at full scale: what it says, and that it runs with smaller counts."""

from collections import Counter
from pathlib import Path

import pytest

from benchmark import registry
from benchmark.grid import downstream
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
