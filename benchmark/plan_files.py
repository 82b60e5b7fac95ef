"""A plan's TOML file, laid over the plan that it builds on."""

import tomllib
from pathlib import Path
from typing import Any

from methods.errors import ConfigError

#: The key that names the plan built on; it stands in files alone.
BASE = "base"


def plan_record(path: Path) -> dict[str, Any]:
    """What a plan says: all of its base, replaced by what it says itself, table by table.

    Raises:
        ConfigError: If a file is missing or no TOML, or its base is no plan beside it or has a base
            of its own.
    """
    record = toml(path)
    base = record.pop(BASE, None)
    if base is None:
        return record
    if not isinstance(base, str) or Path(base).name != base:
        raise ConfigError(
            f"{path}: base = {base!r}: name a plan that lies beside this one, as the "
            "paths in a plan are relative to it"
        )
    beneath = toml(path.parent / base, f", the base of {path.name}")
    if BASE in beneath:
        raise ConfigError(
            f"{path}: its base {base} has a base of its own: name {beneath[BASE]!r} and say the "
            "rest here"
        )
    return laid_over(beneath, record)


def toml(path: Path, part: str = "") -> dict[str, Any]:
    """A TOML file's table.

    Args:
        path: The file.
        part: What it is to another plan, for the error.

    Raises:
        ConfigError: If it is missing or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(f"there is no plan {path}{part}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no TOML: {error}") from error


def laid_over(beneath: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """A table with another's values in place of its own; tables within are laid over alike."""
    both = dict(beneath)
    for key, value in above.items():
        under = both.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            both[key] = laid_over(under, value)
        else:
            both[key] = value
    return both
