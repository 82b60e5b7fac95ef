"""All drawings of a report, in a fixed order, with titles and captions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from benchmark.report.estimate import NAN
from benchmark.report.figures import Drawing
from benchmark.report.figures.captions import TITLES, board_caption, image_caption
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
from benchmark.report.selection import DIRECT_STAGE, FLOOR


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
    found += _of_images(material)
    if not material.examples:
        omitted.append("Predictions: no test images or masks are kept.")
    if not material.features:
        omitted.append("Feature maps: none are kept; the stage probe makes them.")
    return Drawn(tuple(found), tuple(omitted))


def _of_board(material: Material, found: Sampled) -> Iterator[Drawing | str]:
    board, order = found.board, material.order
    if board.stage == DIRECT_STAGE and [row.method for row in board.rows] == [FLOOR]:
        return  # a line in the other stages' figures
    yield _drawing(found, "leaderboard", leaderboard_figure(board, order=order))
    yield _drawing(found, "images", images_figure(found, order=order))
    if len(board.rows) < 2:
        names = ", ".join(row.method for row in board.rows) or "no method"
        yield f"Comparisons of the stage {board.stage}: it has {names} only."
        return
    ranked = rank_test(found.scores, scale=board.scale)
    yield _drawing(found, "gains", gains_figure(found, order=order, kinds=material.kinds))
    yield _drawing(found, "critical", critical_figure(ranked, title=board.title, order=order))
    yield _drawing(found, "pairwise", pairwise_figure(found, order=order))
    yield _efficiency(material, found)
    yield _price(material, found)
    yield _representation(material, found)


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
    return _drawing(found, "efficiency", figure)


def _price(material: Material, found: Sampled) -> Drawing | str:
    axis, stage = material.axis, found.board.stage
    if all(cost is None for cost in material.costs.values()):
        return f"Score against cost, {stage}: the cost of every method is unknown."
    figure = price_figure(found, material.costs, axis=axis, order=material.order)
    return _drawing(found, "price", figure, axis=axis)


def _representation(material: Material, found: Sampled) -> Drawing | str:
    measured, order, stage = material.representation, material.order, found.board.stage
    if not set(measured) & set(complete_methods(found.scores)):
        return f"Representation, {stage}: no method has both every cell and a measured one."
    figure = representation_figure(found, measured, order=order, seed=material.seed)
    return _drawing(found, "representation", figure)


def _drawing(found: Sampled, name: str, figure: Figure, *, axis: str = "") -> Drawing:
    stage = found.board.stage
    caption = board_caption(name, found, axis=axis)
    return Drawing(f"{name}_{stage}", f"{TITLES[name]}, {stage}", caption, figure)


def _of_images(material: Material) -> Iterator[Drawing]:
    for one in material.examples:
        yield Drawing(
            f"examples_{one.task}",
            f"{TITLES['examples']}, {one.task}",
            image_caption("examples", one.source),
            examples_figure(one.rows, title=f"Predictions on {one.title}"),
        )
    if material.features:
        source = material.feature_source
        title = f"Dense features on {source} images" if source else "Dense features"
        yield Drawing(
            "features",
            TITLES["features"],
            image_caption("features", source),
            features_figure(material.features, order=material.order, title=title),
        )
