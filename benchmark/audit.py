"""Whether what a folder's tables compare was bought at one price, on the same terms."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmark.arms import FEATURES, PROBE, RIVALS, of_landmarks, trains
from benchmark.asked import Asked, asked
from benchmark.cells import Status
from benchmark.ledger import CONTROL, Axis, Entry, entries
from benchmark.status import Standing, State, standings
from benchmark.store import Store
from tasks import guided


def audit(store: Store, axis: Axis | None = None, tolerance: float | None = None) -> list[str]:
    """What keeps a folder's tables from being a fair comparison, a sentence each.

    Args:
        store: The results folder.
        axis: What methods must have spent alike; the plan's if None.
        tolerance: By how many per cent they may differ; the plan's if None.

    Raises:
        StoreError: If the folder holds no results.
    """
    rows = standings(store)
    return faults(asked(store.root), rows, entries(store, rows), axis, tolerance)


def faults(
    question: Asked,
    rows: Sequence[Standing],
    found: Sequence[Entry],
    axis: Axis | None,
    tolerance: float | None,
) -> list[str]:
    """What ``audit`` says of cells that were read before."""
    held, per_cent = terms_of(question, axis, tolerance)
    return [
        *unfinished(rows),
        *unequal(found, held, per_cent),
        *unequally_tuned(found),
        *unlike(found),
        *early(found),
        *unpaired(question),
    ]


def terms_of(question: Asked, axis: Axis | None, tolerance: float | None) -> tuple[Axis, float]:
    """What methods must have spent alike, and by how many per cent they may differ."""
    budget = question.terms.get("budget", {})
    most = budget.get("tolerance", 1.0) if tolerance is None else tolerance
    return axis or budget.get("axis", "images"), most


def unfinished(rows: Iterable[Standing]) -> Iterator[str]:
    """Cells that are not done by today's code; methods that the plan leaves out have no rank."""
    for row in rows:
        allowed = {Status.DONE} if row.cell.method == CONTROL else {Status.DONE, Status.SKIPPED}
        stale = row.state in (State.STALE, State.DAMAGED)
        if stale or row.ended not in allowed:
            yield f"{row.cell.label} is {row.state}{f': {row.detail}' if row.detail else ''}"


def unequal(found: Iterable[Entry], axis: Axis, tolerance: float) -> Iterator[str]:
    """Methods of one table that did not spend alike."""
    tables: dict[tuple[object, ...], list[Entry]] = defaultdict(list)
    for entry in found:
        cell = entry.cell
        tables[cell.task, cell.stages, cell.fraction, cell.seed].append(entry)
    told = set()
    for place, table in tables.items():
        rivals = [entry for entry in table if entry.cell.method != CONTROL]
        # Where nothing is trained, how soon a fit converges is no budget.
        timed = table if axis != "seconds" or trains(table[0].cell.stages) else []
        costs = {
            "pre-training": {e.cell.method: e.pretraining(axis) for e in rivals},
            "fine-tuning": {e.cell.method: e.finetuning(axis) for e in timed},
        }
        for what, by_method in costs.items():
            where = f" on {place[0]}" if what == "fine-tuning" else ""
            for line in apart(by_method, axis, tolerance):
                # An encoder serves many tasks: once is enough.
                if (line, where) not in told:
                    told.add((line, where))
                    yield f"{what}{where}: {line}"


def unequally_tuned(found: Iterable[Entry]) -> Iterator[str]:
    """Methods of one domain of which one was tuned more than another."""
    tunings: dict[str, dict[str, str]] = defaultdict(dict)
    for entry in found:
        cell = entry.cell
        if cell.method != CONTROL and not cell.given:
            tunings[cell.domain].setdefault(cell.tuning or "no trial", cell.method)
    for domain, tuned in tunings.items():
        (first, method), *others = tuned.items()
        for other, rival in others:
            yield (
                f"on {domain} images {method} was tuned by {first}, {rival} by {other}: tune all "
                "alike, or none"
            )


def apart(costs: Mapping[str, float | None], axis: Axis, tolerance: float) -> Iterator[str]:
    """Whether costs are unknown or differ by more than so many per cent of the least."""
    unknown = sorted(method for method, cost in costs.items() if cost is None)
    if unknown:
        yield f"what {', '.join(unknown)} has spent in {axis} is unknown"
    known = {method: cost for method, cost in costs.items() if cost is not None}
    if not known:
        return
    least, most = min(known, key=lambda m: known[m]), max(known, key=lambda m: known[m])
    low, high = known[least], known[most]
    more = math.inf if low == 0 < high else 0.0 if high == 0 else 100 * (high - low) / low
    if more > tolerance:
        yield (
            f"{most} has spent {more:.3g} % more {axis} than {least} ({high:.6g} against "
            f"{low:.6g}; {tolerance:g} % is allowed)"
        )


