"""Names to classes, ours and those of installed packages, imported when they are used."""

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.outside import Outside, announced, found, load
from methods import METHODS, Listed
from methods.errors import ConfigError, UnknownNameError
from tasks import EXTRAS, LANDMARKS, TASKS

if TYPE_CHECKING:
    from methods.base import Method
    from tasks.base import Task
    from tasks.listed import ListedTask
    from tasks.segmentation import SegmentationTask

#: The family of a method about which nothing is known before it is imported.
OUTSIDE = "outside"
#: The module of a plan's rows that are no methods, but encoders trained by somebody else.
GIVEN = "methods.given"
#: The module of a plan's rows with a shape prior.
SHAPE_GUIDED = "methods.ld.shape_guided"
#: Every task of this package.
OURS = TASKS | EXTRAS | LANDMARKS


def known(kind: str, name: str, names: Iterable[str]) -> str:
    """The name itself if it is registered.

    Raises:
        UnknownNameError: Naming the nearest registered name.
    """
    listed = list(names)
    if name in listed:
        return name
    near = difflib.get_close_matches(name, listed, n=1, cutoff=0.0)
    raise UnknownNameError(
        f"unknown {kind} {name!r}; did you mean {near[0]!r}? Known: {', '.join(sorted(listed))}"
    )


def methods() -> dict[str, Listed]:
    """Every method without importing it: ours, then those of installed packages by name.

    Raises:
        OutsideError: If two have one name.
    """
    ours = {name: listed.where for name, listed in METHODS.items()}
    others = {
        name: Listed(
            where=other.where,
            title=name,
            family=OUTSIDE,
            year=None,
            source=other.package,
            backend="-",
        )
        for name, other in announced("method", ours).items()
    }
    return METHODS | others


def outside_tasks() -> dict[str, Outside]:
    """The tasks of installed packages, by name.

    Raises:
        OutsideError: If two tasks have one name.
    """
    return announced("task", OURS)


def tasks() -> dict[str, str]:
    """Where every task is: the twelve, extras, landmarks, then those of installed packages.

    Raises:
        OutsideError: If two have one name.
    """
    return OURS | {name: other.where for name, other in outside_tasks().items()}


def module_of(name: str) -> str:
    """The module that a method's class lives in.

    Raises:
        UnknownNameError: If no method has that name.
    """
    listed = methods()
    return listed[known("method", name, listed)].where.partition(":")[0]


def method(name: str) -> "type[Method[Any]]":
    """The class of a method.

    Raises:
        UnknownNameError: If no method has that name.
        OutsideError: If its class cannot be imported or used.
    """
    from benchmark.admission import admitted_method  # noqa: PLC0415

    listed = methods()
    where = listed[known("method", name, listed)].where
    fetched = found(where) if name in METHODS else load(where)
    return admitted_method(fetched, name, where)


def task(name: str) -> "Task":
    """An instance of a task: a registered one by its name, an own one by its TOML file's path.

    Raises:
        ConfigError: If an own task's files cannot be used.
        UnknownNameError: If no task has that name.
        OutsideError: If its class cannot be imported or used.
    """
    everything = tasks()
    if name.endswith(".toml"):
        from tasks.own import OwnTask  # noqa: PLC0415

        own = OwnTask(Path(name))
        if own.name in everything:
            raise ConfigError(f"{name}: {own.name} is a registered task: give yours another name")
        return own
    from benchmark.admission import admitted_task  # noqa: PLC0415

    where = everything[known("task", name, everything)]
    fetched = found(where) if name in OURS else load(where)
    return admitted_task(fetched, name, where)


def listed(name: str) -> "ListedTask":
    """A task of any family that plans can name.

    Raises:
        UnknownNameError: If no task has that name.
        ConfigError: If the task is of no such family.
    """
    from tasks.listed import ListedTask  # noqa: PLC0415

    loaded = task(name)
    if not isinstance(loaded, ListedTask):
        raise ConfigError(
            f"{name} has no list of prepared images: derive its class from "
            "tasks.segmentation.SegmentationTask"
        )
    return loaded


def segmentation(name: str) -> "SegmentationTask":
    """A task of the segmentation family.

    Raises:
        UnknownNameError: If no task has that name.
        ConfigError: If the task is of another family.
    """
    from tasks.segmentation import SegmentationTask  # noqa: PLC0415

    loaded = task(name)
    if not isinstance(loaded, SegmentationTask):
        raise ConfigError(f"{name} is no segmentation task: this needs images with masks")
    return loaded
