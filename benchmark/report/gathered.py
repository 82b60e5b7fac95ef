"""A results folder as its reports see it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pandas as pd

from benchmark import registry
from benchmark.arms import of_landmarks
from benchmark.asked import Asked, Wanted, asked
from benchmark.cells import Status
from benchmark.durable import StoreError
from benchmark.report.board import Leaderboard
from benchmark.report.footers import (
    budget_notes,
    given_notes,
    left_out_notes,
    pool_notes,
    seeds_notes,
    set_notes,
    stale_notes,
    terms_notes,
    tuned_notes,
)
from benchmark.report.frame import Result, results, tidy
from benchmark.report.mixed import machine_notes, mixed_notes
from benchmark.report.prices import READING as COSTS
from benchmark.report.prices import prices
from benchmark.report.render import About, boards_of, sampled_of
from benchmark.report.sampled import Sampled
from benchmark.report.slices import By, slices
from benchmark.status import State
from benchmark.store import Store
from methods.errors import ConfigError

Stale = Literal["refuse", "mark", "leave out"]

#: Seed of the bootstrap; the same results give the same tables.
SEED = 0


@dataclass(frozen=True, slots=True)
class Gathered:
    """What is known of a folder.

    Attributes:
        store: The folder.
        question: What was asked of it.
        there: The cells that count.
        old: Those of them that other code than today's has computed.
        left_out: How many such cells are there and do not count.
        seeds: Which seeds count, and of which; neither if all do.
    """

    store: Store
    question: Asked
    there: dict[Wanted, Result]
    old: dict[Wanted, Result]
    left_out: int = 0
    seeds: tuple[tuple[int, ...], tuple[int, ...]] = ((), ())

    @property
    def ranked(self) -> dict[Wanted, Result]:
        """The cells that leaderboards are made of: all but those of landmarks."""
        return {c: result for c, result in self.there.items() if not of_landmarks(c.stages)}

    @property
    def landmarks(self) -> tuple[Wanted, ...]:
        """The cells of landmarks that were asked for; they have a table of their own."""
        return tuple(cell for cell in self.question.cells if of_landmarks(cell.stages))

    @property
    def only_landmarks(self) -> bool:
        """Whether nothing else was asked for."""
        return 0 < len(self.landmarks) == len(self.question.cells)

    @property
    def ending(self) -> str:
        """What names of files end with that show some seeds only."""
        return "".join(f"_seed{seed}" for seed in self.seeds[0])

    @property
    def order(self) -> list[str]:
        """Every method, in the order of colours."""
        return known_order(cell.method for cell in self.question.cells)

    @property
    def given(self) -> list[str]:
        """Rows of somebody else's weights."""
        return sorted({cell.method for cell in self.question.cells if cell.given})

    @property
    def foreign(self) -> list[str]:
        """Methods of packages that are not installed here."""
        own = {cell.method for cell in self.question.cells if cell.guided}
        return [name for name in self.order if name not in {*registry.methods(), *self.given, *own}]

    @property
    def oracle(self) -> bool:
        """Whether test images have chosen checkpoints."""
        settings = (cell.key["settings"] for cell in self.question.cells)
        return any(known.get("selection") == "oracle" for known in settings)

    def without_stale(self) -> "Gathered":
        """The same without the cells that other code than today's has computed."""
        there = {cell: result for cell, result in self.there.items() if cell not in self.old}
        return replace(self, there=there, old={}, left_out=self.left_out + len(self.old))

    @property
    def kinds(self) -> dict[str, str]:
        """Whether a task is of lesions or of anatomy, where it is known."""
        known = self.there.items()
        return {c.task: str(r.facts["kind"]) for c, r in known if "kind" in r.facts}

    @property
    def encoders(self) -> list[str]:
        """The encoders' folders, one for each cell."""
        return [str(r.facts["encoder"]) for r in self.there.values() if "encoder" in r.facts]

    def about(self) -> About:
        """What every board says besides its scores."""
        footers = [
            *seeds_notes(*self.seeds),
            *mixed_notes(self.ranked),
            *machine_notes(self.ranked),
            *pool_notes(result.facts for result in self.ranked.values()),
            *stale_notes({c: r for c, r in self.old.items() if c in self.ranked}),
            *left_out_notes(self.left_out),
            *terms_notes(self.question.terms),
            *budget_notes(self.question.terms),
            *tuned_notes(self.question.cells),
            *set_notes(self.ranked),
            *given_notes(self.given),
        ]
        known = prices(
            (cell.method, str(result.facts["encoder"]), result.price)
            for cell, result in self.ranked.items()
            if result.status is Status.DONE and "encoder" in result.facts
        )
        if known:
            footers.append(COSTS)
        stale = {cell.method for cell in self.old if cell in self.ranked}
        return About(footers, stale, self.oracle, known)

    def frame(self, metric: str | None) -> pd.DataFrame:
        """The scores of leaderboards, a row each; of one metric, or of all."""
        cells = [cell for cell in self.question.cells if not of_landmarks(cell.stages)]
        return tidy(self.store, cells, self.there, metric)

    def sampled(self, frame: pd.DataFrame, metric: str) -> list[Sampled]:
        """Each stage's leaderboard with the draws behind it."""
        if self.only_landmarks:
            return []
        return sampled_of(frame, seed=SEED, metric=metric, about=self.about())

    def boards(self, frame: pd.DataFrame, metric: str) -> list[Leaderboard]:
        """Each stage's leaderboard."""
        if self.only_landmarks:
            return []
        return boards_of(frame, seed=SEED, metric=metric, about=self.about())

    def sliced(self, frame: pd.DataFrame, metric: str, by: By) -> list[Leaderboard]:
        """Each part's and stage's leaderboard; none if there is one part only."""
        about = self.about()
        return [
            board
            for part, rows in slices(frame, by, self.kinds)
            for board in boards_of(rows, seed=SEED, metric=metric, about=about, part=part)
        ]


