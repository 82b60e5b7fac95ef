"""What a frame says of one method and its rivals, task by task."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from benchmark.claim import Claim
from benchmark.report.persons import by_person, people
from benchmark.report.scales import SCALES
from benchmark.report.scores import Scores, scores
from benchmark.report.selection import select
from benchmark.report.statistics import bootstrap
from methods.errors import ConfigError

#: Seeds that a method lacks on a task; none are named where it lacks them all.
Lacks = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Evidence:
    """How far a claim's subject leads; positive is better, whatever the metric.

    Attributes:
        leads: Over the best of the rivals that can be compared; NaN where none can, or where the
            subject cannot.
        draws: The same in every draw of the bootstrap.
        luck: How far the best rival of a draw is expected to look better than the best rival is
            (``luck``); 0 where there are no draws.
        settled: Where no rival is missing from a draw.
        best: That rival; "" where there is none.
        lacks: Which methods lack cells, by task; those with none are not listed.
        differences: Scores of the subject less that rival's, by task, where seeds and images can
            be told apart; a column for each person who is shown.
        seeds: Number of seeds behind a task's scores; 0 if there are none.
        images: The same of test images.
    """

    leads: Float[np.ndarray, " tasks"]
    draws: Float[np.ndarray, "draws tasks"]
    luck: Float[np.ndarray, " tasks"]
    settled: Bool[np.ndarray, "draws tasks"]
    best: tuple[str, ...]
    lacks: dict[str, Lacks]
    differences: dict[str, Float[np.ndarray, "seeds people"]]
    seeds: dict[str, int]
    images: dict[str, int]


def relevant(frame: pd.DataFrame, claim: Claim, source: str) -> pd.DataFrame:
    """The rows that a claim is about: of its methods, tasks, stage, labels and kind of images."""
    return frame[
        frame["method"].isin([claim.subject, *claim.rivals])
        & frame["task"].isin(claim.tasks)
        & (frame["stage"] == claim.stage)
        & np.isclose(frame["fraction"].astype(float), claim.fraction)
        & (frame["source"] == source)
    ]


def evidence(
    frame: pd.DataFrame, claim: Claim, source: str, rng: np.random.Generator, draws: int
) -> Evidence:
    """Weigh the subject against its rivals with the leaderboard's bootstrap.

    Args:
        frame: One row per score; see the design guide, section 8.
        claim: What is claimed.
        source: Whose images count.
        rng: Source of all randomness.
        draws: Number of draws.

    Raises:
        ConfigError: If the frame contradicts itself; see ``select``.
    """
    rows = relevant(frame, claim, source)
    done = (rows["status"] == "done") & (rows["metric"] == claim.metric)
    unfinished = rows[~rows["status"].isin(["done", "missing"])]
    names = (claim.subject, *claim.rivals)
    if not done.any():
        return nothing(claim)
    try:
        grid = scores(select(rows, claim.stage, claim.metric))
    except ValueError as error:
        raise ConfigError(f"{claim.title}: {error}") from error
    lacks = {task: lacking(grid, unfinished, task, names) for task in claim.tasks}
    if grid.may_be_undefined:
        grid = grid.shared(names)
    sample = bootstrap(grid, rng, draws)
    sign = 1 if SCALES[claim.metric].larger_is_better else -1
    means, drawn = full(grid, names, claim.tasks, sign * sample.means, sign * sample.draws)
    for t, task in enumerate(claim.tasks):
        absent = [m for m, name in enumerate(names) if name in lacks[task]]
        means[absent, t], drawn[:, absent, t] = np.nan, np.nan
    others = np.where(np.isfinite(means[1:]), means[1:], -np.inf)
    best = tuple(
        claim.rivals[m] if np.isfinite(others[m, t]) else ""
        for t, m in enumerate(others.argmax(axis=0))
    )
    return Evidence(
        leads=lead(means),
        draws=lead(drawn),
        luck=np.array([luck(means[1:, t], drawn[:, 1:, t]) for t in range(len(claim.tasks))]),
        settled=np.isfinite(drawn).all(axis=1),
        best=best,
        lacks={task: lacked for task, lacked in lacks.items() if lacked},
        differences=dict(differences(grid, claim, best, sign)),
        seeds={task: grid.seed_counts().get(task, 0) for task in claim.tasks},
        images={task: grid.image_counts().get(task, 0) for task in claim.tasks},
    )


def nothing(claim: Claim) -> Evidence:
    """What is known where there is no score."""
    count = len(claim.tasks)
    lacks: Lacks = dict.fromkeys((claim.subject, *claim.rivals), ())
    zero = dict.fromkeys(claim.tasks, 0)
    return Evidence(
        leads=np.full(count, np.nan),
        draws=np.full((1, count), np.nan),
        luck=np.zeros(count),
        settled=np.zeros((1, count), dtype=bool),
        best=("",) * count,
        lacks=dict.fromkeys(claim.tasks, lacks),
        differences={},
        seeds=zero,
        images=zero,
    )


def full(
    grid: Scores,
    names: Sequence[str],
    tasks: Sequence[str],
    means: Float[np.ndarray, "methods tasks"],
    draws: Float[np.ndarray, "draws methods tasks"],
) -> tuple[Float[np.ndarray, "names places"], Float[np.ndarray, "draws names places"]]:
    """Means and draws of exactly these methods and tasks; NaN where there are none."""
    all_means = np.full((len(names), len(tasks)), np.nan)
    all_draws = np.full((len(draws), *all_means.shape), np.nan)
    for m, name in enumerate(names):
        for t, task in enumerate(tasks):
            if name in grid.methods and task in grid.tasks:
                place = grid.methods.index(name), grid.tasks.index(task)
                all_means[m, t], all_draws[:, m, t] = means[place], draws[:, *place]
    return all_means, all_draws


def lead(
    scores: Float[np.ndarray, "*draws methods tasks"],
) -> Float[np.ndarray, "*draws tasks"]:
    """The first method's score less the best of the others; NaN if either is."""
    others = np.where(np.isfinite(scores[..., 1:, :]), scores[..., 1:, :], -np.inf)
    best = others.max(axis=-2)
    return np.asarray(scores[..., 0, :] - np.where(np.isfinite(best), best, np.nan))


