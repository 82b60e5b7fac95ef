"""Names to classes, imported when they are used."""

import difflib
import importlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from methods import METHODS
from methods.errors import ConfigError, UnknownNameError
from tasks import EXTRAS, TASKS

if TYPE_CHECKING:
    from methods.base import Method
    from tasks.base import Task
    from tasks.segmentation import SegmentationTask


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


def found(where: str) -> Any:  # noqa: ANN401
    """The class at "module:Class"."""
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(module), name)


def method(name: str) -> "type[Method[Any]]":
    """The class of a method.

    Raises:
        UnknownNameError: If no method has that name.
    """
    loaded: type[Method[Any]] = found(METHODS[known("method", name, METHODS)].where)
    return loaded


def task(name: str) -> "Task":
    """An instance of a task: a registered one by its name, an own one by its TOML file's path.

    Raises:
        ConfigError: If an own task's files cannot be used.
        UnknownNameError: If no task has that name.
    """
    if name.endswith(".toml"):
        from tasks.own import OwnTask  # noqa: PLC0415

        return OwnTask(Path(name))
    everything = TASKS | EXTRAS
    loaded: Task = found(everything[known("task", name, everything)])()
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
