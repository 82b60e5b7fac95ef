"""Threads are the plan's, or the cores divided; a folder that was begun keeps its number."""

import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmark.asked import Asked, ask
from benchmark.changes import with_changes
from benchmark.cli import main
from benchmark.durable import write_json
from benchmark.executors.choice import crowded
from benchmark.plan import Plan, read_plan
from benchmark.threads import share
from methods.errors import ConfigError

CPU = torch.device("cpu")
OPEN = """
title = "Open"
methods = ["random"]
tasks = ["chasedb1_vessel"]
seeds = [0]
size = 64
[pools]
fundus = "idrid_grading"
[budget]
images = 64
[downstream]
steps = 2
batch_size = 2
"""


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("threads", "executors.choice"):
        monkeypatch.setattr(f"benchmark.{place}.cores", lambda: 8)


def written(folder: Path, text: str = OPEN) -> Path:
    path = folder / "plan.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("workers", "threads"), [(1, 8), (3, 2), (8, 1), (99, 1)])
def test_the_cores_are_divided(workers: int, threads: int) -> None:
    assert share(workers) == threads


def test_a_folder_that_was_begun_keeps_its_number(tmp_path: Path) -> None:
    assert share(2, tmp_path) == 4
    ask(tmp_path, Asked("Begun", {"threads": 3}, {}, ()))
    assert share(2, tmp_path) == 3


def test_a_study_that_was_begun_keeps_its_number(tmp_path: Path) -> None:
    (tmp_path / "studies").mkdir()
    write_json(tmp_path / "studies" / "simclr-fundus.json", {"terms": {"threads": 3}})
    assert share(2, tmp_path) == 3


def test_a_plan_may_leave_them_open_or_not(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert read_plan(path).threads == 8
    assert read_plan(path, 4).threads == 4
    own = read_plan(written(tmp_path, "threads = 5" + OPEN), 4)
    assert own.threads == 5
    assert with_changes(own, ["threads=divided"], 4).threads == 4
    assert with_changes(own, ["threads=6"], 4).threads == 6
    for wrong in ("0", '"many"'):
        with pytest.raises(ConfigError, match="threads: "):
            read_plan(written(tmp_path, f"threads = {wrong}{OPEN}"))


@pytest.mark.parametrize(
    ("options", "threads"),
    [([], 8), (["--workers", "2"], 4), (["--workers", "2", "--set", "threads=3"], 3)],
)
def test_workers_divide_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], threads: int
) -> None:
    plans: list[Plan] = []

    def computed(plan: Plan, *_: Any) -> int:  # noqa: ANN401
        plans.append(plan)
        return 0

    monkeypatch.setattr("benchmark.comparison.compare", computed)
    monkeypatch.setattr("benchmark.running.show", lambda *_, **__: None)
    plan, out = written(tmp_path), tmp_path / "out"
    words = ["ldbench", "run", str(plan), "--data", "phantom", "--out", str(out), *options]
    monkeypatch.setattr(sys, "argv", words)
    assert main() == 0
    assert [plan.threads for plan in plans] == [threads]


def test_a_plans_own_number_is_not_changed() -> None:
    assert crowded(4, 2, CPU) == ""
    assert "5 workers of 2 threads share 8 cores" in crowded(5, 2, CPU)
    assert '--workers 4 fits, or threads = "divided" in the plan' in crowded(5, 2, CPU)
