"""In which stages a method's encoder is scored, a cell each, and what such a cell depends on."""

from typing import Any

from benchmark.cells import canonical
from benchmark.plan import Plan
from tasks import guided, probing
from tasks.base import Task
from tasks.labelled import Settings

TWO_STAGES = ("frozen", "finetuned")
FROZEN = ("frozen",)
ONE_STAGE = ("direct",)
PROBE = probing.STAGES
#: Those of a task's settings that a probe depends on: it takes no training steps.
PROBED = ("size", "fraction", "precision")
#: What the training of a second network on pseudo-labels depends on.
REFINED = (*PROBED, "steps", "batch_size", "learning_rate")


def arms(plan: Plan, method: str) -> list[tuple[str, ...]]:
    """The stages of each cell that a method has on a task, seed and label fraction."""
    part = plan.downstream
    asked = {
        TWO_STAGES: part.decoder and part.finetuned,
        FROZEN: part.decoder and not part.finetuned,
        ONE_STAGE: part.decoder and method in part.direct,
        PROBE: part.probe,
    }
    return [*(stages for stages, wanted in asked.items() if wanted), *guided_arms(plan, method)]


def guided_arms(plan: Plan, method: str) -> list[tuple[str, ...]]:
    """The cells without labels: of a shape prior, and of what it is set beside.

    Frangi's filter uses no encoder; it belongs to ``random``, which is in every plan.
    """
    if method in plan.shapes:
        return [guided.RULES, guided.REFINED]
    rivals: dict[str, list[tuple[str, ...]]] = {"random": [guided.FRANGI], "ld": [guided.ORACLE]}
    return rivals.get(method, []) if plan.shapes else []


def settings_of(settings: Settings, stages: tuple[str, ...]) -> dict[str, Any]:
    """What cells of these stages depend on, of a task's settings."""
    every: dict[str, Any] = canonical(settings)
    if stages == guided.REFINED:
        return {name: every[name] for name in REFINED}
    untrained = stages == PROBE or stages in guided.CELLS
    return {name: every[name] for name in PROBED} if untrained else every


def protocol_of(task: Task, stages: tuple[str, ...]) -> str:
    """How a task scores cells of these stages; bumped when what a score means changes."""
    if stages in guided.CELLS:
        return f"{task.protocol} {guided.PROTOCOL}"
    return f"{task.protocol} {probing.PROTOCOL}" if stages == PROBE else task.protocol
