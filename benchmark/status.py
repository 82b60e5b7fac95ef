"""How every cell that was asked for stands."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Any

from benchmark import registry
from benchmark.asked import Asked, Wanted, asked, difference, flat
from benchmark.durable import StoreError
from benchmark.fingerprint import FingerprintError, fingerprint
from benchmark.leases import running
from benchmark.store import Store, folder_name
from methods.errors import UnknownNameError


class State(StrEnum):
    """How a cell stands; the first four are how it ended."""

    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"
    EXCEEDED = "exceeded"
    #: Somebody is computing it, or pre-training its encoder.
    RUNNING = "running"
    MISSING = "missing"
    #: Computed by other code of the method than today's.
    STALE = "stale"
    #: The method is not installed, so that its code cannot be compared.
    FOREIGN = "foreign"
    #: On disk, but not as it was written.
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a cell stands.

    Attributes:
        cell: What was asked.
        state: In a word.
        folder: The cell's folder, empty if there is none.
        detail: By whom and since when, what went wrong, which code changed, what is nearest.
        lines: The last lines of a failure's traceback.
        ended: How it ended; empty if there is no folder, or one that cannot be read.
    """

    cell: Wanted
    state: State
    folder: str = ""
    detail: str = ""
    lines: tuple[str, ...] = ()
    ended: str = ""

    def shown(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "method": self.cell.method,
            "task": self.cell.task,
            "seed": self.cell.seed,
            "fraction": self.cell.fraction,
            "stages": list(self.cell.stages),
            "state": str(self.state),
            "detail": self.detail,
            "lines": list(self.lines),
            "folder": self.folder,
        }


def code_of(cell: Wanted) -> Mapping[str, str] | None:
    """The fingerprint of a cell's code as it is now; None if its method is not installed."""
    own = registry.SHAPE_GUIDED if cell.guided else registry.GIVEN if cell.given else ""
    return code_in(cell.method, own)


@cache
def code_in(method: str, own: str) -> Mapping[str, str] | None:
    """The fingerprint of a method's code; of a row that is no method, that of its own module."""
    try:
        return fingerprint(own or registry.module_of(method))
    except (UnknownNameError, FingerprintError):
        return None


def found(store: Store, cells: Iterable[Wanted]) -> dict[Wanted, tuple[str, State]]:
    """The folders that hold the cells asked for, and whether their code is today's.

    Returns:
        Only cells that are there: DONE (well or badly, by today's code), STALE or FOREIGN.
    """
    by_key: dict[str, list[str]] = defaultdict(list)
    if store.cells.is_dir():
        for path in store.cells.iterdir():
            if not path.name.startswith("."):
                by_key[path.name.partition("-")[0]].append(path.name)
    out: dict[Wanted, tuple[str, State]] = {}
    for cell in cells:
        names = by_key.get(cell.key_digits, [])
        if not names:
            continue
        code = code_of(cell)
        # Of several old ones, the one that was asked for last, or any.
        old = cell.name if cell.name in names else max(names)
        if code is None:
            out[cell] = (old, State.FOREIGN)
        elif (name := folder_name(cell.key_digits, code)) in names:
            out[cell] = (name, State.DONE)
        else:
            out[cell] = (old, State.STALE)
    return out


def standings(store: Store) -> list[Standing]:
    """How every cell stands that was asked of a folder.

    Raises:
        StoreError: If the folder holds no results.
    """
    question = asked(store.root)
    there = found(store, question.cells)
    busy = running(store.leases) if store.leases.is_dir() else {}
    near = Relatives(store, question, [cell for cell in question.cells if cell not in there])
    return [
        present(store, cell, *there[cell]) if cell in there else absent(cell, busy, near)
        for cell in question.cells
    ]


def present(store: Store, cell: Wanted, name: str, state: State) -> Standing:
    """How a cell stands that is there."""
    try:
        record = store.record(name)
    except StoreError as error:
        return Standing(cell, State.DAMAGED, name, str(error))
    reason, lines = str(record["reason"]), tuple(record["facts"].get("traceback", ()))
    ended = str(record["status"])
    if state is State.STALE:
        modules = changed(record["fingerprint"], code_of(cell) or {})
        told = f"changed since: {', '.join(modules)}"
        return Standing(cell, state, name, told, ended=ended)
    if state is State.FOREIGN:
        why = f"{ended}; {cell.method} is not installed here"
        return Standing(cell, state, name, f"{why}{': ' if reason else ''}{reason}", lines, ended)
    return Standing(cell, State(ended), name, reason, lines, ended)


def changed(then: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Modules whose code differs, those added and removed included."""
    return sorted(name for name in {*then, *now} if then.get(name) != now.get(name))


def absent(cell: Wanted, busy: Mapping[str, Mapping[str, Any]], near: "Relatives") -> Standing:
    """How a cell stands that is not there."""
    code = code_of(cell)
    name = cell.name if code is None else folder_name(cell.key_digits, code)
    digits = cell.encoder.partition("-")[0]
    encoder = cell.encoder if code is None else folder_name(digits, code)
    for lease, what in ((name, "fine-tuning"), (encoder, "pre-training")):
        if lease in busy:
            by = busy[lease]
            silent = f", silent for {by['silent']:.0f} s" if by["silent"] > 0 else ""
            gone = ", which is dead: the next run takes over" if by["dead"] else ""
            return Standing(
                cell, State.RUNNING, "", f"{what} by {by['by']} since {by['since']}{silent}{gone}"
            )
    if code is None:
        return Standing(cell, State.FOREIGN, "", f"{cell.method} is not installed here; no result")
    return Standing(cell, State.MISSING, "", near.of(cell))


class Relatives:
    """Finds for absent cells the nearest ones that exist, of the same method and task."""

    def __init__(self, store: Store, question: Asked, missing: Iterable[Wanted]) -> None:
        self.question = question
        sought = {(cell.method, cell.task) for cell in missing}
        self.keys: dict[tuple[str, str], list[tuple[str, dict[str, Any]]]] = defaultdict(list)
        for path in sorted(store.cells.iterdir()) if sought and store.cells.is_dir() else ():
            if path.name.startswith("."):
                continue
            try:
                record = store.record(path.name)
            except StoreError:
                continue  # its own line, if it was asked for, says that it is damaged
            place = (record["key"]["method"], record["key"]["task"])
            if place in sought:
                self.keys[place].append((path.name, identity(record["key"], record["pretrain"])))

    def of(self, cell: Wanted) -> str:
        """The nearest existing cell and where it differs; empty if there is none."""
        own = identity(cell.key, self.question.pretrains.get(cell.encoder, {}))
        others = self.keys.get((cell.method, cell.task), [])
        apart = [(list(difference(other, own)), name) for name, other in others]
        if not apart:
            return ""
        places, name = min(apart, key=lambda pair: len(pair[0]))
        return f"nearest: {name}, which differs in {'; '.join(places[:3])}"


def identity(key: Mapping[str, Any], pretrain: Mapping[str, Any]) -> dict[str, Any]:
    """A cell's and its encoder's keys as one table."""
    own = {name: value for name, value in key.items() if name != "pretrain"}
    return {**flat(own), **flat({"pretrain": pretrain})}


def counts(rows: Iterable[Standing]) -> dict[str, int]:
    """How many cells are in each state, in the order of ``State``."""
    counted = Counter(row.state for row in rows)
    return {str(state): counted[state] for state in State if counted[state]}