def gather(folder: Path, stale: Stale, seeds: Sequence[int] = ()) -> Gathered:
    """Read what a folder holds, but for the scores.

    Args:
        folder: Where a plan was run to.
        stale: What to do about cells that other code than today's has computed: refuse, take them
            and know which, or leave them out as if they were missing.
        seeds: Those that count, as if no other had been asked for; all if there are none.

    Raises:
        ConfigError: If a seed was not asked for.
        StoreError: If the folder holds no results, damaged ones, or stale ones that are refused.
    """
    store, whole = Store(folder), asked(folder)
    question, counted = of_seeds(whole, seeds, folder)
    there = results(store, question.cells)
    old = {cell: result for cell, result in there.items() if result.state is State.STALE}
    if old and stale == "refuse":
        refuse(folder, old, len(question.cells))
    found = Gathered(store, question, there, old, seeds=counted)
    return found.without_stale() if stale == "leave out" else found


def of_seeds(
    question: Asked, seeds: Sequence[int], folder: Path
) -> tuple[Asked, tuple[tuple[int, ...], tuple[int, ...]]]:
    """What was asked for with some seeds, and which they are and of which.

    Raises:
        ConfigError: If one of them was not asked for.
    """
    if not seeds:
        return question, ((), ())
    every = tuple(sorted({cell.seed for cell in question.cells}))
    for seed in seeds:
        if seed not in every:
            raise ConfigError(f"{folder} has no seed {seed}: it has {', '.join(map(str, every))}")
    cells = tuple(cell for cell in question.cells if cell.seed in seeds)
    return replace(question, cells=cells), (tuple(sorted(set(seeds))), every)


def refuse(folder: Path, old: dict[Wanted, Result], count: int) -> None:
    """Say why stale cells are no leaderboard.

    Raises:
        StoreError: Always.
    """
    modules = sorted({name for result in old.values() for name in result.changes})
    raise StoreError(
        f"{len(old)} of {count} cells in {folder} are stale: {', '.join(modules[:3])} changed "
        "since they were computed; run the plan again, or show them marked with --stale"
    )


def known_order(methods: Iterable[str]) -> list[str]:
    """Every method that is registered, and those of the results that no longer are."""
    registered = registry.methods()
    return [*registered, *sorted(set(methods) - registered.keys())]
