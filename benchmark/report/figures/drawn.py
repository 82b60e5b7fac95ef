"""All drawings of a report, in a fixed order, with titles and captions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.estimate import NAN
from benchmark.report.figures import Drawing
from benchmark.report.figures.critical import critical_figure
from benchmark.report.figures.efficiency import efficiency_figure
from benchmark.report.figures.examples import examples_figure
from benchmark.report.figures.features import FeatureRow, features_figure
from benchmark.report.figures.gains import gains_figure
from benchmark.report.figures.images import images_figure
from benchmark.report.figures.pairwise import pairwise_figure
from benchmark.report.figures.price import price_figure
from benchmark.report.figures.ranked import leaderboard_figure
from benchmark.report.figures.representation import representation_figure
from benchmark.report.label_efficiency import label_efficiency
from benchmark.report.qualitative import Examples
from benchmark.report.rank_tests import rank_test
from benchmark.report.sampled import Sampled
from benchmark.report.scores import complete_methods
from benchmark.report.selection import FLOOR

#: What each drawing is called.
TITLES = {
    "leaderboard": "Leaderboard",
    "images": "Scores by test image",
    "gains": f"Gain over {FLOOR}",
    "critical": "Critical difference",
    "pairwise": "Probability of superiority",
    "efficiency": "Label efficiency",
    "price": "Score against cost",
    "representation": "Representation against score",
    "examples": "Predictions",
    "features": "Feature maps",
}
#: What a caption must say of images that are not the task's own.
SOURCES = {
    "phantom": "The images are phantoms, drawn by a program: this tests the machinery, and nothing "
    "about real images can be concluded.",
    "stand-in": "The images are stand-ins from another data set: nothing about the tasks' own "
    "images can be concluded.",
}
ORACLE = "Test images chose each checkpoint (selection oracle): an upper bound, not a result."


@dataclass(frozen=True, slots=True)
class Material:
    """Everything that can be drawn.

    Attributes:
        frame: One row per score; see the design guide, section 8.
        boards: One a stage, from ``leaderboard.sampled``.
        order: Every method that the project knows; fixes colours and places.
        seed: Of the bootstrap and the permutation test.
        kinds: "lesion" or "anatomy" by task, or any other grouping.
        costs: Of each method's pre-training, on one axis; None where it is unknown.
        axis: What the cost is.
        representation: By method, means over tasks and seeds of what the probe cells measured.
        examples: Telling test images, task by task.
        features: Maps of dense features, task by task.
        feature_source: What kind of images those maps are of.
    """

    frame: pd.DataFrame
    boards: Sequence[Sampled]
    order: Sequence[str]
    seed: int = 0
    kinds: Mapping[str, str] = field(default_factory=dict)
    costs: Mapping[str, float | None] = field(default_factory=dict)
    axis: str = "TFLOP"
    representation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    examples: Sequence[Examples] = ()
    features: Sequence[FeatureRow] = ()
    feature_source: str = ""


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn, and what was left out with the reason."""

    drawings: tuple[Drawing, ...]
    omitted: tuple[str, ...]


def drawings(material: Material) -> Drawn:
    """Draw everything that there is something to draw of.

    Stage by stage: ranks, test images, gains, critical difference, probabilities, label
    efficiency, price, representation; then each task's telling images, and feature maps.
    """
    found: list[Drawing] = []
    omitted: list[str] = []
    for board in material.boards:
        for one in _of_board(material, board):
            if isinstance(one, Drawing):
                found.append(one)
            else:
                omitted.append(one)
    found += [*_of_examples(material), *_of_features(material)]
    if not material.examples:
        omitted.append("Predictions: no test images or masks are kept.")
    if not material.features:
        omitted.append("Feature maps: none are kept; the stage probe makes them.")
    return Drawn(tuple(found), tuple(omitted))


def _of_board(material: Material, found: Sampled) -> Iterator[Drawing | str]:
    board, order = found.board, material.order
    yield _drawing(
        found,
        "leaderboard",
        "Mean per task and mean rank, with 95 % intervals over seeds and test images; the tasks "
        "are fixed. Intervals that overlap do not show that two methods are alike.",
        leaderboard_figure(board, order=order),
    )
    yield _drawing(
        found,
        "images",
        f"{board.scale.title} of every test image, mean over seeds. The spread is over images; "
        "that boxes overlap says nothing about which mean is better, for all methods see the same "
        "images.",
        images_figure(found, order=order),
    )
    if len(board.rows) < 2:
        names = ", ".join(row.method for row in board.rows) or "no method"
        yield f"Comparisons of the stage {board.stage}: it has {names} only."
        return
    yield from _compared(material, found)
    yield _efficiency(material, found)
    yield _price(material, found)
    yield _representation(material, found)


