"""Compare methods in one stage, by one metric: a pure function of the tidy frame."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from benchmark.report.board import Leaderboard, Row, Top
from benchmark.report.estimate import NAN, Estimate
from benchmark.report.notes import notes
from benchmark.report.sampled import Sampled
from benchmark.report.scales import SCALES, Scale
from benchmark.report.scores import DIRECT, Scores, complete_methods, scores
from benchmark.report.selection import FLOOR, select
from benchmark.report.statistics import (
    Bootstrap,
    bootstrap,
    estimates,
    gains,
    interval,
    ranks,
    wins,
)

__all__ = ["Estimate", "Leaderboard", "Row", "leaderboard", "sampled"]


def leaderboard(
    frame: pd.DataFrame,
    rng: np.random.Generator,
    *,
    stage: str,
    metric: str = "dice",
    draws: int = 2000,
    fraction: float | None = None,
) -> Leaderboard:
    """Rank the methods that have every cell; list the others without rank.

    A cell is a task and seed; a method needs those that any other method has. ``random`` is a row
    like the others. The order of the frame's rows does not matter.

    Args:
        frame: One row per score; see the design guide, section 8. Failed cells are kept in it.
        rng: Source of all randomness.
        stage: "frozen", "finetuned", "direct", "probe" or "neighbours".
        metric: "dice", "iou" or "hd95".
        draws: Number of bootstrap draws behind each interval.
        fraction: Label fraction; the largest of the stage if None.

    Raises:
        ValueError: If the stage, metric or fraction is unknown or absent, or the frame is
            inconsistent; see ``select``.
    """
    found = sampled(frame, rng, stage=stage, metric=metric, draws=draws, fraction=fraction)
    return found.board


def sampled(
    frame: pd.DataFrame,
    rng: np.random.Generator,
    *,
    stage: str,
    metric: str = "dice",
    draws: int = 2000,
    fraction: float | None = None,
) -> Sampled:
    """The same with the scores and draws behind it, for figures; see ``leaderboard``."""
    selection = select(frame, stage, metric, fraction)
    grid = scores(selection)
    sample = bootstrap(grid, rng, draws)
    complete = complete_methods(grid)
    rows = _rows(grid, sample, complete, SCALES[metric])
    whole = grid.complete()[-1] & grid.scored()
    direct = np.where(whole, sample.means[-1], NAN)
    board = Leaderboard(
        stage=stage,
        metric=metric,
        fraction=selection.fraction,
        sources=selection.sources,
        rows=tuple(sorted(rows, key=_place)),
        direct=dict(zip(grid.tasks, direct.tolist(), strict=True)),
        tops=_tops(grid, sample, complete, larger_is_better=SCALES[metric].larger_is_better),
        notes=notes(selection, grid, sample, complete),
        seeds=max(grid.seed_counts().values(), default=0),
    )
    return Sampled(board, grid, sample)


def _rows(grid: Scores, sample: Bootstrap, complete: tuple[str, ...], scale: Scale) -> list[Row]:
    """One row per method, without the direct floor."""
    rank, won, tied = _ranking(grid, sample, [m for m in complete if m != DIRECT], scale)
    over_floor, over_direct = (
        _gains(grid, sample, complete, floor, larger_is_better=scale.larger_is_better)
        for floor in (FLOOR, DIRECT)
    )
    lacking = ~grid.complete() | ~grid.scored()
    asked = np.asarray(grid.expected().any(axis=2))
    cells = grid.cells() & asked
    rows = []
    for m, method in enumerate(grid.methods[:-1]):
        own = estimates(sample.means[m], sample.draws[:, m])
        rows.append(
            Row(
                method=method,
                scores=dict(zip(grid.tasks, own, strict=True)),
                rank=rank.get(method, Estimate()),
                wins=won.get(method),
                ties=tied.get(method),
                gain=over_floor.get(method, Estimate()),
                gain_direct=over_direct.get(method, Estimate()),
                missing=int(lacking[m].sum()),
                cells=(int(cells[m].sum()), int(asked.sum())),
            )
        )
    return rows


def _ranking(
    grid: Scores, sample: Bootstrap, compared: list[str], scale: Scale
) -> tuple[dict[str, Estimate], dict[str, int], dict[str, int]]:
    """Mean rank, wins and ties of the compared methods; nothing if there are not two."""
    if len(compared) < 2:
        return {}, {}, {}
    means, draws = _compared(grid, sample, compared)
    better = scale.larger_is_better
    rank = estimates(
        ranks(means, larger_is_better=better).mean(axis=-1),
        ranks(draws, larger_is_better=better).mean(axis=-1),
    )
    won, tied = wins(means, scale.tie, larger_is_better=better)
    return (
        dict(zip(compared, rank, strict=True)),
        dict(zip(compared, won.tolist(), strict=True)),
        dict(zip(compared, tied.tolist(), strict=True)),
    )


def _gains(
    grid: Scores,
    sample: Bootstrap,
    complete: tuple[str, ...],
    floor: str,
    *,
    larger_is_better: bool,
) -> dict[str, Estimate]:
    """Gain of each complete method over the floor; nothing if the floor is not complete."""
    if floor not in complete:
        return {}
    means, draws = _compared(grid, sample, complete)
    place = complete.index(floor)
    gain = estimates(
        gains(means, place, larger_is_better=larger_is_better),
        gains(draws, place, larger_is_better=larger_is_better),
    )
    return dict(zip(complete, gain, strict=True))


def _tops(
    grid: Scores, sample: Bootstrap, complete: tuple[str, ...], *, larger_is_better: bool
) -> dict[str, Top]:
    """Who leads on each task that has scores; nobody if there are not two methods."""
    compared = [m for m in complete if m != DIRECT]
    if len(compared) < 2:
        return {}
    means, draws = _compared(grid, sample, compared)
    sign = 1.0 if larger_is_better else -1.0
    tasks = [task for task, ok in zip(grid.tasks, grid.scored(), strict=True) if ok]
    found = {}
    for t, task in enumerate(tasks):
        seen = sign * means[:, t]
        best = seen == seen.max()
        # NaN where there is no interval: then nothing is said to be like the best.
        low, _ = interval(sign * (draws[:, [int(seen.argmax())], t] - draws[:, :, t]))
        found[task] = Top(_named(compared, best), _named(compared, (low <= 0) & ~best))
    return found


def _named(methods: Sequence[str], chosen: Bool[np.ndarray, " methods"]) -> frozenset[str]:
    return frozenset(m for m, ok in zip(methods, chosen, strict=True) if ok)


def _compared(
    grid: Scores, sample: Bootstrap, methods: Sequence[str]
) -> tuple[Float[np.ndarray, "methods tasks"], Float[np.ndarray, "draws methods tasks"]]:
    """The given methods on the tasks that have scores."""
    rows = np.array([grid.methods.index(m) for m in methods])
    columns = np.flatnonzero(grid.scored())
    return sample.means[rows][:, columns], sample.draws[:, rows][:, :, columns]


def _place(row: Row) -> tuple[bool, float, str]:
    ranked = not math.isnan(row.rank.value)
    return (not ranked, row.rank.value if ranked else 0.0, row.method)
