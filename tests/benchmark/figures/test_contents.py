"""What figures draw is what the statistics say."""

import math
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from benchmark.report.averages import averages, image_means
from benchmark.report.figures.canvas import method_styles
from benchmark.report.figures.critical import critical_figure
from benchmark.report.figures.efficiency import efficiency_figure
from benchmark.report.figures.examples import COLOURS, OPACITY, examples_figure, overlay
from benchmark.report.figures.features import features_figure
from benchmark.report.figures.gains import gains_figure, grouped
from benchmark.report.figures.images import images_figure
from benchmark.report.figures.pairwise import pairwise_figure, percent
from benchmark.report.figures.price import price_figure
from benchmark.report.figures.representation import representation_figure
from benchmark.report.front import front
from benchmark.report.gains import gains_by_task
from benchmark.report.label_efficiency import label_efficiency
from benchmark.report.rank_tests import rank_test
from benchmark.report.sampled import Sampled
from benchmark.report.superiority import superiority
from tests.benchmark.figures.looking import is_clipped, overlaps, words
from tests.benchmark.figures.made_up import (
    METHODS,
    found_of,
    made_up,
    mapped,
    pictured,
    tasks,
)


@pytest.fixture(scope="module")
def found() -> Sampled:
    return found_of(made_up(5, 3, noise=0.1))


def shown(axis: Axes) -> list[str]:
    return [text.get_text() for text in axis.texts]


def dots(axis: Axes) -> dict[tuple[str, str], tuple[float, float]]:
    """Where the single points of a panel are, by colour and marker."""
    lines = [line for line in axis.get_lines() if len(np.atleast_1d(line.get_xdata())) == 1]
    return {
        (to_hex(line.get_color()), str(line.get_marker())): (
            float(np.ravel(line.get_xdata())[0]),
            float(np.ravel(line.get_ydata())[0]),
        )
        for line in lines
    }


def row_names(axis: Axes) -> list[str]:
    """What a panel's rows are called, from the first."""
    return [label.get_text() for label in axis.get_yticklabels()]


def test_gains_in_fields_are_the_numbers_and_brackets_the_undecided(found: Sampled) -> None:
    kinds = dict(zip(tasks(3), ["anatomy", "lesion", "anatomy"], strict=True))
    axis = gains_figure(found, order=METHODS, kinds=kinds).axes[0]
    gains = gains_by_task(found.scores, found.sample, scale=found.board.scale)
    by_name = {row.method: row for row in found.board.rows if row.method != "random"}
    rows = [by_name[method] for method in METHODS if method in by_name]
    order = [tasks(3)[1], tasks(3)[0], tasks(3)[2]]
    expected = []
    for row in rows:
        m = gains.methods.index(row.method)
        for task in order:
            t = gains.tasks.index(task)
            text = f"{100 * gains.values[m, t]:+.1f}"
            expected.append(text if gains.decided()[m, t] else f"({text})")
        sure = row.gain.low > 0 or row.gain.high < 0
        text = f"{100 * row.gain.value:+.1f}"
        expected.append(text if sure else f"({text})")
    assert shown(axis) == [*expected, "lesion", "anatomy"]
    assert any(text.startswith("(") for text in expected)
    names = [label.get_text() for label in axis.get_xticklabels()]
    assert names == [*order, "mean over tasks"]
    assert row_names(axis) == [row.label for row in rows]


def test_tasks_are_grouped_lesions_first() -> None:
    kinds = {"a": "anatomy", "b": "lesion", "c": "lesion"}
    assert grouped(["a", "b", "c", "d"], kinds) == ["b", "c", "a", "d"]
    assert grouped(["b", "a"], {}) == ["a", "b"]


def test_pairwise_fields_are_the_shares_in_the_fixed_order(found: Sampled) -> None:
    axis = pairwise_figure(found, order=METHODS).axes[0]
    result = superiority(found.scores, found.sample, scale=found.board.scale)
    order = [result.methods.index(method) for method in METHODS if method in result.methods]
    expected = [percent(float(result.shares[a, b])) for a in order for b in order if a != b]
    assert shown(axis) == expected
    names = [result.methods[m] for m in order]
    assert row_names(axis) == names == [label.get_text() for label in axis.get_xticklabels()]
    assert [percent(x) for x in (0.0, 0.001, 0.5, 0.999, 1.0)] == ["0", "<1", "50", ">99", "100"]


