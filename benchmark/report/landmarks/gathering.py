"""From the cells of landmark tasks to their tables."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.arms import LOOKED_AT
from benchmark.asked import Wanted, difference
from benchmark.cells import Status
from benchmark.report.estimate import NAN, Estimate
from benchmark.report.figures.captions import SOURCES
from benchmark.report.footers import (
    budget_notes,
    few_seeds_notes,
    left_out_notes,
    pool_notes,
    seeds_notes,
    stale_notes,
    tuned_notes,
)
from benchmark.report.frame import Result, tidy
from benchmark.report.gathered import SEED, Gathered
from benchmark.report.landmarks.board import LandmarkBoard, LandmarkRow, label
from benchmark.report.scales import LANDMARK_SCALES
from benchmark.report.scores import Scores
from benchmark.report.selection import LACKING
from benchmark.report.statistics import Bootstrap, bootstrap, estimates
from tasks.landmarks import FACTS
from tasks.preparation import SIDE

#: Draws behind each interval.
DRAWS = 2000
#: What rows are sorted by.
MAIN = "radial_error_px"

#: A row: its method and what it looks at.
Place = tuple[str, str]


def landmark_boards(found: Gathered) -> list[LandmarkBoard]:
    """A table for each landmark task, in the order asked for; none if there is no such task."""
    cells = found.landmarks
    frame = tidy(found.store, cells, found.there)
    return [
        board_of(found, [cell for cell in cells if cell.task == task], frame[frame["task"] == task])
        for task in dict.fromkeys(cell.task for cell in cells)
    ]


def board_of(found: Gathered, cells: Sequence[Wanted], frame: pd.DataFrame) -> LandmarkBoard:
    """One task's table."""
    places = list(dict.fromkeys((c.method, stage) for c in cells for stage in c.stages))
    done = {c: found.there[c] for c in cells if c in found.there}
    done = {c: result for c, result in done.items() if result.status is Status.DONE}
    seeds, task = {cell.seed for cell in cells}, cells[0].task
    grids = {m: scores_of(frame, m, places, task) for m in LANDMARK_SCALES}
    scored = {metric: estimated(grid) for metric, grid in grids.items()}
    (covers,) = {covered for _, covered in scored.values()}
    rows = [
        row_of(done, place, {m: scores[at] for m, (scores, _) in scored.items()}, len(seeds))
        for at, place in enumerate(places)
    ]
    told = told_of(done)
    return LandmarkBoard(
        task=task,
        source=cells[0].source,
        rows=tuple(sorted(rows, key=by_error)),
        window="" if told is None else f"{told['window']:g}",
        notes=tuple(notes(found, cells, done, frame, covers)),
    )


def row_of(
    done: Mapping[Wanted, Result], place: Place, scores: Mapping[str, Estimate], asked: int
) -> LandmarkRow:
    """A row from its finished cells; nothing but their count if it lacks one that another has."""
    method, stage = place
    own = {c.seed: r for c, r in done.items() if c.method == method and stage in c.stages}
    whole = not math.isnan(scores[MAIN].value)
    results = own.values() if whole else ()
    spread, windows = spread_of(results, stage), windows_of(results, stage)
    return LandmarkRow(method, stage, scores, spread, windows, (len(own), asked))


def told_of(done: Mapping[Wanted, Result]) -> dict[str, Any] | None:
    """What any of the cells knows of supports and window; None if there is none."""
    known = (result.facts[FACTS] for result in done.values() if FACTS in result.facts)
    return next(known, None)


def by_error(row: LandmarkRow) -> tuple[bool, float, str]:
    """Complete rows by their error, then the others by name."""
    value = row.scores[MAIN].value
    return math.isnan(value), 0.0 if math.isnan(value) else value, row.label


def scores_of(frame: pd.DataFrame, metric: str, places: Sequence[Place], task: str) -> Scores:
    """One metric of one task on a grid; NaN where there is no score."""
    done = frame[(frame["status"] == "done") & (frame["metric"] == metric)]
    seeds, images = sorted(set(frame["seed"])), sorted(set(done["image"]))
    values = np.full((len(places), 1, len(seeds), max(len(images), 1)), np.nan)
    at = (
        [places.index(place) for place in zip(done["method"], done["stage"], strict=True)],
        pd.Index(seeds).get_indexer(pd.Index(done["seed"])),
        pd.Index(images).get_indexer(pd.Index(done["image"])),
    )
    values[at[0], 0, at[1], at[2]] = done["score"].to_numpy(float)
    names = tuple(label(*place) for place in places)
    who = done.drop_duplicates("image").set_index("image")["person"].reindex(images)
    persons = pd.factorize(who)[0][None] if images else None
    return Scores(names, (task,), tuple(int(seed) for seed in seeds), values, False, persons)


