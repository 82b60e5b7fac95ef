"""A plan with the hyperparameters that tuning has found."""

from collections.abc import Iterable
from itertools import product
from pathlib import Path

from benchmark import registry
from benchmark.asked import difference
from benchmark.ledger import CONTROL
from benchmark.parts import TunedPart
from benchmark.plan import Plan
from benchmark.tuning.snapshot import Snapshot, snapshots
from methods import METHODS
from methods.errors import ConfigError
from tasks.base import Domain
from tasks.labelled import Settings


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
        name: {domain: found(plan, folder, studies, name, domain) for domain in domains}
        for name in rows
    }
    return plan.model_copy(update={"tuned": {**plan.tuned, **tuned}})


def tunable(plan: Plan, name: str) -> bool:
    """Whether a row has hyperparameters."""
    if name == CONTROL or name in plan.encoders | plan.shapes:
        return False
    if name in METHODS:
        return True
    from methods.tunable import tunables  # noqa: PLC0415

    return bool(tunables(registry.method(name).Config))  # imports another package


def found(
    plan: Plan, folder: Path, studies: list[Snapshot], method: str, domain: Domain
) -> TunedPart:
    """The best trial of a method on a domain.

    Raises:
        ConfigError: If there is none, or more than one study, or it does not suit the plan.
    """
    own = studied(plan, studies, method, domain)
    if not own:
        known = ", ".join(sorted({f"{study.method} on {study.domain}" for study in studies}))
        raise ConfigError(
            f"{folder} holds no study of {method} on {domain} images (it holds {known}): tune "
            f"{method} with as many trials, or leave it out with --method"
        )
    if len(own) > 1:
        raise ConfigError(
            f"{folder} holds {len(own)} studies of {method} on {domain} images, by "
            f"{', '.join(str(study.images[-1]) for study in own)} images drawn: give the plan one "
            "of these budgets, or keep one study a folder"
        )
    (study,) = own
    if not study.finished:
        raise ConfigError(
            f"the study {study.name!r} in {folder} is not finished: run `ldbench tune` again first"
        )
    suits(plan, study)
    best = study.best
    if best is None:
        raise ConfigError(
            f"every trial of the study {study.name!r} in {folder} has failed: see `ldbench tune "
            f"report {folder}`"
        )
    terms = study.terms
    settings = [task["settings"] for task in terms["tasks"].values()]
    return TunedPart(
        config=best.params,
        trial=best.index,
        study=study.name,
        kind=terms["images"],
        brackets=study.brackets,
        images=study.images[-1],
        rungs=terms["rungs"],
        factor=terms["factor"],
        sampler=terms["sampler"],
        stage=terms["stage"],
        tasks=[*terms["tasks"]],
        selection=settings[0].get("selection", Settings().selection),
    )


def studied(plan: Plan, studies: Iterable[Snapshot], method: str, domain: Domain) -> list[Snapshot]:
    """The studies of a method on a domain: those of the plan's budget, or all if it has none."""
    own = [study for study in studies if (study.method, study.domain) == (method, domain)]
    images = plan.tuning.images or plan.budget.images
    return [study for study in own if study.images[-1] == images] or own


def suits(plan: Plan, study: Snapshot) -> None:
    """Insist that what a study found may be used for a plan.

    Raises:
        ConfigError: If its seed is one of the plan's, or its trials had other settings besides.
    """
    if study.terms["seed"] in plan.seeds:
        raise ConfigError(
            f"the study {study.name!r} was tuned with the seed {study.terms['seed']}, one of the "
            "plan's: its luck would be counted; leave that seed out"
        )
    here = {"config": plan.config.get(study.method, {}), "augmentation": plan.augmentation}
    for place in difference(study.terms["start"], here):
        raise ConfigError(
            f"the study {study.name!r} differs from the plan in {place}: tune with the plan's "
            "settings, or run with the study's"
        )


def remarks(plan: Plan, folder: Path) -> list[str]:
    """In what a plan differs from the trials that its hyperparameters are from; allowed, but said.

    Takes and raises what ``with_tuned`` does.
    """
    studies = snapshots(folder)
    told = dict.fromkeys(
        place
        for method, domain in product(plan.methods, plan.pools)
        for study in studied(plan, studies, method, domain)
        for place in difference(
            {name: study.terms[name] for name in ("size", "width", "leaks")}
            | {"pool": study.terms["pool"]["name"], "budget.images": study.images[-1]},
            {"size": plan.size, "width": plan.width, "leaks": plan.leaks}
            | {"pool": plan.pools[study.domain], "budget.images": plan.budget.images},
        )
    )
    return [f"tuned with another {place.replace(', not ', ', here ')}" for place in told]
