"""Figures: what they show, that nothing is clipped, and that they are the same bytes twice."""

import os
import subprocess
import sys
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

import benchmark
from benchmark.report.figures.canvas import method_styles, png
from benchmark.report.figures.examples import examples_figure
from benchmark.report.figures.ranked import leaderboard_figure
from benchmark.report.figures.sheets import SheetRow, dice
from benchmark.report.leaderboard import Leaderboard, leaderboard

COLUMNS = [
    *("method", "task", "domain", "source", "stage", "fraction"),
    *("seed", "metric", "image", "status", "score"),
]
METHODS = ["random", *(f"method_number_{i:02d}" for i in range(19))]


def board(methods: int, tasks: int, source: str = "phantom") -> Leaderboard:
    """A made-up leaderboard; the last method lacks a cell."""
    rng = np.random.default_rng(0)
    rows = [
        (m, f"task_of_long_name_{t:02d}", "x", source, stage, 1.0, s, "dice", f"i{i}", "done", 0.0)
        for stage, m, t, s, i in product(
            ["frozen", "direct"], METHODS[:methods], range(tasks), range(2), range(4)
        )
        if stage == "frozen" or m == "random"
    ]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["score"] = rng.uniform(0.3, 0.9, len(frame))
    gone = (frame["method"] == METHODS[methods - 1]) & (frame["seed"] == 1)
    frame = frame[~(gone & (frame["task"] == "task_of_long_name_00") & (methods > 1))]
    return leaderboard(frame, rng, stage="frozen", draws=100)


def words(figure: Figure) -> str:
    """All text of the figure."""
    found = [t.get_text() for t in figure.findobj(Text) if isinstance(t, Text)]
    return " ".join(" ".join(found).split())


def is_clipped(figure: Figure) -> bool:
    """Whether anything drawn leaves the figure."""
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return bool(box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height)


@pytest.mark.parametrize(("methods", "tasks"), [(5, 5), (20, 12), (1, 1)])
def test_leaderboard_figure_is_whole(methods: int, tasks: int) -> None:
    result = board(methods, tasks)
    figure = leaderboard_figure(result, order=METHODS)
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert len(shown) == tasks + 1
    assert [axis.get_title() for axis in shown] == [*result.tasks, "mean rank"]
    assert "phantom images" in words(figure)
    assert not is_clipped(figure)
    assert plt.get_fignums() == []


def test_dots_bars_and_floors_are_the_boards_numbers() -> None:
    result = board(3, 2)
    figure = leaderboard_figure(result, order=METHODS)
    task = result.tasks[1]
    lines = figure.axes[1].get_lines()
    vertical = [float(np.asarray(x.get_xdata())[0]) for x in lines[:2]]
    random = next(row for row in result.rows if row.method == "random")
    assert vertical == [random.scores[task].value, result.direct[task]]
    drawn = [np.asarray(line.get_xdata(), dtype=float).tolist() for line in lines[2:]]
    estimates = [row.scores[task] for row in result.rows]
    assert drawn == [x for e in estimates for x in ([e.low, e.high], [e.value])]
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels[2] == f"{METHODS[2]} (1 missing)"


def test_a_methods_colour_does_not_depend_on_the_others() -> None:
    styles = method_styles(METHODS, [])
    assert len(set(styles.values())) == 20
    for methods in (2, 5):
        result = board(methods, 1)
        figure = leaderboard_figure(result, order=METHODS)
        dots = [x for x in figure.axes[0].get_lines() if len(np.atleast_1d(x.get_xdata())) == 1]
        for row, dot in zip(result.rows, dots, strict=True):
            assert (to_hex(dot.get_color()), dot.get_marker()) == styles[row.method]
    assert method_styles(["a"], ["b", "a"])["a"] == method_styles(["a"], ["a"])["a"]


def test_mixed_sources_are_named_at_each_task() -> None:
    result = board(2, 2)
    mixed = dict(zip(result.tasks, ["real", "phantom"], strict=True))
    values = {name: getattr(result, name) for name in Leaderboard.__slots__}
    figure = leaderboard_figure(Leaderboard(**values | {"sources": mixed}), order=METHODS)
    assert figure.axes[0].get_title().endswith("(real)")
    assert figure.axes[1].get_title().endswith("(phantom)")


