"""All drawings of a report, in a fixed order, with titles and captions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from benchmark.report.averages import averages
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
from benchmark.report.selection import DIRECT_STAGE, FLOOR

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

    Stage by stage: ranks, gains, critical difference, probabilities, test images, label
    efficiency, price, representation; then each task's telling images, and feature maps.
    """
    found: list[Drawing] = []
    omitted: list[str] = []
    for board in material.boards:
        for one in _of_board(material, board):
            (omitted if isinstance(one, str) else found).append(one)  # type: ignore[arg-type]
    found += _of_images(material)
    if not material.examples:
        omitted.append("Predictions: no test images or masks are kept.")
    if not material.features:
        omitted.append("Feature maps: none are kept; the stage probe makes them.")
    return Drawn(tuple(found), tuple(omitted))


def _of_board(material: Material, found: Sampled) -> Iterator[Drawing | str]:
    board, order, stage = found.board, material.order, found.board.stage
    tail = _tail(found)

    def drawing(name: str, title: str, caption: str, figure: object) -> Drawing:
        return Drawing(f"{name}_{stage}", f"{title}, {stage}", f"{caption} {tail}".strip(), figure)  # type: ignore[arg-type]

    yield drawing(
        "leaderboard",
        "Leaderboard",
        "Mean per task and mean rank, with 95 % intervals over seeds and test images; the tasks "
        "are fixed. Intervals that overlap do not show that two methods are alike.",
        leaderboard_figure(board, order=order),
    )
    yield drawing(
        "images",
        "Scores by test image",
        f"{board.scale.title} of every test image, mean over seeds. The spread is over images; "
        "that boxes overlap says nothing about which mean is better, for all methods see the same "
        "images.",
        images_figure(found, order=order),
    )
    if len(board.rows) < 2:
        names = ", ".join(row.method for row in board.rows) or "no method"
        yield f"Comparisons of the stage {stage}: it has {names} only."
        return
    yield drawing(
        "gains",
        f"Gain over {FLOOR}",
        f"Mean gain over {FLOOR} in the same stage, by method and task; coloured only where the "
        "95 % interval over seeds and test images leaves out 0. Fields are judged one by one, so "
        "some of many are coloured by chance.",
        gains_figure(found, kinds=material.kinds),
    )
    yield drawing(
        "critical",
        "Critical difference",
        "Mean ranks and Nemenyi's critical difference. Tasks are the sample; that a bar joins two "
        "methods does not show that they are alike.",
        critical_figure(rank_test(found.scores, scale=board.scale), title=board.title, order=order),
    )
    yield drawing(
        "pairwise",
        "Probability of superiority",
        "Share of bootstrap draws, over seeds and test images, in which the row's mean over tasks "
        "is ahead. It is not corrected for the number of pairs, and ahead may be by very little.",
        pairwise_figure(found),
    )
    yield from _more(material, found, drawing)


def _more(material: Material, found: Sampled, drawing: object) -> Iterator[Drawing | str]:
    """What needs more than the board."""
    assert callable(drawing)
    board, order, stage = found.board, material.order, found.board.stage
    if stage != DIRECT_STAGE:
        curves = label_efficiency(
            material.frame,
            np.random.default_rng(material.seed),
            stage=stage,
            metric=board.metric,
            draws=len(found.sample.draws),
        )
        figure = efficiency_figure(
            curves, scale=board.scale, title=_without_fraction(board.title), order=order
        )
        if figure is None:
            yield f"Label efficiency, {stage}: no task has two label fractions."
        else:
            yield drawing(
                "efficiency",
                "Label efficiency",
                f"{board.scale.title} by share of the training labels, with 95 % bands over seeds "
                "and test images, and the area under each curve. Between fractions nothing was "
                "measured: the lines are a guide.",
                figure,
            )
    if any(cost is not None for cost in material.costs.values()):
        yield drawing(
            "price",
            f"{board.scale.title} against {material.axis}",
            f"Mean over tasks against {material.axis} of pre-training. Each method was run at one "
            "cost: what it would do with more or less is not known.",
            price_figure(found, material.costs, axis=material.axis, order=order),
        )
    else:
        yield f"{board.scale.title} against cost, {stage}: the cost of every method is unknown."
    measured = set(material.representation) & set(averages(found.scores, found.sample).methods)
    if measured:
        yield drawing(
            "representation",
            "Representation",
            "Effective rank, alignment and uniformity of frozen features, mean over tasks and "
            "seeds, against the mean score, with Spearman's rank correlation over methods: weak "
            "evidence, for methods are few.",
            representation_figure(found, material.representation, order=order, seed=material.seed),
        )
    else:
        yield f"Representation, {stage}: no method has both every cell and a measured one."


def _of_images(material: Material) -> Iterator[Drawing]:
    for one in material.examples:
        told = SOURCES.get(one.source, "")
        yield Drawing(
            f"examples_{one.task}",
            f"Predictions, {one.task}",
            "The test images on which the methods are best, median and worst on average: chosen by "
            f"the scores, of one seed, and no evidence of which method is better. {told}".strip(),
            examples_figure(one.rows, title=f"Predictions on {one.title}"),
        )
    if material.features:
        told = SOURCES.get(material.feature_source, "")
        kind = f" on {material.feature_source} images" if material.feature_source else ""
        yield Drawing(
            "features",
            "Feature maps",
            "Principal components of dense features as colours, one test image a task. A map that "
            f"looks tidy need not serve a task. {told}".strip(),
            features_figure(material.features, order=material.order, title=f"Dense features{kind}"),
        )


def _tail(found: Sampled) -> str:
    """What every caption of a board ends in: kinds of images, oracle, stale cells, one seed."""
    kinds = sorted(set(found.board.sources.values()))
    told = [SOURCES[kind] for kind in kinds if kind in SOURCES] if len(kinds) == 1 else []
    if len(kinds) > 1:
        told.append(f"Sources are mixed ({', '.join(kinds)}): numbers over tasks mix them.")
    seeds = [n for n in found.scores.seed_counts().values() if n]
    if seeds and min(seeds) == 1:
        told.append("One seed: nothing shows how much another training run would differ.")
    stale = [row.method for row in found.board.rows if row.stale]
    if stale:
        told.append(f"Stale, for computed by older code: {', '.join(stale)}.")
    return " ".join([*told, *([ORACLE] if found.board.oracle else [])])


def _without_fraction(title: str) -> str:
    """The fraction is the axis."""
    head, _, rest = title.partition(", label fraction ")
    _, comma, more = rest.partition(",")
    return f"{head}{comma}{more}"
