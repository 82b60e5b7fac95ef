"""What to run: a TOML file, checked before anything is computed."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, cast, get_args

from pydantic import BeforeValidator, Field, ValidationError

from benchmark import registry
from benchmark.parts import (
    BudgetPart,
    DownstreamPart,
    EncoderPart,
    LandmarksPart,
    LimitsPart,
    Part,
    PhantomPart,
    ShapePart,
    TunedPart,
    TuningPart,
)
from benchmark.plan_files import plan_record
from benchmark.registry import known
from benchmark.threads import share
from methods.errors import ConfigError
from tasks import LANDMARKS
from tasks.base import Domain
from tasks.landmarks.data import STRIDE
from tasks.pools import pool_called
from tasks.priors import modality_of

#: What a row of somebody else's weights may be called.
ROW = re.compile(r"[a-z0-9_][a-z0-9_-]{0,49}")


#: Threads that a plan leaves open: the cores, divided between the workers.
DIVIDED = "divided"


def settled(value: object, info: Any) -> object:  # noqa: ANN401  (pydantic's own)
    """A plan's threads as a number."""
    return (info.context or share(1)) if value == DIVIDED else value


Threads = Annotated[int, BeforeValidator(settled)]


class Plan(Part):
    """A comparison: every method on every task with every seed, on equal terms."""

    title: str
    methods: list[str] = Field(min_length=1)
    tasks: list[str] = Field(min_length=1)
    seeds: list[int] = Field(min_length=1)
    pools: dict[Domain, str]
    size: int = Field(ge=32, le=512)
    width: Literal["tiny", "small", "full"] = "tiny"
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    threads: Threads = Field(default=cast(int, DIVIDED), gt=0, validate_default=True)
    ranks: int = Field(default=1, gt=0)
    augmentation: Literal["own", "shared"] = "own"
    leaks: Literal["exclude", "error", "allow"] = "exclude"
    budget: BudgetPart
    downstream: DownstreamPart = DownstreamPart()
    landmarks: LandmarksPart = LandmarksPart()
    limits: LimitsPart = LimitsPart()
    phantom: PhantomPart = PhantomPart()
    config: dict[str, dict[str, Any]] = Field(default={})
    encoders: dict[str, EncoderPart] = Field(default={})
    shapes: dict[str, ShapePart] = Field(default={})
    tuning: TuningPart = TuningPart()
    tuned: dict[str, dict[Domain, TunedPart]] = Field(default={})
    skip: dict[str, str] = Field(default={})


def read_plan(path: Path, threads: int | None = None) -> Plan:
    """Read and check a plan, over its base if it names one.

    Args:
        path: The TOML file.
        threads: Of a cell, if the plan leaves them open; all cores if None.

    Raises:
        ConfigError: If a file is missing, is no TOML, or has unknown keys or wrong values.
        UnknownNameError: If it names an unknown method, task or pool.
    """
    plan = checked(plan_record(path), str(path), threads)
    tasks = [str(path.parent / name) if name.endswith(".toml") else name for name in plan.tasks]
    encoders = {
        name: part.model_copy(update={"file": str(path.parent / part.file)})
        for name, part in plan.encoders.items()
    }
    shapes = {name: beside(path.parent, part) for name, part in plan.shapes.items()}
    return plan.model_copy(update={"tasks": tasks, "encoders": encoders, "shapes": shapes})


def beside(folder: Path, part: ShapePart) -> ShapePart:
    """A shape prior whose folder is relative to another one, unless it is drawn."""
    if modality_of(part.masks) is not None:
        return part
    return part.model_copy(update={"masks": str(folder / part.masks)})


def checked(record: dict[str, Any], place: str, threads: int | None = None) -> Plan:
    """A plan from a table.

    Args:
        record: The table.
        place: Where it comes from, for errors.
        threads: Of a cell, if the record leaves them open; all cores if None.

    Raises:
        ConfigError: If it has unknown keys or wrong values.
        UnknownNameError: If it names an unknown method, task or pool.
    """
    check_keys(record, Plan, "")
    try:
        plan = Plan.model_validate(record, context=threads)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise ConfigError(f"{place}: {key}: {first['msg']}, not {first['input']!r}") from error
    check_names(plan)
    check_rows(plan)
    check_shapes(plan)
    check_landmarks(plan)
    check_tuning(plan)
    check_skipped(plan)
    plan.downstream.check(trained=not set(plan.tasks) <= set(LANDMARKS))
    return plan


def check_landmarks(plan: Plan) -> None:
    """Refuse sizes at which coarse features would be misplaced, before anything is drawn or read.

    Raises:
        ConfigError: If the size is no multiple of 16 and there is a landmark task.
    """
    landmarks = [name for name in plan.tasks if name in LANDMARKS]
    if landmarks and plan.size % STRIDE:
        raise ConfigError(
            f"size = {plan.size}, and {landmarks[0]} needs a multiple of {STRIDE}, e.g. "
            f"{max(plan.size // STRIDE, 2) * STRIDE}: of any other, coarse features lie beside the "
            "places that they are of"
        )


