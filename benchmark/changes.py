"""A plan with other values or smaller counts than its file says, checked as the file is."""

import math
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.narrowed import with_methods, with_pools, with_tasks
from benchmark.plan import Plan, checked, read_plan
from methods.errors import ConfigError

#: Keys of which a table has one or the other: setting one drops the other.
EITHER = {"steps": "epochs", "epochs": "steps"}


def with_changes(plan: Plan, changes: list[str], threads: int | None = None) -> Plan:
    """The plan with other values.

    Args:
        plan: What is changed.
        changes: "KEY=VALUE" each, the key's tables parted by dots, the value as TOML writes it;
            quotes around a text may be left out, since a shell takes them away.
        threads: Of a cell, if a change leaves them open; all cores if None.

    Raises:
        ConfigError: If a change is no KEY=VALUE, or its value does not suit.
        UnknownNameError: If there is no such key, method, task or pool.
    """
    record: dict[str, Any] = plan.model_dump(exclude_none=True)
    for change in changes:
        key, mark, text = change.partition("=")
        *tables, last = (part.strip().strip('"') for part in key.split("."))
        if not mark or not last or not all(tables):
            raise ConfigError(f"--set {change}: write KEY=VALUE, for example budget.images=3200")
        inner = record
        for name in tables:
            inner = inner.setdefault(name, {})
            if not isinstance(inner, dict):
                raise ConfigError(f"--set {change}: {name} is no table")
        inner.pop(EITHER.get(last, ""), None)
        inner[last] = toml_value(text)
    return checked(record, "--set", threads) if changes else plan


def toml_value(text: str) -> Any:  # noqa: ANN401
    """A value as TOML reads it, or the text itself where that is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def scaled(plan: Plan, factor: float) -> Plan:
    """The plan with fewer images drawn and fewer fine-tuning steps, all else as it is.

    The images are rounded up to whole groups of every method, and to as many as the smallest batch
    of each of its phases asks for; fine-tuning takes at least a step.

    Args:
        plan: What is scaled.
        factor: Share of the counts that is left, in (0, 1].

    Raises:
        ConfigError: If the factor is out of range.
    """
    if not 0.0 < factor <= 1.0:
        raise ConfigError(f"--scale must lie in (0, 1], not {factor:g}")
    if factor == 1.0:
        return plan
    from benchmark.rows import method_of  # noqa: PLC0415  (imports torch)

    classes = [method_of(plan, name) for name in plan.methods]
    group = math.lcm(*(cls.group for cls in classes))
    # A phase's share is rounded to whole groups, so it may lack one.
    least = [
        (cls.smallest_batch + cls.group) / phase.share for cls in classes for phase in cls.phases
    ]

    def fewer(images: int) -> int:
        wanted = max(images * factor, *least, 1.0)
        return min(math.ceil(wanted / group - 1e-9) * group, images)

    record: dict[str, Any] = plan.model_dump(exclude_none=True)
    record["budget"]["images"] = fewer(plan.budget.images)
    record["budget"]["own"] = {name: fewer(own) for name, own in plan.budget.own.items()}
    tables = [record["downstream"], *record["downstream"]["tasks"].values()]
    for table in tables:
        if "steps" in table:
            table["steps"] = max(1, round(table["steps"] * factor))
        if "epochs" in table:
            table["epochs"] *= factor
    return checked(record, f"--scale {factor:g}")


class Of(NamedTuple):
    """The part of a plan that a command line names; all of it where it names nothing."""

    methods: list[str] | None = None
    tasks: list[str] | None = None
    pools: list[str] | None = None


#: Nothing named.
WHOLE = Of()


def plan_from(
    path: Path,
    scale: float,
    changes: list[str] | None,
    of: Of = WHOLE,
    threads: int | None = None,
) -> Plan:
    """The plan that a command line asks for: read, scaled, then changed, then a part of it.

    Args:
        path: The TOML file.
        scale: See ``scaled``.
        changes: See ``with_changes``.
        of: What is asked for of it.
        threads: Of a cell, if the plan leaves them open; all cores if None.

    Raises:
        ConfigError: If the plan or what changes it cannot be used.
        UnknownNameError: If something unknown is named.
    """
    plan = with_changes(scaled(read_plan(path, threads), scale), changes or [], threads)
    part = with_methods(with_tasks(plan, of.tasks or []), of.methods or [])
    return with_pools(part, of.pools or [])
