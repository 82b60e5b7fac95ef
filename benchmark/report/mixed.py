"""Cells of one table that were not computed on one set of terms."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from benchmark.asked import Wanted, difference
from benchmark.cells import Status
from benchmark.report.frame import Result

#: What of a cell's key must be one for all that are compared on a task.
TERMS = ("protocol", "manifest", "settings")


def mixed_notes(there: Mapping[Wanted, Result], stage: str = "") -> list[str]:
    """What a reader has to know of scores that mean different things, once a task and stage.

    Args:
        there: A folder's cells.
        stage: The only one to look at; all if "".
    """
    done = [
        cell
        for cell, result in there.items()
        if result.status is Status.DONE and (not stage or stage in cell.stages)
    ]
    told: dict[tuple[object, ...], str] = {}
    for one, other, place in mixed(done):
        told.setdefault(
            group(one),
            f"Terms are mixed: {one.label} and {other.label} differ in {place}. Nothing can be "
            f"concluded from ranks, wins and gains that compare scores on {one.task}.",
        )
    return list(told.values())


def machine_notes(there: Mapping[Wanted, Result]) -> list[str]:
    """What a reader has to know of cells that were computed on unlike devices."""
    counts = Counter(result.machine for result in there.values() if result.machine)
    if len(counts) < 2:
        return []
    named = ", ".join(f"{kind} {count}" for kind, count in counts.most_common())
    told = (
        f"Cells by what computed them: {named}. A cell can be had again to the bit on its own kind "
        "only; elsewhere it is another draw of the same training, and takes other seconds."
    )
    return [told]


def mixed(cells: Iterable[Wanted]) -> Iterator[tuple[Wanted, Wanted, str]]:
    """Pairs that differ in protocol, images or fine-tuning, and where; one is its group's first."""
    first: dict[tuple[object, ...], Wanted] = {}
    for cell in cells:
        one = first.setdefault(group(cell), cell)
        for place in difference(terms(one), terms(cell)):
            yield one, cell, place


def group(cell: Wanted) -> tuple[object, ...]:
    """Cells of a group are compared with each other."""
    return cell.task, cell.stages, cell.fraction


def terms(cell: Wanted) -> dict[str, Any]:
    """What a score means."""
    return {name: cell.key[name] for name in TERMS if name in cell.key}
