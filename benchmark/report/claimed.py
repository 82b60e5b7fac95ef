"""Claims about a results folder, on the terminal or as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console

from benchmark import registry
from benchmark.asked import Wanted
from benchmark.cells import Status
from benchmark.claim import Claim
from benchmark.registry import known
from benchmark.report.claims import judge
from benchmark.report.footers import ORACLE, left_out_notes, seeds_notes
from benchmark.report.frame import Result
from benchmark.report.gathered import SEED, Gathered, gather
from benchmark.report.mixed import mixed
from benchmark.report.verdict import Verdict
from methods.errors import ConfigError


def show_claims(
    folder: Path, claims: Sequence[Claim], *, source: str, as_json: bool
) -> list[Verdict]:
    """Print what a results folder says of claims; the same.

    Raises:
        StoreError: If the folder holds no results, or damaged ones.
        ConfigError: If cells of a task were not computed on one set of terms.
        UnknownNameError: If a claim names a method that nobody knows.
    """
    found = verdicts(gather(folder, "leave out"), claims, source)
    if as_json:
        print(json.dumps([v.record() for v in found], indent=1, ensure_ascii=False))
        return found
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for verdict in found:
        for line in verdict.lines():
            console.print(line)
    return found


def verdicts(found: Gathered, claims: Sequence[Claim], source: str) -> list[Verdict]:
    """What a results folder says of claims; cells of older code do not count.

    Raises:
        ConfigError: If cells of a task were not computed on one set of terms.
        UnknownNameError: If a claim names a method that nobody knows.
    """
    cells = found.question.cells
    names = [*registry.methods(), *(cell.method for cell in cells)]
    frames = {metric: found.frame(metric) for metric in {claim.metric for claim in claims}}
    told = []
    for claim in claims:
        for name in (claim.subject, *claim.rivals):
            known("method of the claim", name, dict.fromkeys(names))
        about = [cell for cell in cells if is_about(cell, claim, source)]
        check_terms([cell for cell in about if is_done(found.there, cell)])
        extra = [*seeds_notes(*found.seeds), *remarks(about, found.left_out)]
        told.append(verdict_on(claim, frames[claim.metric], source, extra))
    return told


def verdict_on(claim: Claim, frame: pd.DataFrame, source: str, extra: Sequence[str]) -> Verdict:
    """A verdict with more limits; the same frame gives the same one."""
    kinds = kinds_of(claim.tasks) if claim.margin else {}
    verdict = judge(claim, frame, np.random.default_rng(SEED), source=source, kinds=kinds)
    return replace(verdict, limits=(*verdict.limits, *extra))


def kinds_of(tasks: Sequence[str]) -> dict[str, str]:
    """Anatomy or lesion, by task."""
    return {name: registry.task(name).info.kind for name in tasks}


def is_about(cell: Wanted, claim: Claim, source: str) -> bool:
    """Whether a cell's scores count for a claim."""
    return (
        cell.method in (claim.subject, *claim.rivals)
        and cell.task in claim.tasks
        and claim.stage in cell.stages
        and bool(np.isclose(cell.fraction, claim.fraction))
        and cell.source == source
    )


def is_done(there: Mapping[Wanted, Result], cell: Wanted) -> bool:
    """Whether a cell has scores."""
    return cell in there and there[cell].status is Status.DONE


def check_terms(cells: Sequence[Wanted]) -> None:
    """Insist that a task's cells have one protocol, one set of images and one fine-tuning.

    Raises:
        ConfigError: Naming two that differ, and where.
    """
    for one, other, place in mixed(cells):
        raise ConfigError(
            f"{one.label} and {other.label} differ in {place}: a claim needs all cells of a "
            "task on one set of terms; run the plan again"
        )


def remarks(cells: Sequence[Wanted], stale: int) -> list[str]:
    """What the scores alone do not tell."""
    out = left_out_notes(stale)
    if any(cell.key["settings"].get("selection") == "oracle" for cell in cells):
        out.append(ORACLE)
    return out
