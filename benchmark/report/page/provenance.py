"""Where every cell of a results folder is from: what a sceptical reader asks of a number."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmark.asked import Wanted
from benchmark.cells import EXCLUDED, Status
from benchmark.durable import sealed
from benchmark.report.frame import Result
from benchmark.report.page.origin import Fact, Origin, Provenance, Shared, anchor
from benchmark.report.page.shared import CODE, ENCODERS, MACHINE, MACHINES, machine, parts
from benchmark.report.page.wording import DIGITS, short, words
from benchmark.status import State
from benchmark.store import CELL_RECORD, SCORES, Store
from tasks.manifest import digest

#: Facts that have a line of their own, or are for whoever repairs a failure.
TOLD = (
    "encoder", "kind", "layout", "leaks", EXCLUDED, "pool", "pool images", "pool images skipped",
    "traceback", "tuned",
)  # fmt: skip


def provenance(
    store: Store, wanted: Sequence[Wanted], there: Mapping[Wanted, Result]
) -> Provenance:
    """Where every cell is from.

    Args:
        store: The results folder.
        wanted: The cells asked for.
        there: Those that are there (``benchmark.report.frame.results``).

    Raises:
        StoreError: If a cell cannot be read or was changed after it was written.
    """
    cells: list[Origin] = []
    shared: dict[str, dict[str, Shared]] = {ENCODERS: {}, CODE: {}, MACHINES: {}}
    for cell in wanted:
        result = there.get(cell)
        if result is None:
            cells.append(origin(cell, "", "missing", absent(cell)))
            continue
        record = store.record(result.folder)
        digests = sealed(store.cells / result.folder)
        facts = tuple(present(cell, result, record, digests))
        kind = str(record["facts"].get("kind", ""))
        cells.append(origin(cell, kind, standing(result), facts))
        for heading, part in parts(record):
            shared[heading].setdefault(part.anchor, part)
    found = {heading: tuple(known.values()) for heading, known in shared.items() if known}
    return Provenance(tuple(cells), found)


def origin(cell: Wanted, kind: str, state: str, facts: tuple[Fact, ...]) -> Origin:
    """What is known of a cell, beside what was asked."""
    return Origin(
        method=cell.method,
        task=cell.task,
        domain=cell.domain,
        kind=kind,
        source=cell.source,
        stages=cell.stages,
        fraction=float(cell.fraction),
        seed=cell.seed,
        state=state,
        facts=facts,
    )


def standing(result: Result) -> str:
    """How a cell ended, and whether its code is today's."""
    odd = result.state in (State.STALE, State.FOREIGN)
    return f"{result.status}, {result.state}" if odd else str(result.status)


def absent(cell: Wanted) -> tuple[Fact, ...]:
    """What is known of a cell that is not there."""
    return (
        Fact("state", "missing: nobody has computed it"),
        Fact("key", f"SHA-256 {cell.key_digits}"),
        *asked_of(cell),
    )


def asked_of(cell: Wanted) -> Iterator[Fact]:
    """What was asked."""
    key = cell.key
    yield Fact("images", f"{cell.source}; {cell.domain}; files {key['manifest'][:DIGITS]}")
    yield Fact("protocol", f"{key['protocol']}; threads {key['threads']}")
    yield Fact("settings", words(key["settings"]))


def present(
    cell: Wanted, result: Result, record: Mapping[str, Any], digests: Mapping[str, str]
) -> Iterator[Fact]:
    """What is known of a cell that is there."""
    facts, cost, folder = record["facts"], record["cost"], f"cells/{result.folder}"
    yield Fact("state", told(result, str(record["reason"])))
    yield Fact("folder", f"{folder}/{CELL_RECORD}")
    if SCORES in digests:
        yield Fact("scores", f"{folder}/{SCORES}, SHA-256 {digests[SCORES][:DIGITS]}")
    yield Fact("key", f"SHA-256 {result.folder.partition('-')[0]}")
    if "encoder" in facts:
        yield Fact("encoder", facts["encoder"], anchor("encoder", facts["encoder"]))
    yield from asked_of(cell)
    if facts.get("layout"):
        yield Fact("layout", str(facts["layout"]))
    yield Fact("pool", pool(facts))
    yield Fact("hyperparameters", chosen(cell, facts))
    yield from (Fact(name, value) for name, value in rest(facts))
    price = {name: value for name, value in cost.items() if name not in (*MACHINE, "pretraining")}
    yield Fact("cost", words(price) or "unknown")
    if named := machine(cost):
        yield Fact("machine", named.title, named.anchor)
    code = digest(record["fingerprint"])[:8]
    yield Fact("code", code, anchor("code", code))


def told(result: Result, reason: str) -> str:
    """How a cell stands, with the reason."""
    text = standing(result)
    if result.state is State.STALE:
        text += f": changed since: {', '.join(result.changes)}"
    if result.state is State.FOREIGN:
        text += ": the method is not installed here, so its code cannot be compared"
    return text if result.status is Status.DONE else f"{text}: {reason}"


def pool(facts: Mapping[str, Any]) -> str:
    """What was pre-trained on, and what was left out of it."""
    return (
        f"{facts.get('pool', 'unknown')}: {facts.get('pool images', 'unknown')} images; "
        f"{facts.get(EXCLUDED, 'unknown')} more left out because they recur among test images "
        f"(leaks: {facts.get('leaks', 'policy unknown')}); "
        f"{facts.get('pool images skipped', 0)} without a usable field of view skipped"
    )


def chosen(cell: Wanted, facts: Mapping[str, Any]) -> str:
    """Where the hyperparameters are from."""
    if cell.given:
        return "unknown: the weights are from a file"
    found = facts.get("tuned")
    details = f" ({words(found)})" if found else ""
    if cell.trials:
        return f"best of {cell.tuning} by validation images{details}"
    return f"tuned{details}" if found else "defaults of the method's Config, not tuned"


def rest(facts: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Whatever else a cell says of itself: stages with their selection, floors, capabilities."""
    for name, value in facts.items():
        if name not in TOLD:
            yield name, words(value) if isinstance(value, Mapping) else short(value)
