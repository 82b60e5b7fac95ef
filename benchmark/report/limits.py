"""What an answer to a claim does not cover, in plain sentences."""

from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd

from benchmark.claim import Claim
from benchmark.report.evidence import Evidence, relevant
from benchmark.report.scales import SCALES
from benchmark.report.selection import FLOOR
from benchmark.report.statistics import FEW_COVERAGE


def limits(claim: Claim, frame: pd.DataFrame, source: str, found: Evidence) -> Iterator[str]:
    """Say what has not counted, what probabilities leave out, and what is suspicious."""
    if source == "phantom":
        yield "Phantoms are drawn by a program: nothing here is about real images."
    yield from _left_out(claim, frame, source)
    scored = [task for task in claim.tasks if found.images[task]]
    if not scored:
        yield f"No {source} scores of these methods: nothing can be concluded."
        return
    yield from _spread(found, scored)
    if len(claim.rivals) > 1:
        yield (
            f"In every draw {claim.subject} meets the best of {len(claim.rivals)} rivals, who is "
            f"partly lucky: chances and leads lean against {claim.subject} where several are "
            "close. Corrected are those without that luck; there is an answer, and a task is won "
            "or lost, only where both agree."
        )
    yield from _suspicious(claim, frame, source, found)
    yield from _floor(claim, frame, source, scored)


def _left_out(claim: Claim, frame: pd.DataFrame, source: str) -> Iterator[str]:
    """Scores that are about something else."""
    done = frame[
        frame["method"].isin([claim.subject, *claim.rivals])
        & frame["task"].isin(claim.tasks)
        & (frame["stage"] == claim.stage)
        & (frame["status"] == "done")
    ]
    others = sorted(set(map(str, done["source"])) - {source})
    for other in others:
        tasks = _named(claim, done.loc[done["source"] == other, "task"])
        yield f"Scores on {other} images do not count for a claim about {source} ones: {tasks}."
    same = done[done["source"] == source]
    shares = same["fraction"].astype(float)
    unused = sorted(set(shares[~np.isclose(shares, claim.fraction)]))
    if unused:
        yield (
            f"The claim is about label fraction {claim.fraction:g}; scores at "
            f"{', '.join(f'{share:g}' for share in unused)} do not count."
        )


def _spread(found: Evidence, scored: list[str]) -> Iterator[str]:
    """What probabilities and intervals leave out."""
    single = [task for task in scored if found.seeds[task] == 1]
    if single:
        where = "" if len(single) == len(scored) else f" on {', '.join(single)}"
        yield (
            f"One seed{where}: probabilities and intervals are about test images only; the luck of "
            "a training is not covered. There is no answer before a second seed."
        )
    fewest = min((found.seeds[t] for t in scored if found.seeds[t] > 1), default=0)
    if fewest in FEW_COVERAGE:
        yield (
            f"With {fewest} seeds intervals are too narrow, and chances too sure, where runs "
            f"differ more than images: at worst a 95 % interval covers {FEW_COVERAGE[fewest]} %."
        )
    alone = [task for task in scored if found.images[task] == 1]
    if alone:
        yield f"One test image on {', '.join(alone)}: no probability there, so it stays unknown."


def _suspicious(claim: Claim, frame: pd.DataFrame, source: str, found: Evidence) -> Iterator[str]:
    """Equal scores and those that are no numbers."""
    level = [
        task
        for task, difference in found.differences.items()
        if difference.size and not difference.any()
    ]
    if level:
        yield (
            f"{claim.subject} and its best rival score the same on every image of "
            f"{', '.join(level)}: no win; suspect the task or the runs."
        )
    rows = relevant(frame, claim, source)
    rows = rows[(rows["status"] == "done") & (rows["metric"] == claim.metric)]
    bad = rows[~np.isfinite(rows["score"].astype(float))]
    if len(bad):
        whose = ", ".join(sorted(set(map(str, bad["method"]))))
        yield f"{len(bad)} scores of {whose} are no numbers: NaN is no score."
    if len(bad) and SCALES[claim.metric].may_be_undefined:
        yield (
            "An empty mask has no distance: all are compared on the images on which all have one, "
            "and nobody is charged for empty predictions."
        )


def _floor(claim: Claim, frame: pd.DataFrame, source: str, scored: list[str]) -> Iterator[str]:
    """Where nothing shows that pre-training helps at all."""
    floor = frame[
        (frame["method"] == FLOOR)
        & (frame["stage"] == claim.stage)
        & (frame["source"] == source)
        & (frame["status"] == "done")
        & np.isfinite(frame["score"].astype(float))
    ]
    bare = sorted(set(scored) - set(map(str, floor["task"])))
    if bare:
        yield (
            f"No floor ({FLOOR}) on {_named(claim, bare)}: nothing shows that pre-training helps "
            "there at all."
        )


def _named(claim: Claim, tasks: Iterable[object]) -> str:
    """Tasks in the claim's order."""
    names = set(map(str, tasks))
    if len(names) == len(claim.tasks) > 1:
        return "all tasks"
    return ", ".join(task for task in claim.tasks if task in names)
