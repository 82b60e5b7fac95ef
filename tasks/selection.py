"""Which checkpoint of a fine-tuning stage is scored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Rule = Literal["validation-best", "last", "oracle"]


@dataclass(frozen=True, slots=True)
class Check:
    """What is known when a stage is checked.

    Attributes:
        step: How many steps were taken.
        validation: The validation loss.
        test: Gives the mean Dice of the test images; asking is looking at them.
    """

    step: int
    validation: float
    test: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Selection:
    """A rule: of all checks, the first one of the lowest cost is scored.

    Attributes:
        name: As plans call it.
        cost: Of a check.
        opens_test: Whether the cost depends on the test images.
    """

    name: Rule
    cost: Callable[[Check], float]
    opens_test: bool = False


SELECTIONS: dict[str, Selection] = {
    rule.name: rule
    for rule in (
        Selection("validation-best", lambda check: check.validation),
        # The last step of a stage is always checked.
        Selection("last", lambda check: -check.step),
        # Cheats: an upper bound of what any rule can reach, no score of a method.
        Selection("oracle", lambda check: -check.test(), opens_test=True),
    )
}
