"""``ldbench compare``: a method beside its rivals, on the terminal and as JSON."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.report.compared import cells, row_of, told
from benchmark.report.estimate import Estimate
from benchmark.report.power import Power
from benchmark.report.practical import Odds
from benchmark.report.scales import SCALES
from benchmark.report.significance import PairedTest
from tests.benchmark.conftest import Call
from tests.benchmark.small_results import aged, cell_of, put

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two seeds of three methods on one task of small results."""
    folder = tmp_path / "results"
    put(folder, *(cell_of(name, seed) for name in ("ld", "byol", "simclr") for seed in (0, 1)))
    return folder


def test_a_method_beside_each_rival(results: Path, call: Call, capsys: Capture) -> None:
    assert call("compare", results, "simclr", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    rivals = {row["rival"]: row for row in told["rivals"]}
    assert rivals["byol"]["difference"]["value"] == pytest.approx(0.02)
    assert rivals["ld"]["difference"]["value"] == pytest.approx(0.04)
    assert call("compare", results, "simclr") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "simclr on real images, finetuned, Dice, all tasks" in printed
    assert "never read it alone" in printed
    for what in ("seeds", "test images or persons"):
        assert f"with 2 {what} intervals are too narrow" in printed
    assert "a 95 % one covers 50 %" in printed


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("lb",), "did you mean 'ld'"),
        (("ld", "--task", "hrf"), "did you mean 'hrf_vessel'"),
        (("ld", "--stage", "direct"), "holds no scores of the stage direct"),
    ],
)
def test_what_is_not_there_is_one_line(
    arguments: tuple[str, ...], said: str, results: Path, call: Call, capsys: Capture
) -> None:
    assert call("compare", results, *arguments) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1
    assert call("compare", results / "nowhere", "ld") == 2


def test_one_method_alone_says_so(tmp_path: Path, call: Call, capsys: Capture) -> None:
    put(tmp_path, cell_of("ld", 0))
    assert call("compare", tmp_path, "ld") == 0
    assert "too few methods with every cell" in " ".join(capsys.readouterr().out.split())


def test_mixed_terms_are_said(tmp_path: Path, call: Call, capsys: Capture) -> None:
    put(tmp_path, cell_of("ld"), cell_of("byol", manifest="of other files"))
    assert call("compare", tmp_path, "ld", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    (said,) = [text for text in told["remarks"] if "Terms are mixed" in text]
    assert "differ in manifest (m, not of other files)" in said


def test_stale_cells_do_not_count(results: Path, call: Call, capsys: Capture) -> None:
    put(results, aged(cell_of("barlow_twins")))
    assert call("compare", results, "simclr", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert {row["rival"]: row["difference"]["value"] for row in told["rivals"]} == {
        "barlow_twins": None,
        "byol": pytest.approx(0.02),
        "ld": pytest.approx(0.04),
        "random, direct": None,
    }
    assert "1 stale cells of older code do not count" in " ".join(told["remarks"])


def test_what_is_so_of_all_rivals_with_scores_is_said_once() -> None:
    nothing = {"rival": "floor", "difference": {"value": None}, "remarks": ["no scores"]}
    rows = [
        {"rival": name, "difference": {"value": 0.1}, "remarks": ["one seed", *own]}
        for name, own in (("byol", ["few images"]), ("moco", []))
    ]
    expected = [("", "one seed"), ("byol: ", "few images"), ("floor: ", "no scores")]
    assert told([*rows, nothing]) == expected
    assert told([nothing]) == [("floor: ", "no scores")]
    assert told([]) == []


def test_what_cannot_be_said_is_a_dash() -> None:
    nan = float("nan")
    odds = Odds("ld", nan, nan, nan, Estimate(0.01), "one image", "one seed")
    test = PairedTest("ld", 1, 0, 0.01, nan, nan, "too few images", "")
    known = Power("ld", 0.01, nan, nan, 1, nan, None, "one seed cannot tell")
    row = row_of(odds, test, known, SCALES["dice"])
    assert row["remarks"] == ["one image", "too few images", "one seed cannot tell", "one seed"]
    shown = cells(row, SCALES["dice"])
    assert [shown[name] for name in ("better", "p", "detectable", "seeds")] == ["-"] * 4
    assert np.isnan(odds.better)


def test_some_seeds_count_as_if_no_other_had_been_asked_for(
    tmp_path: Path, call: Call, capsys: Capture
) -> None:
    """A run under way has whole rows of its first seeds."""
    put(tmp_path, *(cell_of("ld", seed) for seed in (0, 1)), cell_of("byol"))
    assert call("leaderboard", tmp_path, "--json") == 0
    whole = json.loads(capsys.readouterr().out)
    assert call("leaderboard", tmp_path, "--seed", "0", "--json") == 0
    some = json.loads(capsys.readouterr().out)
    cells = [
        {row["method"]: row["coverage"] for row in b["boards"][0]["rows"]} for b in (whole, some)
    ]
    assert cells == [{"ld": [2, 2], "byol": [1, 2]}, {"ld": [1, 1], "byol": [1, 1]}]
    assert "Of the seeds 0, 1 only these count: 0." in some["boards"][0]["notes"]
    assert not any("only these" in note for note in whole["boards"][0]["notes"])
    names = {path.stem for path in tmp_path.glob("leaderboard*")}
    assert names == {"leaderboard", "leaderboard_seed0"}
    for command in (("compare", tmp_path, "byol"), ("order", tmp_path)):
        assert call(*command, "--seed", "0", "--json") == 0
        assert "only these count: 0" in capsys.readouterr().out
        assert call(*command, "--seed", "7") == 2
        assert "has no seed 7: it has 0, 1" in capsys.readouterr().err
