"""How pre-trainings went, as a table and a figure, from records with known courses."""

from typing import Any

import numpy as np
import pytest

from benchmark.report.figures.canvas import png
from benchmark.report.figures.curves import Course, courses_table, curves_figure, smooth


def record(method: str, losses: list[float], phases: dict[str, int], **last: float) -> Course:
    check = {"phase": "last", "step": len(losses), "loss": 0.5, "deviation": 0.9}
    known: dict[str, Any] = {
        "key": {"method": method, "pool": "idrid_grading", "seed": 0, "size": 64},
        "losses": losses,
        "phases": phases,
        "checks": [{**check, "rank": 9.0, **last}],
        "images_passed": 96,
        "cost": {"wall_seconds": 3.5},
    }
    return Course(known)


FALLING = record("simclr", [float(n) for n in range(20, 0, -1)], {"pretraining": 20})
TWO_PHASES = record("ld", [9.0] * 4 + [5.0] * 10 + [1.0] * 10, {"one": 4, "two": 20})
COLLAPSED = record("byol", [1.0, 0.0], {"pretraining": 2}, deviation=0.001)
CONTROL = record("random", [], {})


def test_the_table_takes_ends_of_the_last_phase() -> None:
    frame = courses_table([CONTROL, FALLING, TWO_PHASES, COLLAPSED]).set_index("method")
    assert list(frame.index) == ["simclr", "ld", "byol"]  # a control has no course
    assert frame["first"].tolist() == [19.5, 5.0, 1.0]
    assert frame["last"].tolist() == [1.5, 1.0, 0.0]
    assert frame["collapsed"].tolist() == [False, False, True]
    assert frame["seconds"].tolist() == [3.5] * 3


def test_curves_are_means_over_windows() -> None:
    x, y = smooth(np.arange(45.0))  # windows of two steps, the last of one
    assert x[:3].tolist() == y[:3].tolist() == [0.5, 2.5, 4.5]
    assert (x[-1], y[-1]) == (44.0, 44.0)


def test_the_figure_has_a_panel_a_method_and_says_who_collapsed() -> None:
    courses = [CONTROL, FALLING, TWO_PHASES, COLLAPSED]
    order = ["random", "ld", "simclr", "byol"]
    figure = curves_figure(courses, order=order, title="Some: pre-training")
    shown = [axis for axis in figure.axes if axis.get_visible()]
    assert [axis.get_title() for axis in shown] == ["ld", "simclr", "byol (collapsed)"]
    first, second = (np.asarray(line.get_data(), dtype=float) for line in shown[0].lines[:2])
    assert first[0].max() < 4 / 24 <= second[0].min()  # phases apart
    assert second[1, -1] == 1.0
    again = curves_figure(courses, order=order, title="Some: pre-training")
    assert png(figure) == png(again)


@pytest.mark.parametrize("courses", [[], [CONTROL]])
def test_nothing_trained_gives_an_empty_table_and_figure(courses: list[Course]) -> None:
    assert courses_table(courses).empty
    assert png(curves_figure(courses, order=["random"], title="Nothing"))
