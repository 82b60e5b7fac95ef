"""What a leaderboard says beside its scores: who leads, what it cost, and of which part."""

import re
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest

from benchmark.report.board import Leaderboard, Top
from benchmark.report.frame import COLUMNS
from benchmark.report.latex import escaped, latex
from benchmark.report.leaderboard import leaderboard
from benchmark.report.prices import Price, price, prices
from benchmark.report.render import About, boards_of
from benchmark.report.slices import slices

METHODS = {"random": 0.4, "one": 0.6, "two": 0.6, "three": 0.601}


def scored(seeds: int = 2, images: int = 6) -> pd.DataFrame:
    """Two tasks; "two" is "one" image by image, "three" a hair better by luck."""
    rng = np.random.default_rng(0)
    rows = []
    for task, domain in (("disc_task", "fundus"), ("lung", "chest X-ray")):
        noise = {name: rng.normal(0, 0.02, (seeds, images)) for name in METHODS}
        noise["two"] = noise["one"]
        noise["three"] -= noise["three"].mean() - noise["one"].mean()
        for method, mean in METHODS.items():
            rows += [
                (method, task, domain, "phantom", "frozen", 1.0, s, "dice", str(i), "done", score)
                for (s, i), score in np.ndenumerate(mean + noise[method])
            ]
    return pd.DataFrame(rows, columns=COLUMNS)


def board(frame: pd.DataFrame) -> Leaderboard:
    return leaderboard(frame, np.random.default_rng(0), stage="frozen", draws=300)


def test_who_leads_and_who_may() -> None:
    top = board(scored()).tops["lung"]
    assert top == Top(frozenset({"three"}), frozenset({"one", "two"}))
    frame = scored()
    alone = board(frame[frame["method"] != "three"]).tops["lung"]
    assert alone == Top(frozenset({"one", "two"}), frozenset())


def test_without_an_interval_nobody_is_like_the_best() -> None:
    tops = board(scored(images=1)).tops
    assert all(top.best for top in tops.values())
    assert not any(top.like for top in tops.values())


def test_one_method_leads_nobody() -> None:
    frame = scored()
    assert board(frame[frame["method"] == "one"]).tops == {}


def test_latex_marks_the_best_and_those_like_it() -> None:
    text = latex(board(scored()))
    lines = {line.split(" & ")[0]: line for line in text.splitlines() if " & " in line}
    assert lines["three"].count(r"\textbf{") == 2
    assert lines["one"].count(r"\underline{") == 2
    assert not re.search(r"textbf|underline", lines["random"])
    assert r"disc\_task" in lines["Method"]
    assert len({line.count("&") for line in text.splitlines() if line.endswith(r"\\")}) == 1
    assert r"\begin{tabular}{lrrrrrrrr}" in text
    assert "no number here is about real images" in text.split(r"\end{tabular}")[1]
    assert "phantom" in text
    for open_, close in (("{", "}"), (r"\begin", r"\end")):
        assert text.count(open_) == text.count(close)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a_b", r"a\_b"), ("50 % & more", r"50 \% \& more"), ("\\x{", r"\textbackslash{}x\{")],
)
def test_latex_is_told_no_commands(text: str, expected: str) -> None:
    assert escaped(text) == expected


def test_coverage_counts_cells() -> None:
    frame = scored()
    gone = (frame["method"] == "one") & (frame["task"] == "lung") & (frame["seed"] == 1)
    rows = {row.method: row for row in board(frame[~gone]).rows}
    assert (rows["one"].coverage, rows["two"].coverage) == ("3/4", "4/4")
    assert rows["one"].rank.ranks() == "-"


def test_prices_are_means_over_encoders() -> None:
    cost = {
        "images_drawn": 100, "steps": 5, "forward": 1e12, "backward": 2e12, "wall_seconds": 4.0,
        "peak_mib": 9,
    }  # fmt: skip
    other = {**cost, "wall_seconds": 8.0, "peak_mib": 11}
    assert price(cost) == Price(100.0, 5.0, 3.0, 4.0, 9.0)
    known = [("ld", "e1", price(cost)), ("ld", "e1", price(cost)), ("ld", "e2", price(other))]
    assert prices(known) == {"ld": Price(100.0, 5.0, 3.0, 6.0, 11.0)}
    unknown = prices([*known, ("ld", "e3", price({"images_drawn": 100}))])
    assert unknown == {"ld": Price(100.0)}


def test_prices_are_columns_of_every_table() -> None:
    about = About(prices={"one": Price(100.0, 5.0, 3.0, 6.0, 11.0)})
    (found,) = boards_of(scored(), seed=0, about=about)
    table = found.table().sort_values("method")
    assert table["method"].tolist()[0] == "one"
    for column, value in asdict(about.prices["one"]).items():
        assert table[column].tolist()[0] == value
        assert table[column].isna().tolist() == [False, True, True, True]
    lines = found.markdown().splitlines()
    assert "| cells | images drawn | steps | TFLOP | seconds | peak MiB |" in lines[2]
    assert any("| 4/4 | 100 | 5 | 3 | 6 | 11 |" in line for line in lines)
    (large,) = boards_of(scored(), seed=0, about=About(prices={"one": Price(12e3, 375.0, 3.25)}))
    assert "| 4/4 | 12,000 | 375 | 3.25 | - | - |" in large.markdown()
    assert any("| 4/4 | - | - | - | - | - |" in line for line in lines)
    assert "TFLOP" not in replace(found, prices={}).markdown()


def test_slices() -> None:
    frame = scored()
    less = pd.concat([frame, frame.assign(fraction=0.2)])
    kinds = {"disc_task": "anatomy", "lung": "lesion"}
    assert [name for name, _ in slices(frame, "domain", kinds)] == ["chest X-ray", "fundus"]
    assert [set(part["task"]) for _, part in slices(frame, "kind", kinds)] == [
        {"disc_task"}, {"lung"},
    ]  # fmt: skip
    assert [set(part["fraction"]) for _, part in slices(less, "fraction", {})] == [{0.2}, {1.0}]
    assert list(slices(frame, "fraction", kinds)) == []
    assert list(slices(frame, "kind", {"lung": "lesion"})) == []
    (lesions,) = boards_of(next(slices(frame, "kind", kinds))[1], seed=0, part="anatomy")
    assert lesions.title == (
        "frozen: Dice on phantom images, label fraction 1, anatomy tasks alone"
    )
    assert lesions.tasks == ("disc_task",)
