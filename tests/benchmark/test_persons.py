"""Who is shown on test images, as the tidy frame has it."""

from pathlib import Path

import pytest

from benchmark import registry
from benchmark.bench import numbered
from benchmark.cells import PERSONS
from benchmark.report.frame import persons
from benchmark.report.gathered import gather
from tests.benchmark import small_results


def test_tasks_tell_who_is_shown() -> None:
    eyes = persons("chasedb1_vessel", ["Image_09L", "Image_09R", "Image_10L"], [])
    assert eyes["Image_09L"] == eyes["Image_09R"] != eyes["Image_10L"]
    assert len(set(persons("hrf_vessel", ["Image_09L", "Image_09R"], []).values())) == 2
    tasks = ("idrid_optic_disc", "idrid_hard_exudates", "somebodys_own", "somebodys_other")
    one, other, mine, yours = (persons(task, ["IDRiD_55"], [])["IDRiD_55"] for task in tasks)
    assert one == other
    assert len({one, mine, yours}) == 3
    told = persons("somebodys_own", ["1", "2", "3"], [0, 1, 0])
    assert told["1"] == told["3"] != told["2"]
    assert len(set(persons("somebodys_own", ["1", "2"], [0]).values())) == 2  # of other images


def test_persons_of_somebodys_own_task_are_what_its_cells_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = small_results.facts
    monkeypatch.setattr(small_results, "TASK", "mine")
    for name, told in (("known", {PERSONS: [0, 0]}), ("unknown", {})):
        monkeypatch.setattr(small_results, "facts", lambda cell, told=told: facts(cell) | told)
        small_results.put(tmp_path / name, small_results.cell_of("ld"))
    counts = [
        gather(tmp_path / name, "refuse").frame("dice")["person"].nunique()
        for name in ("known", "unknown")
    ]
    assert counts == [1, 2]


def test_cells_number_the_persons_that_a_task_knows() -> None:
    eyes = ["Image_10L", "Image_09L", "Image_09R"]
    assert numbered(registry.task("chasedb1_vessel"), eyes) == [0, 0, 1]
    assert numbered(registry.task("chasedb1_vessel"), eyes[:2]) == []
    assert numbered(registry.task("hrf_vessel"), eyes) == []
