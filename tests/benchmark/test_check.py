"""``ldbench check`` says which promises are kept, and what to mend."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark import extend, registry
from benchmark.contract import Subject
from tasks.phantoms import write_phantoms

Install = Callable[..., Path]
Call = Callable[..., int]
Mistake = Callable[..., str]
MINE = {"mine": "mine_module:Mine"}


@pytest.fixture
def contract(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A contract of few promises; what each was asked about."""
    asked: dict[str, Any] = {}

    def trains(method: Any) -> None:  # noqa: ANN401
        asked["method"] = method
        if method.Config().batch_size == 5:
            raise AssertionError("blocks.0 gets no gradient: use it")

    def splits(subject: Subject) -> None:
        asked["task"], asked["files"] = subject.task, len(list(subject.source.root.rglob("*.*")))

    def anchors(subject: Subject) -> None:
        if "Discs" in subject.task.info.title:
            raise AssertionError("sight does not beat blindness: look at the masks")

    def crashes(subject: Subject) -> None:
        if "Discs" in subject.task.info.title:
            raise KeyError("split")

    promises = {"complete": lambda _: None, "trains": trains}
    monkeypatch.setattr("benchmark.contract.PROMISES", promises)
    of_tasks = {"splits": splits, "anchors": anchors, "crashes": crashes}
    monkeypatch.setattr("benchmark.contract.TASK_PROMISES", of_tasks)
    return asked


def test_a_sound_method_passes(
    call: Call,
    capsys: pytest.CaptureFixture[str],
    contract: dict[str, Any],
) -> None:
    assert call("check", "simclr") == 0
    assert contract["method"] is registry.method("simclr")
    assert capsys.readouterr().out.splitlines() == [
        "pass  complete",
        "pass  trains",
        "simclr keeps 2 of 2 promises",
    ]


def test_a_broken_promise_says_what_to_mend(
    call: Call,
    capsys: pytest.CaptureFixture[str],
    contract: dict[str, Any],
    install: Install,
    method_source: str,
) -> None:
    code = method_source.replace("batch_size: int = 4", "batch_size: int = 5")
    install("mine-package", MINE, {"mine_module.py": code})
    assert call("check", "mine") == 1
    assert capsys.readouterr().out.splitlines()[1:] == [
        "mend  trains: blocks.0 gets no gradient: use it",
        "mine keeps 1 of 2 promises",
    ]


def test_a_class_that_does_not_load_is_a_broken_promise(
    call: Call,
    capsys: pytest.CaptureFixture[str],
    install: Install,
    method_source: str,
) -> None:
    install("mine-package", MINE, {"mine_module.py": method_source.replace("Config", "Other")})
    assert call("check", "mine") == 1
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("mend  loads: mine_module:Mine has no Config")


def test_an_unknown_name_is_a_mistake(mistake: Mistake) -> None:
    line = mistake("check", "simcrl")
    assert "unknown method or task 'simcrl'; did you mean 'simclr'?" in line
    assert "hrf_vessel" in line


def test_a_task_of_ours_is_checked_on_phantoms(
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    contract: dict[str, Any],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(extend, "SIDE", 64)
    assert call("check", "stare_vessel") == 0
    assert contract["task"].name == "stare_vessel"
    assert contract["files"] >= 40
    assert "stare_vessel keeps 3 of 3 promises" in capsys.readouterr().out
    write_phantoms(tmp_path / "data", scale=0.1, seed=0, size=64, datasets=["STARE"])
    assert call("check", "stare_vessel", "--data", tmp_path / "data") == 0
    assert 0 < contract["files"] < 40


@pytest.mark.usefixtures("contract")
def test_a_task_of_a_package_is_checked_on_its_own_data(
    call: Call,
    mistake: Mistake,
    capsys: pytest.CaptureFixture[str],
    install: Install,
    task_source: str,
    tmp_path: Path,
) -> None:
    install("mine-package", MINE, {"mine_module.py": task_source}, "task")
    assert "no phantoms of Discs: say where" in mistake("check", "mine")
    root = tmp_path / "data"
    line = mistake("check", "mine", "--data", root)
    assert "there is no data root" in line
    (root / "discs").mkdir(parents=True)
    assert "8 of 8 files are missing" in mistake("check", "mine", "--data", root)
    for name in "abcd":
        for end in (".png", "_mask.png"):
            (root / "discs" / f"{name}{end}").touch()
    assert call("check", "mine", "--data", root) == 1
    assert capsys.readouterr().out.splitlines() == [
        "pass  splits",
        "mend  anchors: sight does not beat blindness: look at the masks",
        "mend  crashes: KeyError: 'split'",
        "mine keeps 1 of 3 promises",
    ]