def check_rows(plan: Plan) -> None:
    """Refuse rows of somebody else's weights or of a shape prior without a name of their own.

    Raises:
        ConfigError: If a row's name is none, is taken, or is not among the plan's methods.
    """
    for table, name in [(t, n) for t in ("encoders", "shapes") for n in getattr(plan, t)]:
        place = f"[{table}.{name}]"
        if not ROW.fullmatch(name):
            raise ConfigError(f"{place}: call the row by a-z, 0-9, _ and -")
        if name in registry.methods():
            raise ConfigError(f"{place}: {name} is a method: give the row another name")
        if name in plan.encoders and name in plan.shapes:
            raise ConfigError(f"{place}: two rows are called {name}: give one another name")
        if name not in plan.methods:
            raise ConfigError(f'{place} is no row: add "{name}" to methods')


def check_shapes(plan: Plan) -> None:
    """Refuse priors that are not drawn, and settings that leave a row without a cell.

    Raises:
        ConfigError: If they do, or label fractions are asked for where no label is used.
    """
    part = plan.downstream
    for shape in plan.shapes.values():
        modality_of(shape.masks)
    own = [part.fractions, *(task.fractions or [] for task in part.tasks.values())]
    if plan.shapes and {share for shares in own for share in shares} - {1.0}:
        raise ConfigError("downstream.fractions: [shapes] use no label: leave the fractions out")
    if part.decoder or part.probe or set(plan.tasks) & set(LANDMARKS):
        return
    scored = {"random", "ld", *plan.shapes} if plan.shapes else set[str]()
    for name in plan.methods:
        if name not in scored:
            raise ConfigError(
                f"{name} has nothing to be scored by: leave it out, or set downstream.decoder or "
                "downstream.probe to true"
            )


def check_tuning(plan: Plan) -> None:
    """Refuse unknown names in what concerns tuning, and a seed that would be tuned to.

    Raises:
        ConfigError: If the seed of tuning is one of the plan's.
        UnknownNameError: If a name is unknown.
    """
    for name in plan.tuned:
        known("tuned method", name, registry.methods())
    for name in plan.tuning.tasks:
        known("task of tuning.tasks", name, map(entry, plan.tasks))
    if plan.tuning.seed in plan.seeds:
        raise ConfigError(
            f"tuning.seed {plan.tuning.seed} is among the plan's seeds: give another, so that the "
            "luck of one seed is not what is tuned"
        )


def check_skipped(plan: Plan) -> None:
    """Refuse cells to skip that the plan does not have, and those without a reason.

    Raises:
        ConfigError: If a reason is empty.
        UnknownNameError: If no cell is called that.
    """
    cells = [f"{method}/{entry(task)}" for method in plan.methods for task in plan.tasks]
    for name, reason in plan.skip.items():
        known("METHOD/TASK to skip", name, cells)
        if not reason.strip():
            raise ConfigError(f"skip.{name}: say why, for those who miss it in the table")


def check_keys(record: dict[str, Any], part: type[Part], place: str) -> None:
    """Refuse unknown keys, naming the nearest known one."""
    for key, value in record.items():
        known("plan key", f"{place}{key}", [f"{place}{name}" for name in part.model_fields])
        inner = part.model_fields[key].annotation
        if not isinstance(value, dict):
            continue
        if isinstance(inner, type) and issubclass(inner, Part):
            check_keys(value, inner, f"{place}{key}.")
        for kind in get_args(inner):  # a table of tables
            for name, table in value.items():
                if isinstance(kind, type) and issubclass(kind, Part) and isinstance(table, dict):
                    check_keys(table, kind, f"{place}{key}.{name}.")


def check_names(plan: Plan) -> None:
    """Refuse unknown and doubled methods, tasks, pools and direct rows."""
    methods, tasks = registry.methods(), registry.tasks()
    for name in plan.methods:
        known("method", name, [*methods, *plan.encoders, *plan.shapes])
    drawing = [name for name in methods if name != "random"]
    for name in plan.budget.own:
        known("method of budget.own", name, drawing)
    for name in plan.config:
        known("method with settings", name, [*methods, *plan.shapes])
    for name in plan.tasks:
        if not name.endswith(".toml"):
            known("task", name, tasks)
    for domain, name in plan.pools.items():
        pool = pool_called(name, domain)
        if pool.domain != domain:
            raise ConfigError(f"pool {name} holds {pool.domain} images, not {domain}")
    for name in plan.downstream.direct:
        known("method of downstream.direct", name, plan.methods)
    for name in plan.downstream.tasks:
        known("task of downstream.tasks", name, map(entry, plan.tasks))
    for what, names in (("methods", plan.methods), ("tasks", plan.tasks), ("seeds", plan.seeds)):
        if len(set(names)) < len(names):
            raise ConfigError(f"{what} lists a name twice: {names}")


def entry(task: str) -> str:
    """How ``downstream.tasks`` calls a task: as ``tasks`` does, an own one by its file's stem."""
    return Path(task).stem if task.endswith(".toml") else task
