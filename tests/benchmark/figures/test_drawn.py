"""All figures of a report: whole, legible, the same bytes twice, and honest about bad input."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from benchmark.report.figures import Drawing
from benchmark.report.figures.canvas import png, svg
from benchmark.report.figures.drawn import Drawn, Material, drawings
from tests.benchmark.figures.looking import is_clipped, overlaps, words
from tests.benchmark.figures.made_up import (
    METHODS,
    SHORT,
    found_of,
    made_up,
    material,
    pictured,
    tasks,
    without,
)

NAMES = [
    *("leaderboard_frozen", "images_frozen", "gains_frozen", "critical_frozen"),
    *("pairwise_frozen", "efficiency_frozen", "price_frozen", "representation_frozen"),
    *(f"examples_{tasks(1)[0]}", "features"),
]


@cache
def everything(methods: int, count: int) -> Drawn:
    """Drawn once for all tests."""
    return drawings(material(methods, count))


def named(name: str, methods: int, count: int) -> Drawing:
    (found,) = [one for one in everything(methods, count).drawings if one.name == name]
    return found


@pytest.mark.parametrize("size", [(20, 12), (3, 2)])
def test_everything_is_drawn_in_a_fixed_order(size: tuple[int, int]) -> None:
    found = everything(*size)
    assert [one.name for one in found.drawings] == NAMES
    assert found.omitted == ()
    assert plt.get_fignums() == []


@pytest.mark.parametrize("size", [(20, 12), (3, 2)])
@pytest.mark.parametrize("name", NAMES)
def test_figures_are_whole_and_legible(name: str, size: tuple[int, int]) -> None:
    one = named(name, *size)
    assert not is_clipped(one.figure)
    assert overlaps(one.figure) == []
    assert "phantom images" in words(one.figure)
    assert "phantom" in one.caption
    assert one.caption.endswith(".")


def test_same_input_same_bytes() -> None:
    again = drawings(material(3, 2)).drawings
    for one, other in zip(everything(3, 2).drawings, again, strict=True):
        first = png(one.figure), svg(one.figure)
        assert first == (png(one.figure), svg(one.figure)) == (png(other.figure), svg(other.figure))
    with plt.rc_context({"font.size": 30, "svg.hashsalt": "mine", "svg.fonttype": "none"}):
        assert svg(again[-1].figure) == first[1]


def test_an_svg_has_neither_date_nor_outside_reference() -> None:
    text = svg(named("gains_frozen", 3, 2).figure).decode()
    assert text.startswith("<?xml")
    assert "<dc:date>" not in text
    assert "<text" not in text  # letters are outlines
    links = text.replace("http://www.w3.org", "").replace("http://purl.org", "")
    links = links.replace("http://creativecommons.org", "")
    assert "http" not in links


SMALL = made_up(4, 2, fractions=(SHORT, 1.0))
LACKING = without(SMALL, METHODS[1], tasks(1)[0])

#: What a figure must say of a bad input.
DEGENERATE: dict[str, tuple[pd.DataFrame, dict[str, str]]] = {
    "one method": (made_up(1, 2), {"leaderboard": "random", "images": "random"}),
    "one seed": (made_up(4, 2, seeds=1), {"images": "of one seed"}),
    "one image": (
        made_up(4, 2, images=1),
        {"pairwise": "one test image", "gains": "0 of 6 fields", "price": "No intervals"},
    ),
    "all equal": (
        SMALL.assign(score=0.5),
        {"critical": "all methods tie", "representation": "all values are equal", "pairwise": "50"},
    ),
    "no floor": (SMALL[SMALL["method"] != "random"], {"gains": "no random in this stage"}),
    "floor lacks cells": (
        SMALL[(SMALL["method"] != "random") | (SMALL["seed"] != 0)],
        {"gains": "random lacks cells of every task"},
    ),
    "NaN": (
        SMALL.assign(score=np.nan),
        {"images": "No scores", "price": "No method has every cell", "critical": "no scores"},
    ),
    "some NaN": (
        SMALL.assign(score=SMALL["score"].where(SMALL["image"] != "i0")),
        {"gains": "6 fields", "pairwise": "Per cent"},
    ),
    "failed": (SMALL.assign(status="failed", score=np.nan, image=""), {"gains": "no scores"}),
    "missing": (
        LACKING,
        {
            "gains": "Grey: no gain",
            "price": f"unknown: {METHODS[3]}, {METHODS[1]}",
            "critical": f"Without rank, because cells are missing: {METHODS[1]}",
            "efficiency": f"cells are missing: {METHODS[1]}",
        },
    ),
    "empty": (SMALL.iloc[:0], {"leaderboard": "no scores", "images": "No scores"}),
}


@pytest.mark.parametrize("what", DEGENERATE)
def test_degenerate_input_is_said_in_the_figure(what: str) -> None:
    frame, said = DEGENERATE[what]
    base = replace(material(4, 1), examples=(), features=())
    found = drawings(replace(base, frame=frame, boards=[found_of(frame)]))
    by_name = {one.name.removesuffix("_frozen"): one.figure for one in found.drawings}
    for name, text in said.items():
        assert text in words(by_name[name])
    for name, figure in by_name.items():
        assert png(figure)
        assert not is_clipped(figure), name
        assert overlaps(figure) == [], name


def test_what_is_left_out_is_named_with_its_reason() -> None:
    frame = made_up(2, 1)
    direct = found_of(frame, "direct")
    found = drawings(Material(frame, [found_of(frame), direct], METHODS))
    assert found.omitted == (
        "Label efficiency, frozen: no task has two label fractions.",
        "Score against cost, frozen: the cost of every method is unknown.",
        "Representation, frozen: no method has both every cell and a measured one.",
        "Predictions: no test images or masks are kept.",
        "Feature maps: none are kept; the stage probe makes them.",
    )
    # Of the direct stage, random alone is a line in the others' figures.
    assert {one.name.rpartition("_")[2] for one in found.drawings} == {"frozen"}


def test_captions_say_oracle_stale_and_one_seed() -> None:
    frame = made_up(2, 1, seeds=1, source="stand-in")
    found = found_of(frame)
    rows = tuple(replace(row, stale=row.method == METHODS[1]) for row in found.board.rows)
    board = replace(found.board, oracle=True, rows=rows)
    one = drawings(Material(frame, [replace(found, board=board)], METHODS)).drawings[0]
    for text in ("stand-ins", "One seed", f"older code: {METHODS[1]}", "upper bound"):
        assert text in one.caption
    assert "stand-in images" in words(one.figure)


def test_examples_of_real_images_have_no_warning() -> None:
    frame = made_up(2, 1, source="real")
    shown = replace(pictured(METHODS[:2], tasks(1)[0]), source="real")
    found = drawings(Material(frame, [found_of(frame)], METHODS, examples=[shown]))
    assert "phantom" not in " ".join(one.caption for one in found.drawings)
    assert "real images" in words(found.drawings[-1].figure)
