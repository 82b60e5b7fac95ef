"""Leaderboards as text, files and on the terminal."""

import json
from io import StringIO
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from benchmark.durable import StoreError
from benchmark.report.estimate import Estimate
from benchmark.report.leaderboard import Leaderboard, leaderboard
from benchmark.report.render import About, boards_of, print_leaderboard, render

COLUMNS = [
    *("method", "task", "domain", "source", "stage", "fraction"),
    *("seed", "metric", "image", "status", "score"),
]


@pytest.fixture
def frame() -> pd.DataFrame:
    """a is 0.1 ahead of b and 0.2 ahead of both floors, on two tasks, two seeds, two images."""
    means = {("a", "i0"): 0.6, ("b", "i0"): 0.5, ("random", "i0"): 0.4}
    means |= {(method, "i1"): mean - 0.3 for (method, _), mean in means.items()}
    rows = [
        (
            *(method, task, "disc", "phantom", stage, 1.0, seed),
            "dice",
            image,
            "done",
            means[method, image],
        )
        for stage, methods in {"frozen": ("a", "b", "random"), "direct": ("random",)}.items()
        for method, task, seed, image in product(methods, "tu", (0, 1), ("i0", "i1"))
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def board(frame: pd.DataFrame, stage: str = "frozen", metric: str = "dice") -> Leaderboard:
    """With few draws and a fixed seed."""
    return leaderboard(frame, np.random.default_rng(0), stage=stage, metric=metric, draws=200)


def test_estimates_are_printed_outwards() -> None:
    assert Estimate(0.6124, 0.5806, 0.6412).text(3) == "0.612 [.580, .642]"
    assert Estimate(0.58, 0.58, 1.0).text(3) == "0.580 [.580, 1.000]"
    assert Estimate(0.0343, -0.0021, 0.07).text(3, signed=True) == "+0.034 [-.003, .070]"
    assert Estimate(-0.0001, -0.0001, 0.0).text(2, signed=True) == "+0.00 [-.01, .00]"
    assert Estimate(12.34, 10.0, 14.21).text(1) == "12.3 [10.0, 14.3]"
    assert Estimate(0.5).text(3) == "0.500"
    assert Estimate().text(3) == "-"
    assert Estimate(1.44, 1.2, 2.1).ranks() == "1.4 (1-3)"
    assert Estimate(1.0, 1.0, 1.0).ranks() == "1.0 (1)"
    assert (Estimate(2.5).ranks(), Estimate().ranks()) == ("2.5", "-")


def test_table_is_flat_and_typed(frame: pd.DataFrame) -> None:
    table = board(frame[frame["method"] != "b"]).table()
    assert sorted(table["method"]) == ["a", "random"]
    assert table["source"].unique().tolist() == ["phantom"]
    assert str(table["wins"].dtype) == "Int64"
    for name, end in product(["rank", "gain", "gain_direct", "t", "u"], ["", "_low", "_high"]):
        assert f"{name}{end}" in table.columns


def test_markdown_has_one_line_per_method(frame: pd.DataFrame) -> None:
    lines = board(frame).markdown().splitlines()
    assert lines[0] == "## frozen: Dice on phantom images, label fraction 1"
    table = [line for line in lines if line.startswith("|")]
    assert len({line.count("|") for line in table}) == 1
    assert table[2].startswith("| a | 1.0 (1) | 2 | 0 | +0.200 [.200, .200] |")


def test_rendered_files_agree_and_are_reproducible(frame: pd.DataFrame, tmp_path: Path) -> None:
    paths = render(boards_of(frame, seed=3), tmp_path / "new", "leaderboard", 3)
    names = sorted(path.name for path in (tmp_path / "new").iterdir())
    assert sorted(path.name for path in paths) == names
    assert names == [f"leaderboard.{end}" for end in ("csv", "json", "md", "tex")]
    first = {path: path.read_bytes() for path in paths}
    shuffled = frame.sample(frac=1, random_state=0)
    render(boards_of(shuffled, seed=3), tmp_path / "new", "leaderboard", 3)
    assert {path: path.read_bytes() for path in paths} == first
    record = json.loads((tmp_path / "new" / "leaderboard.json").read_text())
    table = pd.read_csv(tmp_path / "new" / "leaderboard.csv")
    assert record["bootstrap seed"] == 3
    assert [b["stage"] for b in record["boards"]] == ["frozen", "direct"]
    assert table["stage"].tolist() == ["frozen"] * 3 + ["direct"]
    best = record["boards"][0]["rows"][0]
    assert table["gain_low"][0] == best["gain"]["low"]
    assert table["t"][0] == best["scores"]["t"]["value"]


def test_an_empty_frame_renders_to_files_that_say_so(frame: pd.DataFrame, tmp_path: Path) -> None:
    render(boards_of(frame.iloc[:0], seed=0), tmp_path, "leaderboard", 0)
    assert "nothing can be concluded" in (tmp_path / "leaderboard.md").read_text()


def test_a_failed_write_leaves_the_old_file(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    render(boards_of(frame, seed=0), tmp_path, "leaderboard", 0)
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}

    def fail(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(StoreError, match="the disk is full"):
        render(boards_of(frame.assign(score=0.1), seed=0), tmp_path, "leaderboard", 0)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_six_tasks_fit_a_hundred_columns(frame: pd.DataFrame) -> None:
    many = [frame.assign(task=frame["task"] + f"_task{i}") for i in range(3)]
    result = board(pd.concat(many))
    out = StringIO()
    print_leaderboard(result, Console(file=out, width=100))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 100
    assert text.count("method") >= 2
    assert all(task in text for task in result.tasks)
    assert "1.0 (1)" in text
    assert "0.450" in text
    assert "[.300, .600]" in text
    assert "All images are phantoms" in text
    assert sum(line.startswith("method") for line in text.splitlines()) == 2
    print_leaderboard(board(frame.iloc[:0]), Console(file=out, width=40))


def test_what_the_oracle_chose_is_red_and_says_so(frame: pd.DataFrame) -> None:
    out = StringIO()
    console = Console(file=out, width=100, force_terminal=True, color_system="standard")
    result = boards_of(frame, seed=0, about=About(oracle=True))[0]
    print_leaderboard(result, console)
    red = [
        line for line in out.getvalue().splitlines() if "\x1b[1;31m" in line or "\x1b[31m" in line
    ]
    assert len(red) == 2
    # A probe has no checkpoints to choose.
    frozen = frame[frame["stage"] == "frozen"]
    probe = boards_of(frozen.assign(stage="probe"), seed=0, about=About(oracle=True))[0]
    assert not probe.oracle
    assert not any("oracle" in note for note in probe.notes)
    assert all("oracle" in line for line in red)
    assert "chosen by the oracle" in result.markdown()
    assert "oracle" not in board(frame).title