def test_critical_difference_is_drawn_to_scale_with_its_groups(found: Sampled) -> None:
    test = rank_test(found.scores, scale=found.board.scale)
    figure = critical_figure(test, title=found.board.title, order=METHODS)
    axis, styles = figure.axes[0], method_styles(METHODS, test.methods)
    places = dots(axis)
    for name, rank in zip(test.methods, test.mean_ranks, strict=True):
        assert places[styles[name]][0] == pytest.approx(rank)
        assert any(name in text and f"{rank:.2f}" in text for text in shown(axis))
    bars = [line for line in axis.get_lines() if line.get_linewidth() > 3]
    assert len(bars) == len(test.groups)
    for bar, group in zip(bars, test.groups, strict=True):
        ends = [test.mean_ranks[test.methods.index(m)] for m in (group[0], group[-1])]
        assert np.ravel(bar.get_xdata()) == pytest.approx(ends, abs=0.05)
    (ruler,) = [x for x in axis.get_lines() if np.ravel(x.get_ydata()).tolist() == [2.1, 2.1]]
    assert np.ptp(np.ravel(ruler.get_xdata())) == pytest.approx(test.critical)
    assert f"critical difference {test.critical:.2f} ranks" in words(figure)
    for warning in test.warnings:
        assert " ".join(warning.split()) in words(figure)


def test_price_is_cost_and_mean_with_the_front(found: Sampled) -> None:
    costs = dict(zip(METHODS, (0.0, 500.0, 1.0, 30.0), strict=False))
    figure = price_figure(found, costs, axis="TFLOP", order=METHODS)
    axis, means = figure.axes[0], averages(found.scores, found.sample).estimates()
    styles = method_styles(METHODS, METHODS[:5])
    assert dots(axis) == {styles[m]: (cost, means[m].value) for m, cost in costs.items()}
    assert axis.get_xscale() == "symlog"  # far apart, and one of them 0
    names = sorted(costs, key=lambda m: costs[m])
    spent = np.array([costs[m] for m in names])
    best = front(spent, np.array([means[m].value for m in names]), larger_is_better=True)
    (line,) = [x for x in axis.get_lines() if x.get_linestyle() == "--"]
    assert np.ravel(line.get_xdata()).tolist() == spent[best].tolist()
    assert f"unknown: {METHODS[4]}" in words(figure)
    near = price_figure(found, dict.fromkeys(METHODS, 2.0), axis="seconds", order=METHODS)
    assert near.axes[0].get_xscale() == "linear"
    far = price_figure(found, {**costs, "random": 1.0}, axis="seconds", order=METHODS)
    assert far.axes[0].get_xscale() == "log"
    nothing = price_figure(found, dict.fromkeys(METHODS), axis="seconds", order=METHODS)
    assert "the cost of every method is unknown" in words(nothing)


def test_boxes_are_of_the_means_over_seeds_and_the_floor_is_its_median(found: Sampled) -> None:
    axis = images_figure(found, order=METHODS).axes[1]
    values = image_means(found.scores)[:, 1]
    lines = axis.get_lines()
    floor = float(np.ravel(lines[0].get_xdata())[0])
    assert floor == pytest.approx(np.median(values[found.scores.methods.index("random")]))
    points = [np.ravel(x.get_xdata()) for x in lines if x.get_marker() == "."]
    shown = [method for method in METHODS if method in found.scores.methods]
    assert row_names(images_figure(found, order=METHODS).axes[0]) == shown
    for method, own in zip(shown, points, strict=True):
        assert own == pytest.approx(values[found.scores.methods.index(method)])