def unlike(found: Iterable[Entry]) -> Iterator[str]:
    """What cells of one table must agree on besides: data, protocol, settings, pool and leaks."""
    seen: dict[tuple[object, ...], tuple[str, object]] = {}
    told = set()
    for entry in found:
        cell, record = entry.cell, entry.record
        pool, key = record["pretrain"], record["key"]
        own = (cell.task, cell.stages, cell.fraction)
        same: dict[tuple[object, ...], object] = {
            ("the leak policy", cell.domain): entry.facts.get("leaks"),
            ("the pool", cell.domain): (pool["pool"], pool["manifest"], pool["excluded"]),
            ("the encoder's width", "all tasks"): pool["width"],
            ("the image size", "all tasks"): pool["size"],
            ("the task's files", cell.task): key["manifest"],
            ("the protocol", cell.task, cell.stages): key["protocol"],
            ("the fine-tuning", *own): key["settings"],
        }
        for place, value in same.items():
            first, expected = seen.setdefault(place, (cell.method, value))
            if value != expected and (place, cell.method) not in told:
                told.add((place, cell.method))
                yield f"{place[0]} of {cell.method} differs from that of {first} on {place[1]}"


def early(found: Iterable[Entry]) -> Iterator[str]:
    """Cells whose test images were touched before their network or classifier was final."""
    for entry in found:
        if entry.cell.stages == guided.ORACLE:
            continue  # an upper bound that says so in its name, and stands in no leaderboard
        for stage in entry.cell.stages:
            known = entry.facts.get(stage, {})
            opened, steps = known.get("test opened after step"), known.get("steps")
            if known.get("selection") == "oracle":
                yield f"{entry.cell.label} was chosen by its test images (oracle, {stage})"
            elif opened is None:
                yield f"{entry.cell.label} does not say when its test images were opened ({stage})"
            elif opened != steps:
                yield (
                    f"{entry.cell.label} opened its test images after step {opened} of {steps} of "
                    f"the stage {stage}: its scores may have been chosen by them"
                )


def unpaired_landmarks(question: Asked) -> Iterator[str]:
    """The same of landmarks: the floor's features and the rivals stand in its row."""
    cells = [cell for cell in question.cells if of_landmarks(cell.stages)]
    seeds = {cell.seed for cell in question.cells}
    own = [cell for cell in cells if cell.stages != RIVALS]
    asked_for = {(c.task, c.stages, c.seed) for c in cells if c.method == CONTROL}
    for task in dict.fromkeys(cell.task for cell in cells):
        for stages in (FEATURES, RIVALS):
            if lacking := sorted(s for s in seeds if (task, stages, s) not in asked_for):
                yield f"{task} lacks the floor, {CONTROL} {stages[0]}, for the seeds {lacking}"
        for method in dict.fromkeys(cell.method for cell in own if cell.task == task):
            known = {cell.seed for cell in own if (cell.task, cell.method) == (task, method)}
            if lacking := sorted(seeds - known):
                yield f"{method} on {task} lacks the seeds {lacking}"


def unpaired(question: Asked) -> Iterator[str]:
    """Floors and seeds that were not even asked for."""
    yield from unpaired_landmarks(question)
    cells = tuple(cell for cell in question.cells if not of_landmarks(cell.stages))
    floor = {(c.task, c.stages, c.fraction, c.seed) for c in cells if c.method == CONTROL}
    compared = [cell for cell in cells if cell.stages != ("direct",)]
    seeds = {cell.seed for cell in cells}
    for task, fraction in dict.fromkeys((cell.task, cell.fraction) for cell in compared):
        here = [c for c in compared if (c.task, c.fraction) == (task, fraction)]
        share = "" if fraction == 1.0 else f" at {fraction:.0%} of the labels"
        # What learns without labels has rivals of its own, and no floor among these.
        floored = [c.stages for c in here if c.stages not in guided.CELLS]
        for stages in dict.fromkeys([*floored, ("direct",)] if floored else []):
            lacking = sorted(s for s in seeds if (task, stages, fraction, s) not in floor)
            if lacking:
                floors = f"the floor, {CONTROL} {stages[-1]}"
                yield f"{task}{share} lacks {floors}, for the seeds {lacking}"
        rows: dict[tuple[str, tuple[str, ...]], set[int]] = {}
        for cell in here:
            rows.setdefault((cell.method, cell.stages), set()).add(cell.seed)
        for (method, stages), known in rows.items():
            if lacking := sorted(seeds - known):
                trained = stages != PROBE and stages not in guided.CELLS
                probed = "" if trained else f" ({stages[-1]})"
                yield f"{method} on {task}{share}{probed} lacks the seeds {lacking}"
