"""The scores of one leaderboard as a dense array."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int

from benchmark.report.persons import circles, strangers
from benchmark.report.scales import SCALES
from benchmark.report.selection import Selection

#: The direct floor's row in the array, beside the methods it is a floor for.
DIRECT = "random, direct"
#: The frame's column of who is shown; a frame may go without.
PERSON = "person"


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores by method, task, seed and test image; NaN where there is none.

    Attributes:
        methods: Sorted, then ``DIRECT``.
        tasks: Sorted.
        seeds: Every seed of any task, sorted.
        values: Images are sorted by id within a task and padded to the largest task.
        may_be_undefined: Whether a finished cell may lack images; see ``Scale``.
        persons: Who is shown on each image, as numbers that mean the same on every task; None if
            nobody is shown twice. Images of one person vary together and are resampled together.
    """

    methods: tuple[str, ...]
    tasks: tuple[str, ...]
    seeds: tuple[int, ...]
    values: Float[np.ndarray, "methods tasks seeds images"]
    may_be_undefined: bool
    persons: Int[np.ndarray, "tasks images"] | None = None

    def shared(self, names: Sequence[str]) -> "Scores":
        """These methods on the images alone on which all of them have a score, cell by cell.

        Means over other images are no comparison: who predicts nothing where it is hard has no
        distance there. A cell that a method lacks leaves the others' as they are.
        """
        rows = [self.methods.index(name) for name in names if name in self.methods]
        finite = np.isfinite(self.values[rows])
        counts = (finite | ~finite.any(axis=-1, keepdims=True)).all(axis=0)
        values = self.values.copy()
        values[rows] = np.where(counts, self.values[rows], np.nan)
        return replace(self, values=values)

    def expected(self) -> Bool[np.ndarray, "tasks seeds images"]:
        """Where at least one method has a score."""
        return np.asarray(np.isfinite(self.values).any(axis=0))

    def cells(self) -> Bool[np.ndarray, "methods tasks seeds"]:
        """Where a method has all that can be asked of a cell, or nobody has anything.

        With a metric that may be undefined one scored image suffices; otherwise a method needs a
        score on every image that another method is scored on, or its mean would be over others.
        """
        finite = np.isfinite(self.values)
        if self.may_be_undefined:
            finite = finite.any(axis=-1, keepdims=True)
        return np.asarray((finite | ~finite.any(axis=0)).all(axis=-1))

    def complete(self) -> Bool[np.ndarray, "methods tasks"]:
        """Whether a method has every cell of a task that another method has."""
        return np.asarray(self.cells().all(axis=-1))

    def scored(self) -> Bool[np.ndarray, " tasks"]:
        """Whether any method has a score on the task."""
        return np.asarray(self.expected().any(axis=(1, 2)))

    def seed_counts(self) -> dict[str, int]:
        """Number of seeds behind each task's scores."""
        counts = self.expected().any(axis=2).sum(axis=1)
        return dict(zip(self.tasks, counts.tolist(), strict=True))

    def image_counts(self) -> dict[str, int]:
        """Number of test images behind each task's scores."""
        counts = self.expected().any(axis=1).sum(axis=1)
        return dict(zip(self.tasks, counts.tolist(), strict=True))

    def whose(self) -> Int[np.ndarray, "tasks images"]:
        """Who is shown on each image, as numbers that mean the same on every task."""
        return strangers(*self.values.shape[1::2]) if self.persons is None else self.persons

    def person_counts(self) -> dict[str, int]:
        """Number of persons behind each task's scores."""
        whose, shown = self.whose(), np.asarray(self.expected().any(axis=1))
        return {task: len(set(whose[t, shown[t]].tolist())) for t, task in enumerate(self.tasks)}

    def drawn_counts(self) -> dict[str, int]:
        """Number of persons that are resampled on each task; of images where all show one."""
        images = self.image_counts()
        return {t: images[t] if n == 1 else n for t, n in self.person_counts().items()}

    def same_persons(self) -> list[tuple[str, ...]]:
        """Tasks that show some of the same persons, where several do and can be resampled."""
        drawn, found = self.drawn_counts(), []
        for tasks, _ in circles(self.whose(), np.asarray(self.expected().any(axis=1))):
            names = tuple(self.tasks[t] for t in tasks if drawn[self.tasks[t]] > 1)
            found += [names] * (len(names) > 1)
        return found


def complete_methods(grid: Scores) -> tuple[str, ...]:
    """Methods with every cell that another method has; the direct floor counts as one."""
    if not grid.scored().any():
        return ()
    whole = np.asarray(grid.complete().all(axis=1))
    return tuple(m for m, ok in zip(grid.methods, whole, strict=True) if ok)


def scores(selection: Selection) -> Scores:
    """Lay the selected rows out on a grid; the order of the rows does not matter."""
    rows = pd.concat([selection.rows, selection.direct.assign(method=DIRECT)])
    methods = (*selection.methods, DIRECT)
    seeds = tuple(sorted({int(seed) for seed in rows["seed"]}))
    images = rows.groupby("task", observed=True)["image"].nunique()
    shape = (
        len(methods),
        len(selection.tasks),
        len(seeds),
        int(images.max()) if len(images) else 0,
    )
    values = np.full(shape, np.nan)
    persons = strangers(shape[1], shape[3])
    if PERSON in rows:
        rows = rows.assign(number=pd.factorize(rows[PERSON].astype(str), sort=True)[0])
    for t, task in enumerate(selection.tasks):
        here = rows[rows["task"] == task]
        image = pd.factorize(here["image"].astype(str), sort=True)[0]
        place = (
            pd.Index(methods).get_indexer(pd.Index(here["method"].astype(str))),
            pd.Index(seeds).get_indexer(pd.Index(here["seed"].astype(int))),
        )
        values[place[0], t, place[1], image] = here["score"].to_numpy(float)
        if PERSON in here:
            persons[t, image] = here["number"].to_numpy()
    values[~np.isfinite(values)] = np.nan
    undefined = SCALES[selection.metric].may_be_undefined
    return Scores(methods, selection.tasks, seeds, values, undefined, persons)
