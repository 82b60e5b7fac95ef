"""The command line as its users meet it: one line and exit code 2 for their mistakes."""

import json
import sys
from pathlib import Path

import pytest

from benchmark.cli import main

PLANS = Path(__file__).parents[2] / "benchmark" / "plans"
SHARED = Path(__file__).parents[3] / "shared" / "data"


def called(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    monkeypatch.setattr(sys, "argv", ["ldbench", *map(str, arguments)])
    return main()


def test_methods_and_tasks_are_listed_as_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(monkeypatch, "methods", "--json") == 0
    listed = json.loads(capsys.readouterr().out)
    ours = [row for row in listed if row["family"] != "outside"]
    assert len(ours) == len({row["name"] for row in ours}) == 20
    assert all(row["title"] and row["source"] and 2015 <= row["year"] <= 2023 for row in ours)
    assert called(monkeypatch, "tasks", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    for row in rows:
        assert row["page"].startswith("http")
        assert row["terms"]
        assert row["citation"]
        assert (row["part"] == "extra") == row["name"].startswith("extra_")
        assert (row["part"] == "landmark") == row["name"].endswith("_center")
    assert [row["part"] for row in rows] == ["twelve"] * 12 + ["extra"] * 3 + ["landmark"] * 4


def test_tables_are_for_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "120")  # narrower ones wrap titles
    assert called(monkeypatch, "methods") == 0
    assert "Local discrimination" in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "80")
    assert called(monkeypatch, "tasks") == 0
    assert "extra_idrid_microaneurysms" in capsys.readouterr().out  # names are never cut


def mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str | Path
) -> str:
    """The one line that a mistake ends in."""
    assert called(monkeypatch, *arguments) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


def test_a_misspelt_method_is_one_line_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.toml"
    text = (PLANS / "demo.toml").read_text(encoding="utf-8")
    plan.write_text(text.replace('"simclr"', '"simcrl"'), encoding="utf-8")
    out = tmp_path / "out"
    line = mistake(monkeypatch, capsys, "run", plan, "--data", "phantom", "--out", out)
    assert "'simcrl'; did you mean 'simclr'?" in line
    assert not out.exists()


def test_a_budget_that_suits_no_method_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan, out = tmp_path / "plan.toml", tmp_path / "out"
    text = (PLANS / "real.toml").read_text(encoding="utf-8")
    (tmp_path / "data").mkdir()
    for changed, complaint in (
        (text.replace("images = 12000", "images = 11_999"), "groups of 2, not 11999"),
        (text + "\n[config.ld]\nbatch_size = 7\n", "groups of 2, not 7: raise batch_size"),
    ):
        assert changed != text
        plan.write_text(changed, encoding="utf-8")
        line = mistake(monkeypatch, capsys, "run", plan, "--data", tmp_path / "data", "--out", out)
        assert complaint in line
        assert not out.exists()


def test_missing_data_says_what_where_and_under_which_terms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out, root = tmp_path / "out", tmp_path / "data"
    arguments = ("run", PLANS / "real.toml", "--data", root, "--out", out)
    assert "there is no data root" in mistake(monkeypatch, capsys, *arguments)
    pool = root / "IDRiD" / "B. Disease Grading" / "1. Original Images" / "a. Training Set"
    pool.mkdir(parents=True)
    line = mistake(monkeypatch, capsys, *arguments)
    assert "no image matches" in line
    (pool / "IDRiD_001.jpg").touch()
    line = mistake(monkeypatch, capsys, *arguments)
    assert "162 of 162 files are missing" in line
    assert "IDRiD_18.jpg" in line
    assert "ieee-dataport.org" in line
    assert "CC BY 4.0" in line
    assert not out.exists()


def test_a_folder_without_results_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "holds no results" in mistake(monkeypatch, capsys, "leaderboard", tmp_path)


def test_an_unknown_option_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(monkeypatch, "leaderboard", "--jsn", "x") == 2
    assert "--jsn" in capsys.readouterr().err


def test_an_unknown_device_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("run", PLANS / "demo.toml", "--data", tmp_path, "--out", tmp_path / "out")
    line = mistake(monkeypatch, capsys, *arguments, "--device", "tpu9")
    assert "device" in line
    assert "tpu9" in line
