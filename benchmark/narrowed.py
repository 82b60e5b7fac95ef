"""A plan with some of its methods or tasks only, or with other pools."""

from pathlib import Path

from benchmark.plan import Plan, check_names, entry
from benchmark.registry import known
from methods.errors import ConfigError
from tasks.pools import POOLS


def with_tasks(plan: Plan, tasks: list[str]) -> Plan:
    """The plan with some of its tasks only, in the plan's order; all of them if none is named.

    Args:
        plan: What to compute.
        tasks: As the plan names them, or an own one by its file's stem.

    Raises:
        UnknownNameError: If one is none of the plan's.
    """
    called = {entry(name): name for name in plan.tasks}
    chosen = part_of("task", plan.tasks, [called.get(name, name) for name in tasks])
    names = set(map(entry, chosen))
    kept = {name: own for name, own in plan.downstream.tasks.items() if name in names}
    downstream = plan.downstream.model_copy(update={"tasks": kept})
    counted = [name for name in plan.tuning.tasks if name in names]
    tuning = plan.tuning.model_copy(update={"tasks": counted})
    skip = {name: why for name, why in plan.skip.items() if name.partition("/")[2] in names}
    return plan.model_copy(
        update={"tasks": chosen, "downstream": downstream, "tuning": tuning, "skip": skip}
    )


def with_methods(plan: Plan, methods: list[str]) -> Plan:
    """The plan with some of its methods only, in the plan's order; all of them if none is named.

    Raises:
        UnknownNameError: If one is none of the plan's.
    """
    chosen = part_of("method", plan.methods, methods)
    direct = [name for name in plan.downstream.direct if name in chosen]
    downstream = plan.downstream.model_copy(update={"direct": direct})
    skip = {name: why for name, why in plan.skip.items() if name.partition("/")[0] in chosen}
    return plan.model_copy(update={"methods": chosen, "downstream": downstream, "skip": skip})


def part_of(kind: str, names: list[str], wanted: list[str]) -> list[str]:
    """Those of the plan's names that are wanted; all of them if none is."""
    for name in wanted:
        known(f"{kind} of the plan", name, names)
    return [name for name in names if name in wanted] if wanted else names


def with_pools(plan: Plan, pools: list[str]) -> Plan:
    """The plan with other pools: "DOMAIN=PATH", or "PATH" where the plan has one domain only.

    Raises:
        ConfigError: If the domain is not said and there are several, or is not the plan's.
        UnknownNameError: If a pool is neither registered nor a path.
    """
    changed = dict(plan.pools)
    for given in pools:
        domain, mark, name = given.partition("=")
        if not mark:
            if len(plan.pools) != 1:
                raise ConfigError(
                    f"--pool {given}: the plan has pools for {', '.join(plan.pools)}; write "
                    f"--pool fundus={given}"
                )
            domain, name = next(iter(plan.pools)), given
        known("domain of a pool", domain, plan.pools)
        path = name if name in POOLS or "/" in name or not Path(name).is_dir() else f"./{name}"
        changed[domain] = path  # type: ignore[index]  # checked a line above
    other = plan.model_copy(update={"pools": changed})
    check_names(other)
    return other
