"""The most that a cell may take, and what it means to run out of memory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from benchmark.machine import Meter, resident
from methods.errors import TrainingError


class ExceededError(TrainingError):
    """A training took more time or memory than the plan allows."""


class OutOfMemoryError(TrainingError):
    """A training did not fit into memory; names the batch."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that one pre-training or one fine-tuning may take.

    Attributes:
        seconds: Of wall time, over all of its runs; None for no limit.
        mebibytes: Of memory, looked at after each step; None for no limit.
    """

    seconds: float | None = None
    mebibytes: float | None = None

    def watch(
        self, meter: Meter, device: torch.device, observe: Callable[[int], None]
    ) -> Callable[[int], None]:
        """``observe`` that also sees to the limits after each step.

        Raises:
            ExceededError: From the function returned.
        """

        def watched(count: int) -> None:
            observe(count)
            if self.seconds is not None and meter.spent()["wall_seconds"] > self.seconds:
                raise ExceededError(
                    f"took more than the {self.seconds / 3600:g} hours that the plan's "
                    "limits.hours allows: raise it and run with --retry-failed"
                )
            if self.mebibytes is not None and resident(device) > self.mebibytes:
                raise ExceededError(
                    f"took {resident(device)} MiB of memory, more than the "
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
        if not known and "can't allocate memory" not in str(error):
            raise
        raise OutOfMemoryError(
            f"out of memory with batches of {batch} images of {side} px: use a larger machine; a "
            f"smaller batch is another experiment ({str(error).splitlines()[0][:200]})"
        ) from error
