"""How scores grow with the share of labels, and the area under that curve."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from benchmark.report.estimate import Estimate
from benchmark.report.scores import scores
from benchmark.report.selection import select
from benchmark.report.statistics import Bootstrap, bootstrap, estimates, interval

#: Where each method at each fraction is in the scores.
Rows: TypeAlias = dict[str, dict[float, int]]


@dataclass(frozen=True, slots=True)
class Efficiency:
    """Curves of one task, or their mean over tasks.

    Attributes:
        tasks: One, or those averaged over.
        fractions: Shares of the training labels, ascending, two or more.
        methods: Those with every cell of these tasks and fractions, sorted.
        values: Mean score of each method at each fraction.
        low: Lower ends of the 95 % intervals; NaN where there is none.
        high: Upper ends.
        areas: Mean height of each curve over the fractions' range, with its interval.
        left_out: Methods that lack a cell of these, sorted.
    """

    tasks: tuple[str, ...]
    fractions: tuple[float, ...]
    methods: tuple[str, ...]
    values: Float[np.ndarray, "methods fractions"]
    low: Float[np.ndarray, "methods fractions"]
    high: Float[np.ndarray, "methods fractions"]
    areas: tuple[Estimate, ...]
    left_out: tuple[str, ...]

    @property
    def name(self) -> str:
        """The task, or over how many tasks the mean is."""
        return self.tasks[0] if len(self.tasks) == 1 else f"mean over {len(self.tasks)} tasks"


def area(
    values: Float[np.ndarray, "*rest fractions"], fractions: Float[np.ndarray, " fractions"]
) -> Float[np.ndarray, "*rest"]:
    """Area under a curve by trapezoids, over the width: a constant curve gives its height."""
    return np.asarray(np.trapezoid(values, fractions, axis=-1) / (fractions[-1] - fractions[0]))


def label_efficiency(
    frame: pd.DataFrame, rng: np.random.Generator, *, stage: str, metric: str, draws: int = 2000
) -> tuple[Efficiency, ...]:
    """The mean over the tasks that share all fractions, if two or more do, then task by task.

    All fractions of a task are taken on the seeds that each of them has, and are resampled
    together: a seed's encoder and the test images are the same at every fraction.

    Args:
        frame: One row per score; see the design guide, section 8.
        rng: Source of all randomness.
        stage: The stage to compare methods in.
        metric: The metric to compare them by.
        draws: Number of bootstrap draws.

    Returns:
        Nothing if no task has two fractions.

    Raises:
        ValueError: If the frame is inconsistent; see ``select``.
    """
    everybody = sorted(map(str, frame.loc[frame["stage"] == stage, "method"].unique()))
    here = _on_common_seeds(frame[frame["stage"] == stage], metric)
    counts = here.groupby("task", observed=True)["fraction"].nunique()
    here = here[here["task"].isin(counts[counts > 1].index)]
    if here.empty:
        return ()
    places = here[["method", "fraction"]].drop_duplicates().to_numpy().tolist()
    keys = {(str(m), float(f)): f"{i:06d}" for i, (m, f) in enumerate(places)}
    names = [keys[str(m), float(f)] for m, f in zip(here["method"], here["fraction"], strict=True)]
    grid = scores(select(here.assign(method=names, fraction=1.0), stage, metric))
    sample = bootstrap(grid, rng, draws)
    rows: Rows = {m: {} for m in everybody}
    for (method, fraction), name in keys.items():
        rows[method][fraction] = grid.methods.index(name)
    fractions = {
        str(task): tuple(sorted(map(float, own["fraction"].unique())))
        for task, own in here.groupby("task", observed=True)
    }
    return tuple(_curves(fractions, rows, sample, grid.complete() & grid.scored()))


def _on_common_seeds(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Without the seeds that a fraction of the task has for no method."""
    done = frame[(frame["status"] == "done") & (frame["metric"] == metric)]
    wanted = done.groupby("task", observed=True)["fraction"].nunique()
    has = done.drop_duplicates(["task", "seed", "fraction"]).groupby(["task", "seed"]).size()
    common = {place for place, n in has.items() if n == wanted[place[0]]}  # type: ignore[index]
    keep = [place in common for place in zip(done["task"], done["seed"], strict=True)]
    return done[np.asarray(keep, dtype=bool)]


def _curves(
    fractions: dict[str, tuple[float, ...]],
    rows: Rows,
    sample: Bootstrap,
    whole: Bool[np.ndarray, "rows tasks"],
) -> Iterator[Efficiency]:
    tasks = list(fractions)
    everywhere = set(fractions.values())
    if len(tasks) > 1 and len(everywhere) == 1:
        yield _curve(tuple(tasks), list(range(len(tasks))), everywhere.pop(), rows, sample, whole)
    for t, task in enumerate(tasks):
        yield _curve((task,), [t], fractions[task], rows, sample, whole)


def _curve(
    tasks: tuple[str, ...],
    columns: list[int],
    fractions: tuple[float, ...],
    rows: Rows,
    sample: Bootstrap,
    whole: Bool[np.ndarray, "rows tasks"],
) -> Efficiency:
    own = {m: [places[f] for f in fractions if f in places] for m, places in rows.items()}
    methods = tuple(
        m for m in rows if len(own[m]) == len(fractions) and whole[own[m]][:, columns].all()
    )
    index = np.array([own[m] for m in methods], dtype=np.int64).reshape(-1, len(fractions))
    values = sample.means[index][:, :, columns].mean(axis=-1)
    drawn = sample.draws[:, index][..., columns].mean(axis=-1)
    low, high = interval(drawn)
    axis = np.array(fractions)
    areas = tuple(estimates(area(values, axis), area(drawn, axis)))
    left_out = tuple(m for m in rows if m not in methods)
    return Efficiency(tasks, fractions, methods, values, low, high, areas, left_out)
