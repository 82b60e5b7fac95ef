"""Seconds on a card that is not here: arithmetic, memory traffic or launches, whichever binds."""

from dataclasses import dataclass
from typing import NamedTuple

from benchmark.speed.hollow import Cost


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card, as its data sheet has it.

    The defaults are NVIDIA's H100 SXM with 80 GB
    (https://www.nvidia.com/en-us/data-center/h100/): 989 TFLOP/s in bfloat16 without sparsity,
    3.35 TB/s.

    Attributes:
        peak: Floating-point operations a second.
        efficiency: Share of the peak that convolutions reach, in (0, 1].
        bandwidth: Of its memory, bytes a second.
        launch: Seconds that the processor takes to launch a kernel.
    """

    peak: float = 989e12
    efficiency: float = 0.4
    bandwidth: float = 3.35e12
    launch: float = 5e-6

    def __post_init__(self) -> None:
        if not 0.0 < self.efficiency <= 1.0:
            raise ValueError(f"efficiency must lie in (0, 1], not {self.efficiency}")
        for name in ("peak", "bandwidth"):
            if getattr(self, name) <= 0.0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        if self.launch < 0.0:
            raise ValueError(f"launch must not be negative, not {self.launch}")


class Terms(NamedTuple):
    """Seconds by each term on its own: arithmetic, memory with and without fusion, launches."""

    arithmetic: float
    memory: float
    fused: float
    launches: float

    @property
    def slow(self) -> float:
        """Nothing is fused, and every launch is waited for."""
        return max(self.arithmetic, self.memory) + self.launches

    @property
    def fast(self) -> float:
        """All is fused into the products, and launches go on while the card computes."""
        return max(self.arithmetic, self.fused)

    @property
    def binding(self) -> str:
        """The largest term where nothing is fused."""
        found = {"arithmetic": self.arithmetic, "memory": self.memory, "launches": self.launches}
        return max(found, key=lambda name: found[name])


def terms(cost: Cost, card: Card) -> Terms:
    """Each term's seconds."""
    return Terms(
        arithmetic=cost.operations / (card.peak * card.efficiency),
        memory=cost.moved / card.bandwidth,
        fused=cost.least / card.bandwidth,
        launches=cost.kernels * card.launch,
    )