def test_a_board_without_scores_is_drawn_all_the_same() -> None:
    empty = leaderboard(
        pd.DataFrame(columns=COLUMNS), np.random.default_rng(0), stage="frozen", draws=9
    )
    assert "no scores" in words(leaderboard_figure(empty, order=[]))


def test_same_figure_same_bytes() -> None:
    figure = leaderboard_figure(board(5, 5), order=METHODS)
    first = png(figure)
    assert first == png(figure)
    with plt.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert png(leaderboard_figure(board(5, 5), order=METHODS)) == first


def square(left: int, size: int = 8) -> np.ndarray:
    """A square mask in a 24 x 24 image."""
    mask = np.zeros((24, 24), dtype=bool)
    mask[8 : 8 + size, left : left + size] = True
    return mask


@pytest.fixture
def sheet_row() -> SheetRow:
    """Truth at column 8; one prediction half off, one empty."""
    image = np.random.default_rng(0).integers(0, 255, (24, 24, 3), dtype=np.uint8)
    masks = {"half": square(12), "empty": square(8, 0)}
    return SheetRow("a_task", "image_1", image, square(8), masks)


def extent(axis: Axes) -> tuple[float, float]:
    """How far the truth's outline reaches from left to right."""
    x = np.asarray(axis.get_lines()[0].get_xdata(), dtype=float)
    return float(np.nanmin(x)), float(np.nanmax(x))


def test_a_sheet_shows_the_truth_what_was_marked_and_dice(sheet_row: SheetRow) -> None:
    figure = examples_figure([sheet_row], title="phantom images, seed 0")
    assert [axis.get_title() for axis in figure.axes] == ["image", "with truth", "half", "empty"]
    assert [[t.get_text() for t in axis.texts] for axis in figure.axes] == [
        [], [], ["0.500"], ["0.000"],
    ]  # fmt: skip
    assert [len(axis.get_images()) for axis in figure.axes] == [1, 1, 2, 2]
    assert extent(figure.axes[1]) == (7.5, 15.5)
    assert "phantom images, seed 0" in words(figure)
    assert not is_clipped(figure)
    assert plt.get_fignums() == []


def test_a_sheet_is_the_same_bytes_twice(sheet_row: SheetRow) -> None:
    sheets = [examples_figure([sheet_row], title="phantom images") for _ in range(2)]
    assert png(sheets[0]) == png(sheets[0]) == png(sheets[1])


def test_a_mask_at_the_border_is_closed_and_pieces_are_apart() -> None:
    image = np.zeros((24, 24, 3), dtype=np.uint8)
    full, two = np.ones((24, 24), dtype=bool), square(2, 4) | square(14, 4)
    rows = [SheetRow("t", "i", image, truth, {"m": full}) for truth in (full, two)]
    figure = examples_figure(rows, title="phantom")
    whole, pieces = (axis for axis in figure.axes if axis.get_title() == "with truth")
    assert extent(whole) == (-0.5, 23.5)
    x = np.asarray(pieces.get_lines()[0].get_xdata(), dtype=float)
    ends = np.flatnonzero(np.isnan(x))
    assert [float(np.nanmin(part)) for part in np.split(x, ends[:1])] == [1.5, 13.5]


def test_masks_of_another_size_are_refused(sheet_row: SheetRow) -> None:
    masks = {"half": square(12), "small": np.ones((4, 4), dtype=bool)}
    with pytest.raises(ValueError, match="small of image_1"):
        SheetRow("t", "image_1", sheet_row.image, sheet_row.truth, masks)


def test_dice_of_masks() -> None:
    empty = np.zeros((24, 24), dtype=bool)
    assert dice(empty, empty) == 1
    assert dice(square(8), empty) == 0
    assert dice(square(8), square(14)) == pytest.approx(2 * 16 / 128)


def test_drawing_is_imported_only_when_needed() -> None:
    code = "import sys, benchmark.report.render; sys.exit('matplotlib' in sys.modules)"
    root = str(Path(benchmark.__file__).parents[1])
    result = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": root}, check=False
    )
    assert result.returncode == 0
