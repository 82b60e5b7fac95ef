"""``ldbench claim``: files, exit codes and what is printed."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.cells import Status
from benchmark.store import folder_name
from tests.benchmark.conftest import Call
from tests.benchmark.small_results import cell_of, put

#: On the one task of small results a method's Dice is 0.5 and a hundredth for each of its letters.
CLAIM = """
title = "A claim"
subject = "{subject}"
wins = ">= 1"
of = 1
tasks = ["hrf_vessel"]
against = ["{rival}"]
"""

Ask = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Ask:
    """Writes a claim that one method beats another on the one task."""

    def write(subject: str, rival: str, more: str = "") -> Path:
        path = tmp_path / f"{subject}-{rival}.toml"
        path.write_text(CLAIM.format(subject=subject, rival=rival) + more, encoding="utf-8")
        return path

    return write


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two seeds of three methods: simclr is best, then byol, then ld."""
    folder = tmp_path / "results"
    put(folder, *(cell_of(name, seed) for name in ("ld", "byol", "simclr") for seed in (0, 1)))
    return folder


def test_exit_codes_say_the_answer(
    results: Path, written: Ask, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    for rival, other, code, answer in (
        ("simclr", "ld", 0, "holds"),
        ("ld", "simclr", 1, "fails"),
        ("simclr", "pixpro", 3, "undecided"),
    ):
        assert call("claim", results, written(rival, other)) == code
        assert capsys.readouterr().out.startswith(f"{answer}: A claim\n")


def test_of_several_claims_a_failing_one_decides_then_an_undecided_one(
    tmp_path: Path, results: Path, written: Ask, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call("claim", results) == 3  # of the twelve tasks one has scores
    assert call("claim", results, "paper") == 3
    monkeypatch.setattr("benchmark.claim.BUILT_IN", tmp_path)
    holds = written("simclr", "ld")
    assert call("claim", results) == 0
    written("simclr", "pixpro")
    assert call("claim", results) == 3
    fails = written("ld", "simclr")
    assert call("claim", results) == 1
    assert (call("claim", results, holds.stem), call("claim", results, fails.stem)) == (0, 1)


def test_a_lost_task_fails_what_an_unknown_one_cannot_save(
    results: Path, call: Call, written: Ask, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written("ld", "simclr")
    text = path.read_text().replace('["hrf_vessel"]', '["hrf_vessel", "scr_lung"]')
    path.write_text(text.replace("of = 1", "of = 2").replace(">= 1", ">= 2"))
    assert call("claim", results, path) == 1  # whatever scr_lung gives
    path.write_text(path.read_text().replace(">= 2", ">= 1"))
    assert call("claim", results, path) == 3
    assert "scr_lung: chance of a win between 0.00 and 1.00" in capsys.readouterr().out


def test_json_has_everything(
    results: Path, written: Ask, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("claim", results, written("simclr", "ld"), "--json") == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["answer"], record["source"]) == ("holds", "real")
    assert (record["probability"], record["expected"], record["interval"]) == ([1, 1],) * 3
    counts = [record[name] for name in ("wins", "losses", "coin flips", "unknown")]
    assert counts == [1, 0, 0, 0]
    (task,) = record["tasks"]
    assert task["lead"] == {"value": 4, "low": 4, "high": 4}
    assert record["claim"]["against"] == ["ld"]
    assert record["limits"]
    assert call("claim", results, "--json") == 3
    assert len(json.loads(capsys.readouterr().out)) == 3


def test_phantoms_count_only_when_asked_for_and_every_line_says_so(
    tmp_path: Path, written: Ask, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "phantoms"
    put(folder, *(cell_of(n, s) for n in ("ld", "simclr") for s in (0, 1)), source="phantom")
    assert call("claim", folder, written("simclr", "ld")) == 3
    assert "phantom images do not count" in capsys.readouterr().out
    assert call("claim", folder, written("simclr", "ld"), "--source", "phantom") == 0
    lines = capsys.readouterr().out.splitlines()
    assert all("phantom" in line for line in lines)
    assert call("claim", folder, written("simclr", "ld"), "--source", "phantom", "--json") == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert {record["source"], record["tasks"][0]["source"]} == {"phantom"}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('title = "A claim"', "", "title is missing"),
        ("of = 1", "off = 1", "unknown claim key 'off'; did you mean 'of'?"),
        ("of = 1", "of = 2", "of is 2, but there are 1 tasks"),
        ('">= 1"', '">= 2"', "wins >= 2 of 1 tasks can never be"),
        ('">= 1"', '"> 1"', "not '> 1'; write \">= N\""),
        ('">= 1"', "9", "wins: Input should be a valid string, not 9"),
        ('wins = ">= 1"', "", "either wins or margin"),
        ("of = 1", 'margin = "lesion > anatomy"', "either wins or margin"),
        ("of = 1", 'margin = "discs > cups"', "margin"),
        ("of = 1", "ties = -1.0", "ties"),
        ("of = 1", "ties = nan", "ties"),
        ("of = 1", "level = 0.5", "level"),
        ("of = 1", "level = 1.0", "level"),
        ("of = 1", "fraction = 0", "fraction"),
        ("of = 1", 'stage = "final"', "stage"),
        ("of = 1", 'metric = "auc"', "metric"),
        ("hrf_vessel", "hrf_vesel", "did you mean 'hrf_vessel'?"),
        ('["simclr"]', '"simclr"', "against: Input should be a valid list, not 'simclr'"),
        ('["simclr"]', "[]", "against"),
        ('["simclr"]', '["ld"]', "ld cannot be its own rival"),
        ('["simclr"]', '["byol", "byol"]', "against lists a name twice"),
        ('["simclr"]', '["simcrl"]', "unknown method of the claim 'simcrl'; did you mean 'simclr'"),
        ("of = 1", "of = ", "is no TOML"),
    ],
)
def test_wrong_claims_are_one_line(
    results: Path, written: Ask, mistake: Callable[..., str], old: str, new: str, complaint: str
) -> None:
    path = written("ld", "simclr")
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert complaint in mistake("claim", results, path)


def test_folders_and_claims_that_are_not_there_are_one_line(
    tmp_path: Path, results: Path, mistake: Callable[..., str]
) -> None:
    assert "holds no results" in mistake("claim", tmp_path)
    assert "there is no claim" in mistake("claim", results, tmp_path / "none.toml")
    assert "unknown claim 'papre'; did you mean 'paper'?" in mistake("claim", results, "papre")


def test_cells_on_other_terms_are_one_line(
    tmp_path: Path, written: Ask, mistake: Callable[..., str]
) -> None:
    folder = tmp_path / "mixed"
    put(folder, cell_of("ld"), cell_of("simclr", manifest="other"))
    line = mistake("claim", folder, written("simclr", "ld"))
    assert "ld / hrf_vessel / seed 0" in line
    assert "differ in manifest (m, not other)" in line


def test_cells_that_failed_are_unknown(
    tmp_path: Path, written: Ask, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "failed"
    put(folder, cell_of("simclr"))
    put(folder, cell_of("ld"), status=Status.FAILED)
    assert call("claim", folder, written("simclr", "ld")) == 3
    out = capsys.readouterr().out
    assert "lacks cells of ld" in out
    assert "One seed" in out


def test_cells_of_older_code_do_not_count(
    tmp_path: Path, written: Ask, call: Call, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, today = tmp_path / "stale", cell_of("ld")
    code = dict.fromkeys(today.fingerprint, "old")
    put(folder, cell_of("simclr"))
    put(folder, replace(today, fingerprint=code, name=folder_name(today.key.hash, code)))
    assert call("claim", folder, written("simclr", "ld")) == 3
    assert "1 stale cells of older code do not count" in capsys.readouterr().out