def test_representation_prints_each_correlation(found: Sampled) -> None:
    means = averages(found.scores, found.sample).estimates()
    measured = {
        m: {"effective rank": means[m].value, "alignment": -means[m].value, "uniformity": math.nan}
        for m in METHODS[:5]
    }
    figure = representation_figure(found, measured, order=METHODS, seed=0)
    titles = [axis.get_title() for axis in figure.axes]
    assert titles[0] == "Spearman's rho +1.00\nn = 5, permutation p = 0.017"
    assert titles[1].startswith("Spearman's rho -1.00")
    assert titles[2] == "no correlation:\ntoo few methods: 0, not 3"
    assert "Weak evidence" in words(figure)
    none = representation_figure(found, {}, order=METHODS, seed=0)
    assert "No method has both" in words(none)


def efficiency(fractions: tuple[float, ...]) -> Figure | None:
    frame = made_up(3, 2, fractions=fractions)
    rng = np.random.default_rng(0)
    curves = label_efficiency(frame, rng, stage="frozen", metric="dice", draws=50)
    scale = found_of(frame, draws=5).board.scale
    return efficiency_figure(curves, scale=scale, title="phantom images", order=METHODS)


def test_efficiency_has_a_panel_a_task_and_the_areas_best_first() -> None:
    figure = efficiency((0.1, 0.15, 1.0))
    assert figure is not None
    panels = [axis.get_title() for axis in figure.axes if axis.get_visible()]
    assert panels == ["mean over 2 tasks", *tasks(2), "area under the curve"]
    names = [label.get_text() for label in figure.axes[-1].get_yticklabels()]
    assert names == [METHODS[2], METHODS[1], METHODS[0]]
    assert "over fractions 0.1 to 1" in words(figure)
    assert efficiency((1.0,)) is None


def test_sheets_show_every_method_even_one_without_a_prediction() -> None:
    shown_rows = list(pictured(METHODS[:3], "a_task").rows)
    last = dict(list(shown_rows[2].predictions.items())[:1])
    shown_rows[2] = replace(shown_rows[2], predictions=last)
    figure = examples_figure(shown_rows, title="phantom images")
    heads = [axis.get_title() for axis in figure.axes if axis.get_visible()]
    assert heads == ["image", "with truth", *METHODS[:3]] * 3
    assert shown(figure.axes[-1]) == ["none"]
    assert "No predictions are kept" in words(examples_figure([], title="phantom images"))


def test_regions_stand_beside_the_map_of_their_method() -> None:
    row = mapped(METHODS[:2], "a_task")
    row = replace(row, image=None, clusters={"random": row.maps["random"]})
    figure = features_figure([row], order=METHODS, title="phantom images")
    heads = [axis.get_title() for axis in figure.axes if axis.get_visible()]
    assert heads == ["image", "random", "random: regions", METHODS[1]]
    assert shown(figure.axes[0]) == ["not kept"]
    assert "No feature maps" in words(features_figure([], order=METHODS, title="phantom images"))


def test_overlay_tells_found_missed_and_false_alarms_apart() -> None:
    prediction, truth = np.array([[1, 1, 0, 0]], bool), np.array([[1, 0, 1, 0]], bool)
    drawn = overlay(prediction, truth)[0]
    expected = [COLOURS["found"], COLOURS["false alarm"], COLOURS["missed"]]
    assert [to_hex(colour).upper() for colour in drawn[:3]] == expected
    assert drawn[:, 3].tolist() == [OPACITY] * 3 + [0.0]


def test_long_names_of_images_are_broken_not_clipped() -> None:
    name = "1.2.276.0.7230010.3.1.4.8323329.32205.1517875159.15752"
    (row, *_), note = pictured(METHODS[:1], "a_task").rows, "worst: mean Dice of 2 methods 0.005"
    sheet = examples_figure([replace(row, image_id=name, note=note)], title="phantom images")
    maps = replace(mapped(METHODS[:1], "a_task_of_quite_a_long_name"), image_id=name)
    for figure in (sheet, features_figure([maps], order=METHODS, title="phantom images")):
        assert name in words(figure)
        assert not is_clipped(figure)
        assert overlaps(figure) == []


def test_no_box_is_drawn_of_a_handful_of_images() -> None:
    for images, boxes in ((4, 0), (5, 3)):
        figure = images_figure(found_of(made_up(3, 1, images=images)), order=METHODS)
        assert len(figure.axes[0].patches) == boxes
