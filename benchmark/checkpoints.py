"""Trainings under way, on disk: what a killed run goes on from.

``OUT/checkpoints/<name>/<number>/`` holds ``tensors.safetensors`` and ``values.json``. The last two
are kept, so that one which was cut short costs no more than the steps since the other.
"""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save

from benchmark.durable import StoreError, intact, put_folder, sealed, write_json
from benchmark.machine import Meter, versions
from methods.checkpoint import Checkpoint, Checkpoints
from methods.parallel import rank

TENSORS, VALUES = "tensors.safetensors", "values.json"
#: Seconds between two checkpoints of one training, and how many are kept.
EVERY, KEPT = 60.0, 2


@dataclass(slots=True)
class Periodic:
    """Due when so many seconds have passed since the last."""

    seconds: float
    last: float = field(default_factory=time.monotonic)

    def __call__(self, step: int) -> bool:
        """Whether it is time, whatever the step."""
        del step
        if time.monotonic() - self.last < self.seconds:
            return False
        self.last = time.monotonic()
        return True


@dataclass(frozen=True, slots=True)
class Interrupted:
    """One training's folder of checkpoints.

    Attributes:
        folder: Where its checkpoints are.
        seconds: Between two checkpoints.
        say: Told what is gone on from, and what cannot be.
    """

    folder: Path
    seconds: float
    say: Callable[[str], None]

    def numbers(self) -> list[int]:
        """The checkpoints that are there, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted(int(path.name) for path in self.folder.iterdir() if path.name.isdigit())

    @property
    def mark(self) -> str:
        """The newest checkpoint, as something that changes when a training gets on."""
        return str(max(self.numbers(), default=""))

    def start(self) -> Checkpoint | None:
        """The newest checkpoint that can be used.

        One of another version of torch cannot: it would not lead to the same bits.
        """
        for number in reversed(self.numbers()):
            try:
                found = read(self.folder / str(number))
            except (StoreError, SafetensorError, ValueError) as error:
                self.say(f"a checkpoint cannot be used, the one before it is: {error}")
                continue
            if found.values["versions"] == versions():
                return found
            self.say(f"{self.folder / str(number)} is of other versions of torch: starting anew")
        return None

    def points(self, meter: Meter, still_mine: Callable[[], None]) -> Checkpoints:
        """What a training needs to know.

        Args:
            meter: Goes on from what was spent before.
            still_mine: Raises if somebody else has taken over.
        """
        start = self.start()
        if start is not None:
            meter.before = start.values["spent"]
        count = max(self.numbers(), default=0)

        def keep(checkpoint: Checkpoint) -> None:
            nonlocal count
            if rank() != 0:
                return  # all ranks hold the same
            still_mine()
            count += 1
            write(self.folder / str(count), checkpoint, meter.spent())
            for number in self.numbers()[:-KEPT]:
                shutil.rmtree(self.folder / str(number), ignore_errors=True)

        return Checkpoints(keep, Periodic(self.seconds), start)

    def remove(self) -> None:
        """Forget the training; it has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)


def write(folder: Path, checkpoint: Checkpoint, spent: dict[str, float]) -> None:
    """Write a checkpoint, whole or not at all."""

    def fill(temporary: Path) -> None:
        (temporary / TENSORS).write_bytes(save(checkpoint.tensors))  # a full disk is an OSError
        known: dict[str, Any] = {"versions": versions(), "spent": spent}
        write_json(temporary / VALUES, {**checkpoint.values, **known})

    put_folder(folder, fill)


def read(folder: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        StoreError: If it was cut short or changed.
    """
    digests = sealed(folder)
    values = json.loads(intact(folder, VALUES, digests))
    return Checkpoint(load(intact(folder, TENSORS, digests)), values)
