"""One method beside its rivals, on the seeds and test images that both were scored on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Float, Int

from benchmark.report.scales import Scale
from benchmark.report.scores import Scores
from benchmark.report.statistics import QUANTUM

#: What a comparison over all tasks is called.
ALL_TASKS = "all tasks"

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Against(Generic[T_co]):
    """What is found of one method, rival by rival.

    Attributes:
        method: Its name.
        scope: A task, or ``ALL_TASKS``.
        rows: One per rival, in the order asked for.
        reason: Why there are no rows; empty where there are.
    """

    method: str
    scope: str
    rows: tuple[T_co, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Pair:
    """A method and a rival.

    Attributes:
        method: Row of the method in the scores; -1 if the two cannot be compared.
        rival: Row of the rival; -1 likewise.
        name: The rival's name.
        tasks: Columns of the tasks compared on.
        differences: Method minus rival, in the direction in which positive is better; NaN where
            one of them has no score. Equal scores give exactly 0.
        persons: Who is shown, as numbers that mean the same on every task.
        reason: Why they cannot be compared; empty if they can.
        caveat: What the scores cannot show; empty if nothing.
    """

    method: int
    rival: int
    name: str
    tasks: tuple[int, ...]
    differences: Float[np.ndarray, "tasks seeds images"]
    persons: Int[np.ndarray, "tasks images"]
    reason: str
    caveat: str


def pairs(
    scores: Scores,
    method: str,
    *,
    scale: Scale,
    task: str | None = None,
    rivals: Sequence[str] | None = None,
) -> Against[Pair]:
    """Set a method beside each rival.

    A cell that one of the two lacks forbids the comparison: what happened to work would favour
    failing where it is hard. Images without a score where the metric may be undefined are left
    out in pairs.

    Args:
        scores: One stage and one metric.
        method: The method that is asked about.
        scale: How to read the metric.
        task: The task to compare on; all tasks with scores if None.
        rivals: Whom to compare it with; every other row of the scores if None.
    """
    if rivals is None:
        rivals = [m for m in scores.methods if m != method]
    rows = tuple(_pair(scores, method, rival, task, scale) for rival in rivals)
    reason = "" if rows else f"only {method}: there is nothing to compare it with"
    return Against(method, task or ALL_TASKS, rows, reason)


def per_person(
    differences: Float[np.ndarray, "tasks seeds images"], persons: Int[np.ndarray, "tasks images"]
) -> Float[np.ndarray, " people"]:
    """Each person's difference: the mean over the seeds of an image, then over all their images.

    Whoever has no score is left out. Rounded to 1e-8, above the rounding of scores, so that equal
    differences tie.
    """
    finite = np.isfinite(differences)
    count = finite.sum(axis=1)
    total = np.where(finite, differences, 0.0).sum(axis=1)
    images = total[count > 0] / count[count > 0]
    _, place, shown = np.unique(persons[count > 0], return_inverse=True, return_counts=True)
    return np.asarray(np.round(np.bincount(place, weights=images) / shown, 8))


def _pair(scores: Scores, method: str, rival: str, task: str | None, scale: Scale) -> Pair:
    tasks = tuple(
        t
        for t in np.flatnonzero(scores.scored()).tolist()
        if task is None or scores.tasks[t] == task
    )
    reason = _reason(scores, method, rival, tasks, task)
    if reason:
        return _none(rival, reason)
    a, b = scores.methods.index(method), scores.methods.index(rival)
    exact = np.round(scores.values[[a, b]][:, list(tasks)] / QUANTUM) * QUANTUM
    differences = (exact[0] - exact[1]) * (1.0 if scale.larger_is_better else -1.0)
    if not np.isfinite(differences).any():
        nothing = f"no image on which both {method} and {rival} have a score"
        return _none(rival, nothing)
    persons = scores.whose()[list(tasks)]
    return Pair(a, b, rival, tasks, differences, persons, "", _caveat(differences))


def _none(rival: str, reason: str) -> Pair:
    """A rival that there is no comparison with."""
    persons = np.empty((0, 0), dtype=np.int64)
    return Pair(-1, -1, rival, (), np.empty((0, 0, 0)), persons, reason, "")


def _reason(
    scores: Scores, method: str, rival: str, tasks: tuple[int, ...], task: str | None
) -> str:
    """Why the two cannot be compared; empty if they can."""
    if method == rival:
        return f"{method} cannot be compared with itself"
    if not tasks:
        return f"no scores on {task}" if task else "no scores"
    complete = scores.complete()
    for name in (method, rival):
        row = scores.methods.index(name) if name in scores.methods else None
        if row is None or not np.isfinite(scores.values[row]).any():
            return f"no scores of {name}"
        lacking = [scores.tasks[t] for t in tasks if not complete[row, t]]
        if lacking:
            return f"{name} lacks scores on {', '.join(lacking)}"
    return ""


def _caveat(differences: Float[np.ndarray, "tasks seeds images"]) -> str:
    finite = np.isfinite(differences)
    if not differences[finite].any():
        return "all scores are equal: suspect the tasks or the runs"
    if (finite.any(axis=2).sum(axis=1) == 1).any():
        return "one seed: nothing shows how much another training run would differ"
    return ""
