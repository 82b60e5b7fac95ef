"""A plan with the hyperparameters that tuning has found."""

from pathlib import Path

from benchmark import registry
from benchmark.ledger import CONTROL
from benchmark.parts import TunedPart
from benchmark.plan import Plan
from benchmark.tuning.snapshot import Snapshot, snapshots
from methods import METHODS
from methods.errors import ConfigError
from tasks.base import Domain


def with_tuned(plan: Plan, folder: Path) -> Plan:
    """The plan with the best trial of each method on each of its domains.

    Args:
        plan: What to compute.
        folder: Where ``ldbench tune`` has put its studies.

    Raises:
        StoreError: If it holds no study.
        ConfigError: If a method was not tuned on a domain, twice, or not to the end.
    """
    studies = snapshots(folder)
    domains = sorted({registry.task(name).info.domain for name in plan.tasks})
    rows = [name for name in plan.methods if tunable(plan, name)]
    tuned = {
        name: {domain: found(folder, studies, name, domain) for domain in domains} for name in rows
    }
    return plan.model_copy(update={"tuned": {**plan.tuned, **tuned}})


def tunable(plan: Plan, name: str) -> bool:
    """Whether a row has hyperparameters."""
    if name == CONTROL or name in plan.encoders:
        return False
    if name in METHODS:
        return True
    from methods.tunable import tunables  # noqa: PLC0415

    return bool(tunables(registry.method(name).Config))  # imports another package


def found(folder: Path, studies: list[Snapshot], method: str, domain: Domain) -> TunedPart:
    """The best trial of a method on a domain.

    Raises:
        ConfigError: If there is none, or more than one study.
    """
    own = [study for study in studies if (study.method, study.domain) == (method, domain)]
    if not own:
        known = ", ".join(sorted({f"{study.method} on {study.domain}" for study in studies}))
        raise ConfigError(
            f"{folder} holds no study of {method} on {domain} images (it holds {known}): tune "
            f"{method} with as many trials, or leave it out with --method"
        )
    if len(own) > 1:
        raise ConfigError(
            f"{folder} holds {len(own)} studies of {method} on {domain} images: keep one a folder"
        )
    (study,) = own
    if not study.finished:
        raise ConfigError(
            f"the study {study.name!r} in {folder} is not finished: run `ldbench tune` again first"
        )
    best = study.best
    if best is None:
        raise ConfigError(
            f"every trial of the study {study.name!r} in {folder} has failed: see `ldbench tune "
            f"report {folder}`"
        )
    return TunedPart(
        config=best.params,
        trials=sum(study.brackets),
        images=study.images[-1],
        trial=best.index,
        study=study.name,
    )