def estimated(grid: Scores) -> tuple[list[Estimate], str]:
    """Each row's mean over seeds and test images with its interval, and what the intervals cover.

    The bootstrap is that of leaderboards, over seeds and test images, the same ones for every row.
    A row that lacks a cell that another has gets nothing: its mean would be over other runs.
    """
    if not grid.scored().any():
        return [Estimate()] * len(grid.methods), "there are none"
    sample: Bootstrap = bootstrap(grid, np.random.default_rng(SEED), DRAWS)
    whole = grid.complete()[:, 0]
    means = np.where(whole, sample.means[:, 0], NAN)
    return estimates(means, sample.draws[:, :, 0]), sample.covers


def spread_of(own: Iterable[Result], stage: str) -> float:
    """Standard deviation over supports within a seed, mean over seeds; NaN with one support."""
    errors = [result.facts[FACTS]["stages"][stage]["by support"] for result in own]
    several = [np.std(each, ddof=1) for each in errors if len(each) > 1]
    return float(np.mean(several)) if several else NAN


def windows_of(own: Iterable[Result], stage: str) -> Mapping[str, float]:
    """Mean error by window over the seeds."""
    by_window: dict[str, list[float]] = {}
    for result in own:
        for width, error in result.facts[FACTS]["stages"][stage]["by window"].items():
            by_window.setdefault(width, []).append(error)
    return {width: float(np.mean(errors)) for width, errors in by_window.items()}


def notes(
    found: Gathered,
    cells: Sequence[Wanted],
    done: Mapping[Wanted, Result],
    frame: pd.DataFrame,
    covers: str,
) -> Iterator[str]:
    """What a reader of a task's table has to know; ``covers`` says what the intervals do."""
    source = cells[0].source
    yield SOURCES.get(source, f"All images are {source}.")
    told, seeds = told_of(done), len({cell.seed for cell in done})
    layouts = sorted({str(r.facts["layout"]) for r in done.values() if r.facts.get("layout")})
    yield from (f"Landmarks: {layout}." for layout in layouts)
    if told is not None:
        yield (
            f"Errors: lower is better; distances in the prepared square image, in px at {SIDE}. "
            f"Success: higher is better. Each is a mean over {len(told['supports'])} support "
            f"images, used one at a time, {len(told['images'])} test images and the seeds; every "
            f"row has the same supports{', which change with the seed' * (seeds > 1)}. Nothing is "
            "trained on labels."
        )
        yield (
            f"Weight: a Gaussian of {told['window']:g} of the image's side; the template's side is "
            "that of the square of the same spread."
        )
        yield (
            f"Brackets: 95 % bootstrap intervals; {covers}. The spread over the supports of a seed "
            "stands beside them."
        )
    yield from seeds_notes(*found.seeds)
    yield from few_seeds_notes([seeds])
    yield from lacking(frame)
    yield from unlike(done)
    yield from pool_notes(result.facts for result in done.values() if "pool" in result.facts)
    yield from stale_notes({c: result for c, result in found.old.items() if c in done})
    yield from left_out_notes(found.left_out)
    yield from budget_notes(found.question.terms)
    yield from tuned_notes(cells)


def unlike(done: Iterable[Wanted]) -> Iterator[str]:
    """What rows of one table do not have in common, whichever stages their cells have."""
    first: Wanted | None = None
    for cell in done:
        first = first or cell
        for place in difference(common(first), common(cell)):
            yield (
                f"Terms are mixed: {first.label} and {cell.label} differ in {place}. Nothing can "
                "be concluded from rows that are not scored alike."
            )
            return


def common(cell: Wanted) -> dict[str, Any]:
    """What all cells of a task must have in common."""
    settings = {name: cell.key["settings"][name] for name in LOOKED_AT}
    return {**{name: cell.key[name] for name in ("protocol", "manifest")}, **settings}


def lacking(frame: pd.DataFrame) -> Iterator[str]:
    """Cells without scores, by name."""
    for status, word in LACKING.items():
        rows = frame[frame["status"] == status].drop_duplicates(["method", "stage", "seed"])
        named = [
            f"{label(m, st)} (seed {s})"
            for m, st, s in zip(rows["method"], rows["stage"], rows["seed"], strict=True)
        ]
        if named:
            yield f"{word}: {', '.join(named)}."
