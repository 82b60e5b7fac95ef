"""One method beside its rivals, on the terminal or as JSON."""

import json
import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from rich.console import Console

from benchmark.durable import StoreError
from benchmark.listing import table
from benchmark.registry import known
from benchmark.report.estimate import NAN, NOTHING, Estimate, plain
from benchmark.report.footers import ORACLE, left_out_notes, persons_notes, seeds_notes
from benchmark.report.gathered import SEED, Gathered
from benchmark.report.mixed import mixed_notes
from benchmark.report.power import ERRORS, Power, power
from benchmark.report.practical import Odds, practical_odds
from benchmark.report.rank_tests import RankTest, rank_test
from benchmark.report.scales import SCALES, Scale
from benchmark.report.scores import Scores, scores
from benchmark.report.selection import PROBED, select
from benchmark.report.significance import PairedTest, paired_tests
from benchmark.report.statistics import FEW_COVERAGE, Bootstrap, bootstrap

DRAWS = 2000
#: How to read the columns.
READING = (
    "Difference: METHOD less its rival, mean over tasks, with 95 % over test images, and "
    "seeds if several. Better, tied, worse: share of bootstrap draws beyond a practical tie "
    "of {tie}. p: Wilcoxon's signed-rank test over the persons shown (images, if persons are "
    "unknown), corrected by Holm, with the sign of the mean over them: tasks with many weigh more "
    "in it than in the difference, and the two may disagree (less with --task). It takes the "
    "training runs as they are and finds too much where runs differ: never read it alone. "
    "Detectable: the true difference that would be found four times out of five ({errors:.2f} "
    "standard errors). Seeds: how many would halve the interval; none where the images' part is "
    "larger."
)
#: What must be said of a metric that an empty mask has not.
UNCHARGED = (
    "an empty mask has no distance: two methods are compared on the images on which both have one, "
    "and neither is charged for empty predictions; mean ranks are over whatever each answered"
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A method beside its rivals.

    Attributes:
        title: What is compared, on what.
        rows: A rival each, JSON-ready.
        ranked: All methods' mean ranks, and what separates them.
        remarks: What a reader has to know besides.
        scale: How to read the metric.
    """

    title: str
    rows: list[dict[str, Any]]
    ranked: RankTest
    remarks: list[str]
    scale: Scale


def show_comparison(
    found: Gathered, method: str, *, stage: str, metric: str, task: str | None, as_json: bool
) -> None:
    """Print how a method stands beside each rival.

    Raises:
        StoreError: If the folder holds no such scores, or damaged ones.
        UnknownNameError: If the method or the task is none of the folder's.
    """
    told = compared(found, method, stage=stage, metric=metric, task=task)
    if as_json:
        record = {"title": told.title, "rivals": told.rows, "ranks": ranks_record(told.ranked)}
        print(json.dumps({**record, "remarks": told.remarks}, indent=1))
        return
    show(told, Console(highlight=False))


def compared(
    found: Gathered, method: str, *, stage: str, metric: str, task: str | None = None
) -> Comparison:
    """Set a method beside each rival.

    Raises:
        StoreError: If the folder holds no such scores.
        UnknownNameError: If the method or the task is none of the folder's.
    """
    cells = found.question.cells
    known("method of the folder", method, {cell.method: None for cell in cells})
    if task is not None:
        known("task of the folder", task, {cell.task: None for cell in cells})
    frame = found.frame(None)
    if not (frame["stage"] == stage).any():
        raise StoreError(
            f"{found.store.root} holds no scores of the stage {stage}: see `ldbench status`"
        )
    grid, scale = scores(select(frame, stage, metric)), SCALES[metric]
    sample = bootstrap(grid, np.random.default_rng(SEED), DRAWS)
    tests = paired_tests(grid, method, scale=scale, task=task)
    ranked = rank_test(grid, scale=scale)
    rows = []
    for test in tests.rows:
        odds, able = beside(grid, sample, method, test.rival, scale, task)
        rows.append(row_of(odds, test, able, scale))
    remarks = [text for text in (tests.reason, *ranked.warnings, ranked.reason) if text]
    remarks += [UNCHARGED] * grid.may_be_undefined
    remarks += narrow(grid, task) + persons_notes(grid) + mixed_notes(found.there, stage)
    remarks += seeds_notes(*found.seeds) + left_out_notes(found.left_out)
    if found.oracle and stage not in PROBED:
        remarks.append(ORACLE)
    kinds = ", ".join(sorted({cell.source for cell in cells}))
    title = f"{method} on {kinds} images, {stage}, {scale.title}, {tests.scope}"
    return Comparison(title, rows, ranked, remarks, scale)


def beside(
    grid: Scores, sample: Bootstrap, method: str, rival: str, scale: Scale, task: str | None
) -> tuple[Odds, Power]:
    """A method beside one rival, over the same images for both."""
    (odds,) = practical_odds(grid, sample, method, scale=scale, task=task, rivals=[rival]).rows
    if grid.may_be_undefined and not math.isnan(odds.difference.value):
        both = [grid.methods.index(name) for name in (method, rival)]
        alike = grid.shared((method, rival))
        alone = np.full_like(alike.values, np.nan)
        alone[both] = alike.values[both]
        nothing = grid.scored() & ~np.isfinite(alone).any(axis=(0, 2, 3))
        empty = [t for t, bare in zip(grid.tasks, nothing, strict=True) if bare]
        if named := [t for t in empty if task in (None, t)]:
            reason = f"no image of {', '.join(named)} on which both {method} and {rival} have one"
            unknown = Odds(rival, NAN, NAN, NAN, Estimate(), reason, "")
            return unknown, Power(rival, NAN, NAN, NAN, 0, NAN, None, reason)
        grid = replace(alike, values=alone)
        sample = bootstrap(grid, np.random.default_rng(SEED), DRAWS)
        (odds,) = practical_odds(grid, sample, method, scale=scale, task=task, rivals=[rival]).rows
    (able,) = power(grid, sample, method, scale=scale, task=task, rivals=[rival]).rows
    return odds, able


def narrow(grid: Scores, task: str | None) -> list[str]:
    """What few seeds or test images do to the intervals, as leaderboards and claims say it."""
    remarks = []
    counted = (("seeds", grid.seed_counts()), ("test images or persons", grid.drawn_counts()))
    for what, counts in counted:
        fewest = min((n for t, n in counts.items() if n > 1 and task in (None, t)), default=0)
        if fewest in FEW_COVERAGE:
            remarks.append(
                f"with {fewest} {what} intervals are too narrow: at worst, where only {what} "
                f"differ, a 95 % one covers {FEW_COVERAGE[fewest]} %"
            )
    return remarks


def row_of(odds: Odds, test: PairedTest, found: Power, scale: Scale) -> dict[str, Any]:
    """A rival's numbers, JSON-ready."""
    return {
        "rival": odds.rival,
        "difference": odds.difference.record(),
        "text": odds.difference.text(scale.decimals, signed=True),
        "better": plain(odds.better),
        "tied": plain(odds.tied),
        "worse": plain(odds.worse),
        "persons": test.persons,
        "p": plain(test.corrected),
        "towards": "" if test.difference == 0 else "+" if test.difference > 0 else "-",
        "detectable": plain(found.detectable),
        "seeds behind it": found.seeds,
        "advice": NOTHING if found.reason else found.advice,
        "remarks": list(
            dict.fromkeys(
                text for text in (odds.reason, test.reason, found.reason, odds.caveat) if text
            )
        ),
    }


def ranks_record(ranked: RankTest) -> dict[str, Any]:
    """Mean ranks and what separates them, JSON-ready."""
    means = map(plain, ranked.mean_ranks.tolist())
    return {
        "tasks": list(ranked.tasks),
        "mean ranks": dict(zip(ranked.methods, means, strict=True)),
        "friedman": plain(ranked.statistic),
        "p": plain(ranked.p),
        "critical difference": plain(ranked.critical),
        "together": [list(group) for group in ranked.groups],
    }


def show(found: Comparison, console: Console) -> None:
    """Print the tables and what must be said beside them."""
    rows, ranked, remarks, scale = found.rows, found.ranked, found.remarks, found.scale
    console.print(f"[bold]{found.title}[/bold]")
    if rows:
        columns = ("rival", "difference", "better", "tied", "worse", "p", "detectable", "seeds")
        table([cells(row, scale) for row in rows], columns, console=console)
    for whose, remark in told(rows):
        console.print(f"- {whose}{remark}", markup=False)
    if not math.isnan(ranked.critical):
        places = ", ".join(
            f"{name} {rank:.2f}"
            for name, rank in zip(ranked.methods, ranked.mean_ranks, strict=True)
        )
        console.print(
            f"Mean ranks over {len(ranked.tasks)} tasks: {places}. Friedman's p: "
            f"{least(ranked.p)}; Nemenyi's critical difference {ranked.critical:.2f} ranks.",
            markup=False,
        )
    for remark in remarks:
        console.print(f"- {remark}", markup=False, style="red" if "oracle" in remark else "")
    tie = f"{scale.tie:g}{' ' + scale.unit if scale.unit else ''}"
    console.print(READING.format(tie=tie, errors=ERRORS), markup=False)


def told(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Remarks with the rival that they are about; what is so of all with scores, once."""
    known = [row for row in rows if row["difference"]["value"] is not None]
    every = [set(row["remarks"]) for row in known]
    common = set.intersection(*every) if len(known) > 1 else set[str]()
    once = [("", text) for text in (known[0]["remarks"] if known else []) if text in common]
    own = [(f"{r['rival']}: ", text) for r in rows for text in r["remarks"] if text not in common]
    return [*once, *own]


def least(p: float) -> str:
    """A probability; never 0."""
    return "<0.001" if p < 0.001 else f"{p:.3f}"


def cells(row: dict[str, Any], scale: Scale) -> dict[str, object]:
    """A rival's numbers as they are printed."""

    def share(name: str) -> str:
        return NOTHING if row[name] is None else f"{row[name]:.2f}"

    smallest = row["detectable"]
    return {
        "rival": row["rival"],
        "difference": row["text"],
        **{name: share(name) for name in ("better", "tied", "worse")},
        "p": NOTHING if row["p"] is None else f"{least(row['p'])} {row['towards']}".strip(),
        "detectable": NOTHING if smallest is None else f"{smallest:.{scale.decimals}f}",
        "seeds": row["advice"].removesuffix(" seeds").replace("no number of", "none"),
    }
