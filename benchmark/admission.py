"""What a class must be before anything is computed with it; the contract asks for more."""

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields, is_dataclass
from typing import TYPE_CHECKING, Any

from benchmark.outside import OutsideError, in_one_line
from tasks.base import NORMALISATION, Task, TaskInfo

if TYPE_CHECKING:
    from methods.base import Method

#: What every ``Config`` holds (``methods.base.TrainingConfig``).
SETTINGS = ("learning_rate", "weight_decay", "batch_size")
LINK = re.compile(r"https://[^\s/]+\.\S+")
#: The first of a data set's pages: there may be two, and some owners have no certificate.
PAGE = re.compile(r"https?://[^\s/]+\.\S+")


def admitted_method(found: Any, name: str, where: str) -> "type[Method[Any]]":  # noqa: ANN401
    """The class, if it can be trained.

    Args:
        found: What "module:Class" holds.
        name: Under which it is registered.
        where: "module:Class".

    Raises:
        OutsideError: Naming the class, what is wrong with it and the remedy.
    """
    for mistake in method_mistakes(found, name):
        raise OutsideError(f"{where} {mistake}")
    admitted: type[Method[Any]] = found
    return admitted


def method_mistakes(found: Any, name: str) -> Iterator[str]:  # noqa: ANN401
    """What keeps a class from being a method, the gravest first."""
    from methods.base import Method  # noqa: PLC0415  (tasks are listed without torch)

    if not (isinstance(found, type) and issubclass(found, Method)):
        yield "is no method: derive the class from methods.base.Method"
        return
    yield from named(found, name)
    yield from config_mistakes(getattr(found, "Config", None))
    paper = getattr(found, "paper", None)
    if not (isinstance(paper, str) and LINK.fullmatch(paper)):
        yield f'has {paper!r} for its paper: give a link, paper = "https://..."'
    yield from unwritten(found)


def named(found: type, name: str) -> Iterator[str]:
    """Whether a class goes by the name under which it is registered."""
    own = getattr(found, "name", None)
    if own != name:
        yield (
            f"has the name {own!r} and is registered as {name!r}: write name = {name!r} in the "
            "class, or change its entry point"
        )


def unwritten(found: Any) -> Iterator[str]:  # noqa: ANN401
    """Which functions a class lacks."""
    if inspect.isabstract(found):
        yield f"lacks {', '.join(sorted(found.__abstractmethods__))}: write them"


def config_mistakes(config: Any) -> Iterator[str]:  # noqa: ANN401
    """What keeps a class from being a method's settings."""
    remedy = f"give it a frozen dataclass Config with {', '.join(SETTINGS)}"
    if config is None:
        yield f"has no Config: {remedy}"
        return
    if not (isinstance(config, type) and is_dataclass(config)):
        yield f"has a Config that is no dataclass: {remedy}"
        return
    if not config.__dataclass_params__.frozen:  # type: ignore[attr-defined]
        yield "has a Config that can change: write @dataclass(frozen=True, slots=True)"
    entries = {entry.name: entry for entry in fields(config)}
    if lacking := [name for name in SETTINGS if name not in entries]:
        yield f"has a Config without {', '.join(lacking)}: {remedy}"
    bare = [
        name
        for name, entry in entries.items()
        if entry.init and entry.default is MISSING and entry.default_factory is MISSING
    ]
    if bare:
        yield f"has a Config without defaults for {', '.join(bare)}: every default lives there"


def admitted_task(found: Any, name: str, where: str) -> Task:  # noqa: ANN401
    """An instance of the class, if encoders can be scored on it.

    Args:
        found: What "module:Class" holds.
        name: Under which it is registered.
        where: "module:Class".

    Raises:
        OutsideError: Naming the class, what is wrong with it and the remedy.
    """
    for mistake in task_mistakes(found, name):
        raise OutsideError(f"{where} {mistake}")
    try:
        made: Task = found()
    except Exception as error:
        raise OutsideError(
            f"{where} cannot be made: {in_one_line(error)}: it must take no arguments"
        ) from error
    return made


def task_mistakes(found: Any, name: str) -> Iterator[str]:  # noqa: ANN401
    """What keeps a class from being a task, the gravest first."""
    if not (isinstance(found, type) and issubclass(found, Task)):
        yield "is no task: derive the class from tasks.segmentation.SegmentationTask"
        return
    yield from named(found, name)
    info = getattr(found, "info", None)
    if not isinstance(info, TaskInfo):
        yield "has no info: give it a tasks.base.TaskInfo"
        return
    if info.domain not in NORMALISATION:
        yield f"has images of {info.domain!r}: domain is {' or '.join(map(repr, NORMALISATION))}"
    if not PAGE.match(info.page):
        yield f"has {info.page!r} for its page: give a link to where the data is obtained"
    if not isinstance(getattr(found, "protocol", None), str):
        yield "has no protocol: name the way it is scored"
    yield from unwritten(found)
