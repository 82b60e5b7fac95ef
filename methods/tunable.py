"""Search ranges, declared beside the default they belong to."""

from dataclasses import dataclass, field, fields
from typing import Any

Value = int | float


@dataclass(frozen=True, slots=True)
class Range:
    """Where a hyperparameter may be searched: [low, high], on a log scale if ``log``."""

    low: Value
    high: Value
    log: bool = False


def tunable(default: Any, low: Value, high: Value, *, log: bool = False) -> Any:  # noqa: ANN401
    """A ``Config`` field with its default and its search range.

    Raises:
        ValueError: If the default lies outside the range, or a log range reaches zero.
    """
    if not low <= default <= high:
        raise ValueError(f"default {default} lies outside its search range [{low}, {high}]")
    if log and low <= 0:
        raise ValueError(f"a log range must start above zero, not at {low}")
    return field(default=default, metadata={"range": Range(low, high, log)})


def tunables(config: type[Any]) -> dict[str, Range]:
    """Each tunable field of a ``Config`` with its range."""
    return {
        entry.name: entry.metadata["range"] for entry in fields(config) if "range" in entry.metadata
    }
