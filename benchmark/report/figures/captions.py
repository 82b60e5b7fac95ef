"""What is written beside each drawing: what is drawn, and what cannot be concluded from it."""

from collections.abc import Iterator

from benchmark.report.sampled import Sampled
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
    "landmarks": "Landmarks",
}
#: What each caption begins with.
CAPTIONS = {
    "leaderboard": "Mean per task and mean rank, with 95 % intervals over {spread}; the tasks are "
    "fixed. Intervals that overlap do not show that two methods are alike.",
    "images": "{metric} of every test image, mean over seeds. The spread is over images; that "
    "boxes overlap says nothing about which mean is better, for all methods see the same images.",
    "gains": f"Mean gain over {FLOOR} in the same stage, by method and task; coloured only where "
    "the 95 % interval over {spread} leaves out 0. Fields are judged one by one, so some of many "
    "are coloured by chance.",
    "critical": "Mean ranks and Nemenyi's critical difference. Tasks are the sample; that a bar "
    "joins two methods does not show that they are alike.",
    "pairwise": "Share of bootstrap draws, over {spread}, in which the row's mean "
    "over tasks is ahead. It is not corrected for the number of pairs, and ahead may be by very "
    "little.",
    "efficiency": "{metric} by share of the training labels, with 95 % bands over {spread}, and "
    "the area under each curve. Between fractions nothing was measured: the lines are "
    "a guide.",
    "price": "Mean over tasks against {axis} of pre-training. Each method was run at one cost: "
    "what it would do with more or less is not known.",
    "representation": "Effective rank, alignment and uniformity of frozen features, mean over "
    "tasks and seeds, against the mean score, with Spearman's rank correlation over methods: weak "
    "evidence, for methods are few.",
    "examples": "The test images on which the methods are best, median and worst on average: "
    "chosen by the scores, of one seed, and no evidence of which method is better.",
    "landmarks": "Similarity with one support image's landmark, on the test images where it is "
    "found best, as in the median and worst, on average over the rows: chosen by the errors, of "
    "one seed and one support, and no evidence of which row is better.",
    "features": "Principal components of dense features as colours, one test image a task. A map "
    "that looks tidy need not serve a task.",
}
#: What must be said of images that are not the task's own.
SOURCES = {
    "phantom": "The images are phantoms, drawn by a program: this tests the machinery, and nothing "
    "about real images can be concluded.",
    "stand-in": "The images are stand-ins from another data set: nothing about the tasks' own "
    "images can be concluded.",
}
ORACLE = "Test images chose each checkpoint (selection oracle): an upper bound, not a result."


def board_caption(name: str, found: Sampled, *, axis: str = "") -> str:
    """A drawing's caption, ending in what must be said of everything from this board."""
    begun = CAPTIONS[name].format(
        metric=found.board.scale.title, axis=axis, spread=found.board.spread
    )
    return " ".join([begun, *_said(found)])


def image_caption(name: str, source: str) -> str:
    """The caption of a drawing of images of a kind."""
    return " ".join([CAPTIONS[name], *([SOURCES[source]] if source in SOURCES else [])])


def _said(found: Sampled) -> Iterator[str]:
    """Kinds of images, one seed, stale cells, oracle."""
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
