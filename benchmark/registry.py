"""Names to classes, imported when they are used."""

import difflib
import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from methods import METHODS
from methods.errors import UnknownNameError
from tasks import EXTRAS, TASKS

if TYPE_CHECKING:
    from methods.base import Method
    from tasks.base import Task


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
    """An instance of a task, one of the twelve or an extra.

    Raises:
        UnknownNameError: If no task has that name.
    """
    every = TASKS | EXTRAS
    loaded: Task = found(every[known("task", name, every)])()
    return loaded
