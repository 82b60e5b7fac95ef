"""What many cells have in common: encoders, code and machines."""

from collections.abc import Iterator, Mapping
from typing import Any

from benchmark.asked import flat
from benchmark.cells import EMULATES
from benchmark.report.page.origin import Fact, Shared, anchor
from benchmark.report.page.wording import DIGITS, short, words
from benchmark.store import ENCODER_RECORD
from tasks.manifest import digest

#: What of a cost tells the machine, not the price.
MACHINE = ("device", "threads", "cores", EMULATES, "python", "versions", "commit")
#: What a machine is called by.
NAMING = ("device", "cores", "python", "versions.torch", "commit")
#: Headings of what cells share.
ENCODERS, CODE, MACHINES = "Encoders", "Code", "Machines"


def parts(record: Mapping[str, Any]) -> Iterator[tuple[str, Shared]]:
    """What a cell shares with others, each with its heading."""
    cost, name = record["cost"], record["facts"].get("encoder")
    before = cost.get("pretraining", {})
    for spent in (cost, before):
        if known := machine(spent):
            yield MACHINES, known
    if name is not None:
        yield ENCODERS, encoder(name, record["pretrain"], before)
    code = digest(record["fingerprint"])[:8]
    modules = tuple(Fact(k, v[:DIGITS]) for k, v in sorted(record["fingerprint"].items()))
    yield CODE, Shared(anchor("code", code), f"{code}: {record['key']['method']}", modules)


def encoder(name: str, key: Mapping[str, Any], cost: Mapping[str, Any]) -> Shared:
    """What an encoder was trained by."""
    price = {part: value for part, value in cost.items() if part not in MACHINE}
    facts = [
        Fact("folder", f"encoders/{name}/{ENCODER_RECORD}"),
        *(
            Fact(part, words(value) if isinstance(value, Mapping) else short(value))
            for part, value in key.items()
            if part != "method"
        ),
        Fact("cost", words(price) or "unknown"),
    ]
    if known := machine(cost):
        facts.append(Fact("machine", known.title, known.anchor))
    title = f"{key['method']} on {key['pool']}, seed {key['seed']}: {name}"
    return Shared(anchor("encoder", name), title, tuple(facts))


def machine(cost: Mapping[str, Any]) -> Shared | None:
    """What a cost was paid on; None if it does not say."""
    known = {name: cost[name] for name in MACHINE if cost.get(name) is not None}
    if not {"device", "python", "versions"} & known.keys():
        return None
    title = ", ".join(
        f"{name} {short(value)}" for name, value in flat(known).items() if name in NAMING
    )
    facts = tuple(Fact(name, short(value)) for name, value in flat(known).items())
    return Shared(anchor("machine", digest(known)[:8]), title or "a machine", facts)
