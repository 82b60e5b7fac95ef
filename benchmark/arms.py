"""In which stages a method's encoder is scored, a cell each, and what such a cell depends on."""

from typing import Any

from benchmark.cells import canonical
from benchmark.plan import Plan
from tasks import probing
from tasks.base import Task
from tasks.labelled import Settings

TWO_STAGES = ("frozen", "finetuned")
FROZEN = ("frozen",)
ONE_STAGE = ("direct",)
PROBE = probing.STAGES
#: Those of a task's settings that a probe depends on: it takes no training steps.
PROBED = ("size", "fraction", "precision")


def arms(plan: Plan, method: str) -> list[tuple[str, ...]]:
    """The stages of each cell that a method has on a task, seed and label fraction."""
    trained = TWO_STAGES if plan.downstream.finetuned else FROZEN
    more = {ONE_STAGE: method in plan.downstream.direct, PROBE: plan.downstream.probe}
    return [trained, *(stages for stages, wanted in more.items() if wanted)]


def settings_of(settings: Settings, stages: tuple[str, ...]) -> dict[str, Any]:
    """What cells of these stages depend on, of a task's settings."""
    every: dict[str, Any] = canonical(settings)
    return {name: every[name] for name in PROBED} if stages == PROBE else every


def protocol_of(task: Task, stages: tuple[str, ...]) -> str:
    """How a task scores cells of these stages; bumped when what a score means changes."""
    return f"{task.protocol} {probing.PROTOCOL}" if stages == PROBE else task.protocol