def luck(means: Float[np.ndarray, " rivals"], draws: Float[np.ndarray, "draws rivals"]) -> float:
    """How far the best rival of a draw is expected to look better than the best rival is.

    A rival's score in a draw is off twice: by the luck of its runs and images, and by that of the
    draw, which is as large. The best of several has the most of both if they are close, and little
    if one is far ahead. How close they are is not what their means say, whose spread is luck too:
    what the bootstrap knows to be luck is taken out of it (empirical Bayes; Efron and Morris,
    "Data Analysis Using Stein's Estimator and its Generalizations", JASA 70, 1975,
    https://doi.org/10.1080/01621459.1975.10479864).

    Args:
        means: Scores, larger is better; rivals without one do not count.
        draws: The same in every draw of the bootstrap.

    Returns:
        The bias, not negative; 0 where there are fewer than two rivals or no draws.
    """
    there = np.isfinite(means) & np.isfinite(draws).all(axis=0)
    if there.sum() < 2:
        return 0.0
    means, errors = means[there], draws[:, there] - means[there]
    apart = errors - errors.mean(axis=1, keepdims=True)
    noise = float((apart**2).sum(axis=1).mean()) / (means.size - 1)
    spread = float(means.var(ddof=1))
    kept = max(0.0, 1.0 - noise / spread) if spread > 0 else 0.0
    shrunk = means.mean() + kept * (means - means.mean())
    # Another draw's errors stand for the luck of the runs themselves.
    twice = shrunk + errors + np.roll(errors, len(errors) // 2, axis=0)
    return max(0.0, float(twice.max(axis=1).mean() - shrunk.max()))


def lacking(grid: Scores, unfinished: pd.DataFrame, task: str, names: Sequence[str]) -> Lacks:
    """Methods without all of a task's cells; a seed counts once any method was tried on it."""
    if task not in grid.tasks:
        return dict.fromkeys(names, ())
    t = grid.tasks.index(task)
    finite, whole = np.isfinite(grid.values[:, t]).any(axis=-1), grid.cells()[:, t]
    here = unfinished[unfinished["task"] == task]
    out: Lacks = {}
    for name in names:
        m = grid.methods.index(name) if name in grid.methods else -1
        if m < 0 or not finite[m].any():
            out[name] = ()
            continue
        lacked = {seed for seed, ok in zip(grid.seeds, whole[m], strict=True) if not ok}
        lacked |= set(map(int, here.loc[here["method"] == name, "seed"]))
        if lacked:
            out[name] = tuple(sorted(lacked))
    return out


def differences(
    grid: Scores, claim: Claim, best: Sequence[str], sign: int
) -> Iterator[tuple[str, Float[np.ndarray, "seeds people"]]]:
    """How far the subject is ahead of its best rival, by person, where it was compared."""
    for task, rival in zip(claim.tasks, best, strict=True):
        if rival and claim.subject in grid.methods:
            pair = [grid.methods.index(name) for name in (claim.subject, rival)]
            one, other = grid.values[pair, grid.tasks.index(task)]
            difference = sign * (one - other)
            difference = difference[np.isfinite(difference).any(axis=1)]
            keep = np.isfinite(difference).all(axis=0)
            own, place = people(grid.whose(), grid.tasks.index(task), keep)
            yield task, by_person(difference[:, keep], place, own.size)
