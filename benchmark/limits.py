"""The most that a cell may take, and what it means to run out of memory."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch

from benchmark.machine import Meter
from benchmark.overtime import ExceededError, Hung, overtime
from methods.errors import TrainingError


class OutOfMemoryError(TrainingError):
    """A training did not fit into memory; names the batch."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one pre-training or one fine-tuning may take.

    Attributes:
        seconds: Of wall time, over all of its runs; None for no limit.
        mebibytes: Of memory, the most that each step took; None for no limit.
    """

    seconds: float | None = None
    mebibytes: float | None = None

    def timed(self, meter: Meter, hung: Hung) -> AbstractContextManager[None]:
        """Within it a step that does not end is interrupted; see ``benchmark.overtime``."""
        if self.seconds is None:
            return nullcontext()
        most = self.seconds
        return overtime(lambda: meter.spent()["wall_seconds"] - most, self.too_long(most), hung)

    def too_long(self, seconds: float) -> ExceededError:
        """What to say of a training that took more time."""
        return ExceededError(
            f"took more than the {seconds / 3600:g} hours that the plan's limits.hours allows: "
            "raise it and run with --retry-failed"
        )

    def watch(self, meter: Meter, observe: Callable[[int], None]) -> Callable[[int], None]:
        """``observe`` that also sees to the limits after each step.

        Raises:
            ExceededError: From the function returned.
        """

        def watched(count: int) -> None:
            observe(count)
            if self.seconds is not None and meter.spent()["wall_seconds"] > self.seconds:
                raise self.too_long(self.seconds)
            if self.mebibytes is not None and (taken := meter.most()) > self.mebibytes:
                raise ExceededError(
                    f"took {taken} MiB of memory, more than the "
                    f"{self.mebibytes / 1024:g} GiB that the plan's limits.memory_gib allows: "
                    "raise it and run with --retry-failed"
                )

        return watched


@contextmanager
def memory_named(batch: int, side: int) -> Iterator[None]:
    """Say what did not fit.

    Raises:
        OutOfMemoryError: In the place of whatever tells that memory has run out.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        # The CPU's allocator raises a plain RuntimeError.
        known = isinstance(error, MemoryError | torch.OutOfMemoryError)
        told = ("can't allocate memory", "CUDA error: out of memory")
        if not known and not any(text in str(error) for text in told):
            raise
        raise OutOfMemoryError(
            f"out of memory with batches of {batch} images of {side} px: use a larger machine; a "
            f"smaller batch is another experiment ({str(error).splitlines()[0][:200]})"
        ) from error
