"""What a sceptical reader has to know about a leaderboard, in plain sentences."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from benchmark.report.footers import few_images_notes, persons_notes
from benchmark.report.scales import PRACTICAL_TIE, SCALES
from benchmark.report.scores import DIRECT, Scores
from benchmark.report.selection import DIRECT_STAGE, FLOOR, LACKING, PROBED, Selection
from benchmark.report.statistics import FEW_COVERAGE, Bootstrap

#: From how many methods on the middle of the ranks is far from their ends.
_MANY = 6
#: How many methods or tasks a note names.
_NAMED = 20

_SOURCES = {
    "real": "All images are real.",
    "phantom": "All images are phantoms, drawn by a program: no number here is about real images.",
    "stand-in": "All images are stand-ins, from another data set than the task's: no number here "
    "is about the task's own images.",
}


def notes(
    selection: Selection, grid: Scores, sample: Bootstrap, complete: tuple[str, ...]
) -> tuple[str, ...]:
    """Say what the numbers cover, what is missing, and what cannot be concluded.

    Args:
        selection: What was asked for.
        grid: Its scores.
        sample: Their bootstrap.
        complete: Methods with every cell, the direct floor included.
    """
    if not grid.scored().any():
        failed = tuple(_cells(selection, grid))
        return (*failed, "No scores: nothing can be concluded.")
    return (
        *_sources(selection),
        *_intervals(grid, sample),
        *_reading(selection),
        *_cells(selection, grid),
        *_comparison(grid, complete),
        *_floors(grid, complete),
        *_probed(selection),
        *_equal(grid, sample),
    )


def _sources(selection: Selection) -> Iterator[str]:
    kinds = sorted(set(selection.sources.values()))
    if len(kinds) == 1:
        yield _SOURCES.get(kinds[0], f"Source of all images: {kinds[0]}.")
        return
    groups = [
        f"{kind}: {', '.join(t for t, s in selection.sources.items() if s == kind)}"
        for kind in kinds
    ]
    yield f"Sources differ ({'; '.join(groups)}): ranks, wins and gains mix them."


def _intervals(grid: Scores, sample: Bootstrap) -> Iterator[str]:
    seeds = {task: n for task, n in grid.seed_counts().items() if n}
    images = {task: n for task, n in grid.image_counts().items() if n}
    yield (
        f"Brackets: 95 % bootstrap intervals, {len(sample.draws)} draws, the same seeds and images "
        "for every method, tasks fixed; beside a mean rank, the whole ranks around its interval; "
        f"{sample.covers}."
    )
    if len(grid.methods) - 1 >= _MANY:
        yield (
            "A mean rank's interval leans to the middle, for a draw adds noise to scores that have "
            "noise: it may leave out the very rank beside it, and misses the truly best and worst "
            "of many close methods more often than one time in twenty (of twenty, in simulations, "
            "one in five to two in five)."
        )
    yield f"Seeds: {_counts(seeds)}. Test images: {_counts(images)}."
    yield from persons_notes(grid)
    fewest = min(seeds.values())
    if fewest == 1:
        yield "With one seed, nothing shows how much another training run would differ."
    elif fewest in FEW_COVERAGE and max(images.values()) > 1:
        yield (
            f"With {fewest} seeds the intervals are too narrow where runs differ more than images: "
            f"at worst they cover {FEW_COVERAGE[fewest]} %, not 95 %."
        )
    yield from few_images_notes(grid.drawn_counts())
    single = [task for task, n in images.items() if n == 1]
    if single:
        yield (
            f"One test image on {', '.join(single)}: no interval there, and none for mean ranks "
            "and gains."
        )


def _reading(selection: Selection) -> Iterator[str]:
    scale = SCALES[selection.metric]
    if scale.unit:
        yield (
            f"{scale.title} is in {scale.unit}; smaller is better; a gain is a reduction. "
            f"A tie is within {scale.tie:g} {scale.unit} of the task's best."
        )
    else:
        yield f"A tie is within {PRACTICAL_TIE * 100:g} {scale.title} points of the task's best."
    others = [f"{f:g}" for f in selection.fractions if f != selection.fraction]
    if others:
        yield f"Label fraction {selection.fraction:g}; left out: {', '.join(others)}."


def _cells(selection: Selection, grid: Scores) -> Iterator[str]:
    """Cells without scores, by name, and images left out of the means."""
    known = set()
    for status, label in LACKING.items():
        rows = selection.failed[selection.failed["status"] == status]
        cells = [
            (str(m), str(t), int(s))
            for m, t, s in zip(rows["method"], rows["task"], rows["seed"], strict=True)
        ]
        known |= set(cells)
        if cells:
            yield f"{label}: {_named(cells)}."
    whole, present = grid.cells()[:-1], np.isfinite(grid.values[:-1]).any(axis=-1)
    lacking = [
        ((grid.methods[m], grid.tasks[t], grid.seeds[s]), bool(present[m, t, s]))
        for m, t, s in np.argwhere(~whole)
    ]
    absent = [cell for cell, partly in lacking if not partly and cell not in known]
    if absent:
        yield f"No score: {_named(absent)}."
    partial = [cell for cell, partly in lacking if partly]
    if partial:
        yield f"Some images without score, so counted as missing: {_named(partial)}."
    nan = selection.rows.loc[~np.isfinite(selection.rows["score"]), "method"].astype(str)
    if len(nan):
        counts = {method: int(n) for method, n in sorted(nan.value_counts().items())}
        yield f"NaN scores, left out of the means: {len(nan)} ({_each(counts)})."
    if len(nan) and grid.may_be_undefined:
        yield "An empty mask has no distance: a method is not charged for empty predictions here."


def _comparison(grid: Scores, complete: tuple[str, ...]) -> Iterator[str]:
    methods = grid.methods[:-1]
    compared = [m for m in methods if m in complete]
    empty = [task for task, ok in zip(grid.tasks, grid.scored(), strict=True) if not ok]
    if empty:
        yield f"No method has a score on {', '.join(empty)}: ranks are over the other tasks."
    if len(methods) == 1:
        yield f"Only {methods[0]}: there is nothing to compare it with; no rank, no wins."
    elif len(compared) < 2:
        yield "Fewer than two methods have every cell: no rank, no wins."
    elif len(compared) < len(methods):
        rest = [m for m in methods if m not in complete]
        yield (
            f"Without rank, because cells are missing: {', '.join(rest)}. Ranks and wins compare "
            f"the other {len(compared)} methods."
        )


def _floors(grid: Scores, complete: tuple[str, ...]) -> Iterator[str]:
    if FLOOR not in grid.methods:
        yield f"No {FLOOR} in this stage: nothing shows that pre-training helps at all."
    elif FLOOR not in complete:
        yield f"{FLOOR} lacks cells: no gain over it can be given."
    if DIRECT not in complete:
        yield (
            f"{FLOOR} lacks cells of the {DIRECT_STAGE} stage: no gain over training in one stage "
            "can be given."
        )


def _probed(selection: Selection) -> Iterator[str]:
    if selection.stage in PROBED:
        yield (
            "Nothing is trained here: a classifier of frozen features. The gain on random direct "
            "sets it beside a trained network. Its own seconds are in the ledger."
        )


def _equal(grid: Scores, sample: Bootstrap) -> Iterator[str]:
    means = sample.means[:-1]
    several = np.isfinite(means).sum(axis=0) > 1
    low = np.where(np.isfinite(means), means, np.inf).min(axis=0)
    high = np.where(np.isfinite(means), means, -np.inf).max(axis=0)
    equal = [t for t, same in zip(grid.tasks, several & (low == high), strict=True) if same]
    if equal and len(equal) == grid.scored().sum():
        yield (
            "All scores are equal: nothing separates the methods; suspect the tasks or the runs. "
            "Intervals of no width say that no spread was seen, not that there is none."
        )
    elif equal:
        yield f"Every method scores the same on {', '.join(equal)}: it separates nothing."


def _counts(by_task: dict[str, int]) -> str:
    values = set(by_task.values())
    return f"{values.pop()} per task" if len(values) == 1 else _each(by_task)


def _each(numbers: dict[str, int]) -> str:
    return ", ".join(f"{name} {n}" for name, n in numbers.items())


def _named(cells: Iterable[tuple[str, str, int]]) -> str:
    """For example "byol, moco on idrid_ma, idrid_he (seeds 0, 2); simclr on scr_lung (seed 1)"."""
    seeds: dict[tuple[str, str], tuple[int, ...]] = {}
    for method, task, seed in sorted(cells):
        seeds[method, task] = (*seeds.get((method, task), ()), seed)
    tasks: dict[tuple[str, tuple[int, ...]], tuple[str, ...]] = {}
    for (method, task), lacked in seeds.items():
        tasks[method, lacked] = (*tasks.get((method, lacked), ()), task)
    methods: dict[tuple[tuple[str, ...], tuple[int, ...]], list[str]] = {}
    for (method, lacked), where in tasks.items():
        methods.setdefault((where, lacked), []).append(method)
    return "; ".join(
        f"{_listed(whose)} on {_listed(where)} (seed{'s' * (len(lacked) > 1)} "
        f"{', '.join(map(str, lacked))})"
        for (where, lacked), whose in methods.items()
    )


def _listed(names: Sequence[str]) -> str:
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return ", ".join([*names[:_NAMED], *more])
