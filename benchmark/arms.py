"""In which stages a method's encoder is scored, a cell each, and what such a cell depends on."""

from collections.abc import Sequence
from typing import Any

from benchmark.cells import canonical
from benchmark.plan import Plan
from tasks import guided, landmarks, probing
from tasks.base import Task
from tasks.listed import ListedTask

TWO_STAGES = ("frozen", "finetuned")
FROZEN = ("frozen",)
ONE_STAGE = ("direct",)
PROBE: tuple[str, ...] = probing.STAGES
#: Landmarks by an encoder's features, where its method has no dense embedding; and by none.
FEATURES = (landmarks.FEATURES,)
RIVALS: tuple[str, ...] = landmarks.RIVALS
#: The row in which what knows no encoder stands, once: it is in every plan that compares fairly.
RIVALS_ROW = "random"
#: Those of a task's settings that a probe depends on: it takes no training steps.
PROBED = ("size", "fraction", "precision")
#: What the training of a second network on pseudo-labels depends on.
REFINED = (*PROBED, "steps", "batch_size", "learning_rate")
#: Those that landmarks depend on where no encoder is asked.
LOOKED_AT = ("size", "fraction", "supports", "window")


def arms(plan: Plan, method: str, task: ListedTask) -> list[tuple[str, ...]]:
    """The stages of each cell that a method has on a task, seed and label fraction."""
    if task.family == "landmarks":
        own = landmarks.ENCODED if embeds(plan, method) else FEATURES
        return [own, *([RIVALS] if method == RIVALS_ROW else [])]
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

    Frangi's filter uses no encoder; it belongs to the row that is in every plan.
    """
    if method in plan.shapes:
        return [guided.RULES, guided.REFINED]
    rivals: dict[str, list[tuple[str, ...]]] = {RIVALS_ROW: [guided.FRANGI], "ld": [guided.ORACLE]}
    return rivals.get(method, []) if plan.shapes else []


def embeds(plan: Plan, method: str) -> bool:
    """Whether a method gives every pixel a vector; somebody else's encoder does not."""
    from benchmark.rows import method_of  # noqa: PLC0415  (imports torch)
    from methods.base import DenseEmbedding  # noqa: PLC0415

    return method not in plan.encoders and issubclass(method_of(plan, method), DenseEmbedding)


def trains(stages: Sequence[str]) -> bool:
    """Whether anything is trained in cells of these stages."""
    untrained = {*probing.STAGES, *landmarks.STAGES, *guided.STAGES} - {*guided.REFINED}
    return not set(stages) <= untrained


def of_landmarks(stages: Sequence[str]) -> bool:
    """Whether cells of these stages are of landmark tasks, which have a table of their own."""
    return set(stages) <= set(landmarks.STAGES)


def settings_of(settings: Any, stages: tuple[str, ...]) -> dict[str, Any]:  # noqa: ANN401
    """What cells of these stages depend on, of a task's settings."""
    every: dict[str, Any] = canonical(settings)
    matter: dict[tuple[str, ...], tuple[str, ...]] = {
        **dict.fromkeys((PROBE, *guided.CELLS), PROBED),
        guided.REFINED: REFINED,
        RIVALS: LOOKED_AT,
    }
    return {name: every[name] for name in matter.get(stages, tuple(every))}


def protocol_of(task: Task, stages: tuple[str, ...]) -> str:
    """How a task scores cells of these stages; bumped when what a score means changes."""
    if stages in guided.CELLS:
        return f"{task.protocol} {guided.PROTOCOL}"
    return f"{task.protocol} {probing.PROTOCOL}" if stages == PROBE else task.protocol
