"""Methods and tasks of installed packages: listed by their entry points, imported when used.

A package takes part with an entry point in one of ``GROUPS``, "name = module:Class". Nothing of it
runs until its method or task is asked for by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from operator import attrgetter
from typing import Any, Literal

from methods.errors import InputError

Kind = Literal["method", "task"]

#: Where packages announce what they have.
GROUPS: dict[Kind, str] = {"method": "ldbench.methods", "task": "ldbench.tasks"}


class OutsideError(InputError):
    """A package's entry point or class that cannot be used; names it and the remedy."""


@dataclass(frozen=True, slots=True)
class Outside:
    """What is known of a package's method or task without importing it.

    Attributes:
        where: "module:Class".
        package: The distribution with its version.
    """

    where: str
    package: str

    def __str__(self) -> str:
        return f"{self.where} of {self.package}"


def announced(kind: Kind, ours: Mapping[str, str]) -> dict[str, Outside]:
    """Every method or task of installed packages, by name.

    Args:
        kind: Of what.
        ours: "module:Class" of this project's own, by name.

    Raises:
        OutsideError: If a name is taken, naming both places.
    """
    places = {name: Outside(where, "ldbench itself") for name, where in ours.items()}
    found: dict[str, Outside] = {}
    for entry in sorted(entry_points(group=GROUPS[kind]), key=lambda entry: entry.name):
        place = Outside(entry.value.partition("[")[0].strip(), package_of(entry))
        if entry.name in places:
            raise OutsideError(
                f"two {kind}s are called {entry.name!r}: {places[entry.name]} and {place}: "
                f"rename one's entry point in {GROUPS[kind]}, or uninstall its package"
            )
        places[entry.name] = found[entry.name] = place
    return found


def package_of(entry: EntryPoint) -> str:
    """The distribution that an entry point comes from, with its version."""
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unnamed package"


def found(where: str) -> Any:  # noqa: ANN401
    """The object at "module:Class"."""
    module, _, name = where.partition(":")
    return attrgetter(name)(import_module(module))


def load(where: str) -> Any:  # noqa: ANN401
    """The object at a package's "module:Class".

    Raises:
        OutsideError: If it cannot be imported, whatever the reason; names the place and the error.
    """
    try:
        return found(where)
    except Exception as error:
        module = where.partition(":")[0]
        raise OutsideError(
            f"{where} cannot be imported: {in_one_line(error)}: mend it, or uninstall its package; "
            f"`python -c 'import {module}'` shows more"
        ) from error


def in_one_line(error: Exception) -> str:
    """An error's type and message without line breaks."""
    return " ".join(f"{type(error).__name__}: {error}".split())
