"""The promises of a task."""

from collections.abc import Callable
from typing import Any

TASK_PROMISES: dict[str, Callable[[Any], None]] = {}
