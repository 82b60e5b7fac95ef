"""From an image's costs to an encoder's and a cell's: how many images each passes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from benchmark.forecast.probe import Spent, Started
from benchmark.forecast.tuning import Tuning
from benchmark.parts import BudgetPart
from methods.collapse import LOOKED_AT
from methods.order import timetable
from methods.statistics import calibration_images
from methods.validation import VALIDATION_SHARE
from tasks.finetuning import STAGES
from tasks.labelled import Settings


@dataclass(frozen=True, slots=True)
class Work:
    """What something takes.

    Attributes:
        trained: Images drawn in training steps.
        seen: Images passed besides: validation, tests, recalibration, passes over the pool.
        operations: Floating-point operations.
        seconds: On this machine.
        size: Bytes left on disk.
    """

    trained: int = 0
    seen: int = 0
    operations: float = 0.0
    seconds: float = 0.0
    size: int = 0

    def times(self, count: int) -> "Work":
        """As often."""
        return Work(*(count * getattr(self, entry.name) for entry in fields(self)))


def together(works: Sequence[Work]) -> Work:
    """What several things take one after another."""
    return Work(*(sum(getattr(work, entry.name) for work in works) for entry in fields(Work)))


@dataclass(frozen=True, slots=True)
class Counts:
    """Images of a pool or a task: those that train, validate and test."""

    train: int
    validation: int
    test: int = 0


def encoder(
    start: Started, budget: BudgetPart, pool: Counts, spent: Spent, tuning: Tuning, size: int
) -> Work:
    """One pre-training.

    Args:
        start: The method with the plan's settings.
        budget: What the plan spends.
        pool: Its images.
        spent: What an image drawn takes.
        tuning: What an image takes that the encoder looks at.
        size: Bytes that it leaves.
    """
    batch, drawn = start.batch_size, budget.images if start.method.phases else 0
    phases = timetable(type(start.method), batch, budget.images)
    steps = sum(map(len, phases.values()))
    checks = min(budget.checks, steps) if pool.validation else 0
    validated = checks * max(1, round(VALIDATION_SHARE * steps / max(checks, 1))) * batch
    looked_at = checks * min(pool.validation, LOOKED_AT)
    epochs = math.ceil(drawn / pool.train)
    passed = round((start.before + start.between * epochs) * pool.train)
    calibrated = 0
    if budget.statistics == "recalibrated":
        calibrated = len(calibration_images(pool.train))
    # A look takes the method's vectors and the encoder's features, each a pass of its own.
    plain = 2 * looked_at + calibrated
    return Work(
        trained=drawn,
        seen=validated + looked_at + passed + calibrated,
        operations=drawn * spent.both
        + (validated + passed) * spent.forward
        + plain * tuning.encode.forward,
        seconds=drawn * spent.seconds
        + (validated + passed) * spent.seconds_forward
        + plain * tuning.encode.seconds,
        size=size,
    )


def cell(
    stages: tuple[str, ...], settings: Settings, task: Counts, tuning: Tuning, size: int
) -> Work:
    """One cell: its stages' steps, the validation at every check, the test images of each stage."""
    works = []
    for stage in stages:
        steps = STAGES[stage][1] * settings.steps
        trained, spent = steps * settings.batch_size, tuning.stages[stage]
        seen = min(settings.checks, steps) * task.validation + task.test
        works.append(
            Work(
                trained=trained,
                seen=seen,
                operations=trained * spent.both + seen * tuning.look.forward,
                seconds=trained * spent.seconds + seen * tuning.look.seconds,
            )
        )
    return together([*works, Work(size=size)])
