"""One stage, one metric and one label fraction of the tidy frame, checked."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.report.scales import SCALES

#: The method without pre-training.
FLOOR = "random"

#: Its run in one stage with everything trainable.
DIRECT_STAGE = "direct"

#: Every stage, in the order of reports; the last two score frozen features without a decoder.
STAGES = ("frozen", "finetuned", DIRECT_STAGE, "probe", "neighbours")

#: Those in which nothing is trained but a classifier.
PROBED = ("probe", "neighbours")
_COLUMNS = (
    *("method", "task", "domain", "source", "stage", "fraction"),
    *("seed", "metric", "image", "status", "score"),
)

#: How a cell can lack scores, and how a reader is told.
LACKING = {
    "failed": "Failed",
    "exceeded": "Over the limits of time or memory",
    "skipped": "Skipped",
    "missing": "Not run",
}


@dataclass(frozen=True, slots=True)
class Selection:
    """What one leaderboard is about.

    Attributes:
        stage: One of ``STAGES``.
        metric: A name in ``SCALES``.
        fraction: Share of the training labels used, in (0, 1]; NaN if there are no rows.
        fractions: Every label fraction the stage has in the frame.
        rows: Scores of finished cells, one row per image; a score may be NaN.
        direct: The direct floor's scores on the tasks, seeds and images that ``rows`` has.
        failed: Cells of the stage without scores, one row each.
        methods: Every method of the stage, sorted, failed ones too.
        tasks: Every task of the stage, sorted, failed ones too.
        sources: Each task's kind of images: "real", "phantom" or "stand-in".
    """

    stage: str
    metric: str
    fraction: float
    fractions: tuple[float, ...]
    rows: pd.DataFrame
    direct: pd.DataFrame
    failed: pd.DataFrame
    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    sources: dict[str, str]


def select(
    frame: pd.DataFrame, stage: str, metric: str, fraction: float | None = None
) -> Selection:
    """Take one stage, metric and label fraction out of the tidy frame.

    Args:
        frame: One row per score; see the design guide, section 8.
        stage: The stage to compare methods in.
        metric: The metric to compare them by.
        fraction: The label fraction; the largest of the stage if None.

    Raises:
        ValueError: If the stage, metric or fraction is unknown or absent, a column is missing, a
            score appears twice or lies outside the metric's range, or a task mixes sources.
    """
    _check_names(frame, stage, metric)
    frame = frame.assign(score=frame["score"].astype(float))
    stages = frame[(frame["stage"] == stage) | (frame["stage"] == DIRECT_STAGE)]
    here = stages[stages["stage"] == stage]
    fractions = tuple(sorted(map(float, here["fraction"].unique())))
    if fraction is None:
        fraction = fractions[-1] if fractions else float("nan")
    elif fraction not in fractions:
        raise ValueError(f"no label fraction {fraction} in {stage}; {_present(fractions)}")
    here = here[here["fraction"] == fraction]
    rows = here[(here["status"] == "done") & (here["metric"] == metric)]
    done_metrics = here.loc[here["status"] == "done", "metric"]
    if len(done_metrics) and rows.empty:
        raise ValueError(f"no scores by metric {metric!r} in {stage}; {_present(done_metrics)}")
    _check_scores(rows, metric)
    cell = ["method", "task", "seed"]
    return Selection(
        stage=stage,
        metric=metric,
        fraction=fraction,
        fractions=fractions,
        rows=rows,
        direct=_direct(stages[stages["fraction"] == fraction], rows, metric),
        failed=here[here["status"] != "done"].drop_duplicates(cell).sort_values(cell),
        methods=tuple(sorted(map(str, here["method"].unique()))),
        tasks=tuple(sorted(map(str, here["task"].unique()))),
        sources=_sources(here),
    )


def _present(values: Iterable[object]) -> str:
    return f"present: {', '.join(sorted({str(value) for value in values})) or 'nothing'}"


def _check_names(frame: pd.DataFrame, stage: str, metric: str) -> None:
    absent = [column for column in _COLUMNS if column not in frame.columns]
    if absent and not frame.empty:
        raise ValueError(f"the frame lacks the columns {', '.join(absent)}")
    if absent:
        raise ValueError(f"an empty frame still needs the columns {', '.join(absent)}")
    if metric not in SCALES:
        raise ValueError(
            f"unknown metric {metric!r}; known: {', '.join(SCALES)}; {_present(frame['metric'])}"
        )
    if stage not in STAGES or (len(frame) and not (frame["stage"] == stage).any()):
        raise ValueError(f"no scores of stage {stage!r}; {_present(frame['stage'])}")
    statuses = ["done", *LACKING]
    unknown = set(frame["status"].unique()) - set(statuses)
    if unknown:
        raise ValueError(f"unknown status {min(map(str, unknown))!r}; known: {', '.join(statuses)}")


def _check_scores(rows: pd.DataFrame, metric: str) -> None:
    repeated = rows.duplicated(["method", "task", "seed", "image"])
    if repeated.any():
        first = rows[repeated].iloc[0]
        raise ValueError(
            f"{first['method']} has two scores on {first['task']}, seed {first['seed']}, "
            f"image {first['image']!r}; select one protocol and source first"
        )
    highest = 1.0 if SCALES[metric].larger_is_better else np.inf
    wrong = rows[(rows["score"] < 0) | (rows["score"] > highest)]
    if len(wrong):
        raise ValueError(f"{metric} must lie in [0, {highest:g}], not {wrong['score'].iloc[0]}")


def _direct(frame: pd.DataFrame, rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    floor = frame[
        (frame["stage"] == DIRECT_STAGE)
        & (frame["method"] == FLOOR)
        & (frame["status"] == "done")
        & (frame["metric"] == metric)
    ]
    place = ["task", "seed", "image"]
    return floor.merge(rows.loc[np.isfinite(rows["score"]), place].drop_duplicates(), on=place)


def _sources(rows: pd.DataFrame) -> dict[str, str]:
    """Each task's source, sorted by task; failed cells count only where no cell is done."""
    sources: dict[str, str] = {}
    for done in (True, False):
        part = rows[(rows["status"] == "done") == done]
        unique = part[["task", "source"]].drop_duplicates()
        pairs = {(str(t), str(s)) for t, s in zip(unique["task"], unique["source"], strict=True)}
        if done and len(pairs) > len(dict(pairs)):
            names = [task for task, _ in pairs]
            mixed = min(task for task in names if names.count(task) > 1)
            raise ValueError(f"task {mixed} mixes images of different sources; select one first")
        sources = dict(sorted(pairs)) | sources
    return dict(sorted(sources.items()))