def _compared(material: Material, found: Sampled) -> Iterator[Drawing]:
    board = found.board
    yield _drawing(
        found,
        "gains",
        f"Mean gain over {FLOOR} in the same stage, by method and task; coloured only where the "
        "95 % interval over seeds and test images leaves out 0. Fields are judged one by one, so "
        "some of many are coloured by chance.",
        gains_figure(found, kinds=material.kinds),
    )
    ranked = rank_test(found.scores, scale=board.scale)
    yield _drawing(
        found,
        "critical",
        "Mean ranks and Nemenyi's critical difference. Tasks are the sample; that a bar joins two "
        "methods does not show that they are alike.",
        critical_figure(ranked, title=board.title, order=material.order),
    )
    yield _drawing(
        found,
        "pairwise",
        "Share of bootstrap draws, over seeds and test images, in which the row's mean over tasks "
        "is ahead. It is not corrected for the number of pairs, and ahead may be by very little.",
        pairwise_figure(found),
    )


def _efficiency(material: Material, found: Sampled) -> Drawing | str:
    board = found.board
    curves = label_efficiency(
        material.frame,
        np.random.default_rng(material.seed),
        stage=board.stage,
        metric=board.metric,
        draws=len(found.sample.draws),
    )
    title = replace(board, fraction=NAN).title  # the fraction is the axis
    figure = efficiency_figure(curves, scale=board.scale, title=title, order=material.order)
    if figure is None:
        return f"Label efficiency, {board.stage}: no task has two label fractions."
    caption = (
        f"{board.scale.title} by share of the training labels, with 95 % bands over seeds and test "
        "images, and the area under each curve. Between fractions nothing was measured: the lines "
        "are a guide."
    )
    return _drawing(found, "efficiency", caption, figure)


def _price(material: Material, found: Sampled) -> Drawing | str:
    if all(cost is None for cost in material.costs.values()):
        title = found.board.scale.title
        return f"{title} against cost, {found.board.stage}: the cost of every method is unknown."
    caption = (
        f"Mean over tasks against {material.axis} of pre-training. Each method was run at one "
        "cost: what it would do with more or less is not known."
    )
    figure = price_figure(found, material.costs, axis=material.axis, order=material.order)
    return _drawing(found, "price", caption, figure)


def _representation(material: Material, found: Sampled) -> Drawing | str:
    if not set(material.representation) & set(complete_methods(found.scores)):
        stage = found.board.stage
        return f"Representation, {stage}: no method has both every cell and a measured one."
    caption = (
        "Effective rank, alignment and uniformity of frozen features, mean over tasks and seeds, "
        "against the mean score, with Spearman's rank correlation over methods: weak evidence, for "
        "methods are few."
    )
    measured, order = material.representation, material.order
    figure = representation_figure(found, measured, order=order, seed=material.seed)
    return _drawing(found, "representation", caption, figure)


def _of_examples(material: Material) -> Iterator[Drawing]:
    for one in material.examples:
        yield Drawing(
            f"examples_{one.task}",
            f"{TITLES['examples']}, {one.task}",
            "The test images on which the methods are best, median and worst on average: chosen by "
            "the scores, of one seed, and no evidence of which method is better. "
            + SOURCES.get(one.source, ""),
            examples_figure(one.rows, title=f"Predictions on {one.title}"),
        )


def _of_features(material: Material) -> Iterator[Drawing]:
    if material.features:
        kind = f" on {material.feature_source} images" if material.feature_source else ""
        yield Drawing(
            "features",
            TITLES["features"],
            "Principal components of dense features as colours, one test image a task. A map that "
            "looks tidy need not serve a task. " + SOURCES.get(material.feature_source, ""),
            features_figure(material.features, order=material.order, title=f"Dense features{kind}"),
        )


def _drawing(found: Sampled, name: str, caption: str, figure: Figure) -> Drawing:
    """A board's drawing; its caption ends in what must be said of all of them."""
    stage = found.board.stage
    said = " ".join([caption, *_said(found)])
    return Drawing(f"{name}_{stage}", f"{TITLES[name]}, {stage}", said, figure)


def _said(found: Sampled) -> Iterator[str]:
    """Kinds of images, oracle, stale cells, one seed."""
    kinds = sorted(set(found.board.sources.values()))
    if len(kinds) > 1:
        yield f"Kinds of images are mixed ({', '.join(kinds)}), and so are numbers over tasks."
    yield from (SOURCES[kind] for kind in kinds if kind in SOURCES and len(kinds) == 1)
    if 1 in found.scores.seed_counts().values():
        yield "One seed: nothing shows how much another training run would differ."
    stale = [row.method for row in found.board.rows if row.stale]
    if stale:
        yield f"Stale, for computed by older code: {', '.join(stale)}."
    if found.board.oracle:
        yield ORACLE
