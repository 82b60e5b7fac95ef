"""The table of ``python -m benchmark.speed``, as text."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmark.speed.measuring import Ratio, images_a_second, ratio

#: Columns of the table, in order.
COLUMNS = (
    *("what", "px", "crop", "batch", "rival", "rival im/s", "ours im/s", "E im/s"),
    *("ours / rival", "same precision", "ours / E", "in float32", "MiB rival", "MiB ours"),
)
#: What stands where a number is not there.
NONE = "-"

#: Seconds a step of every block, one a pair, by the block's name.
Seconds = Mapping[str, Sequence[float]]


class Measured(NamedTuple):
    """Everything about one kind of training at one size.

    Attributes:
        what: A method's name, or "finetuning".
        size: Side of the prepared images in pixels.
        crop: Side of what enters the encoder.
        batch: Images a step.
        seconds: Of "ours", "ours float32", "E", and of rivals by their names.
        memory: Peak above the imports in MiB, by the same names; empty if not measured.
    """

    what: str
    size: int
    crop: int
    batch: int
    seconds: Seconds
    memory: Mapping[str, float]

    @property
    def rivals(self) -> list[str]:
        """The names that are no blocks of ours."""
        known = ("ours", "ours float32", "E", "E float32")
        return [name for name in self.seconds if name not in known]


def told(value: Ratio) -> str:
    """The median with the smallest and the largest."""
    return f"{value.median:.2f} ({value.low:.2f}-{value.high:.2f})"


def lines(measured: Measured) -> list[list[str]]:
    """A row a rival, or one row where there is none."""
    return [line(measured, rival) for rival in measured.rivals or [NONE]]


def line(measured: Measured, rival: str) -> list[str]:
    """One row of the table."""
    seconds, memory = measured.seconds, measured.memory

    def rate(name: str) -> str:
        found = seconds.get(name)
        return f"{images_a_second(found, measured.batch):.1f}" if found else NONE

    def compared(ours: str, other: str) -> str:
        known = ours in seconds and other in seconds
        return told(ratio(seconds[ours], seconds[other])) if known else NONE

    def mib(name: str) -> str:
        return f"{memory[name]:.0f}" if name in memory else NONE

    return [
        *(measured.what, str(measured.size), str(measured.crop), str(measured.batch), rival),
        *(rate(rival), rate("ours"), rate("E")),
        *(compared("ours", rival), compared("ours float32", rival), compared("ours", "E")),
        compared("ours float32", "E float32"),
        *(mib(rival), mib("ours")),
    ]
