"""What is timed: the same work for us, for every rival and for the limit."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark import registry
from methods.precision import Precision
from methods.views import view_side

#: Images a step of fine-tuning, as the reference plan has it.
FINETUNING_BATCH = 4
#: What the table compares with rivals; "others" are all other methods.
WHATS = ("simclr", "byol", "ld", "finetuning")

#: Timed steps at 64 px, and the fewest at any size: a loader with two workers has four batches
#: ready before the first step, which flatters the rivals that decode if few more are taken.
STEPS = 20
FEWEST = 6
#: Processes of a rival's loader, and batches that it decodes beyond the last step, so that it works
#: as hard at the end as in the middle of a training.
WORKERS = 2
AHEAD = 2 * WORKERS


def steps_at(size: int) -> int:
    """Timed steps for images of ``size`` px: 20 up to 64, 10 at 128, 6 at 224."""
    return max(FEWEST, min(STEPS, STEPS * 64 // size))


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of training at one size.

    Attributes:
        what: A method's name, or "finetuning".
        size: Side of the prepared images in pixels; views are smaller by the published crop.
        folder: Holds ``images`` (and ``masks``) as PNG files, and ``cache``.
        precision: Of our convolutions; rivals take float32.
        warm: Steps before the clock starts.
        steps: Steps that are timed.
    """

    what: str
    size: int
    folder: Path
    precision: Precision = "float32"
    warm: int = 2
    steps: int = STEPS

    @property
    def batch(self) -> int:
        """Images drawn a step: the method's own default."""
        if self.what == "finetuning":
            return FINETUNING_BATCH
        size: int = self.config.batch_size
        return size

    @property
    def loaded(self) -> int:
        """Images that a rival's loader is asked for."""
        return (self.warm + self.steps + AHEAD) * self.batch

    @property
    def config(self) -> Any:  # noqa: ANN401
        """The method's published constants."""
        return registry.method(self.what).Config()

    @property
    def crop(self) -> int:
        """Side of what enters the encoder, in pixels."""
        return self.size if self.what == "finetuning" else view_side(self.size)

    def at(self, precision: Precision) -> "Work":
        """The same at another precision."""
        return replace(self, precision=precision)


def cpu_flags() -> frozenset[str]:
    """The processor's flags; none where the system does not list them."""
    return frozenset(cpu_line("flags").split())


def cpu_line(name: str) -> str:
    """A line of /proc/cpuinfo; empty where there is none."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return ""
    found = (line.partition(":")[2].strip() for line in lines if line.startswith(name))
    return next(found, "")
