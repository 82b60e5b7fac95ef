"""What a training spends in floating-point operations, by torch's own counter.

Counting slows a step down, and steps of one kind cost the same: each kind is counted once and added
up from then on.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch.utils.flop_counter import FlopCounterMode


class Ledger:
    """Operations spent so far.

    Attributes:
        forward: Of the training steps' losses.
        backward: Of their gradients.
        aside: Of everything else: validation, pseudo-labels, recalibration, prediction.
        known: What one of a kind costs: forward, backward.
    """

    def __init__(self) -> None:
        self.forward = self.backward = self.aside = 0
        self.known: dict[str, tuple[int, int]] = {}

    @contextmanager
    def step(self, kind: str) -> Iterator[Callable[[], None]]:
        """Count a training step; the function given is to be called before the backward pass."""
        if kind in self.known:
            yield lambda: None
        else:
            passed: list[int] = []
            with FlopCounterMode(display=False) as counter:
                yield lambda: passed.append(counter.get_total_flops())
            forward = passed[0] if passed else counter.get_total_flops()
            self.known[kind] = (forward, counter.get_total_flops() - forward)
        forward, backward = self.known[kind]
        self.forward += forward
        self.backward += backward

    @contextmanager
    def other(self, kind: str) -> Iterator[None]:
        """Count what is no training step."""
        if kind in self.known:
            yield
        else:
            with FlopCounterMode(display=False) as counter:
                yield
            self.known[kind] = (counter.get_total_flops(), 0)
        self.aside += self.known[kind][0]

    def values(self) -> dict[str, Any]:
        """Everything, JSON-ready."""
        return {
            "forward": self.forward,
            "backward": self.backward,
            "aside": self.aside,
            "known": {kind: list(pair) for kind, pair in self.known.items()},
        }

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Ledger":
        """What ``values`` gave."""
        ledger = cls()
        ledger.forward, ledger.backward = values["forward"], values["backward"]
        ledger.aside = values["aside"]
        ledger.known = {kind: (a, b) for kind, (a, b) in values["known"].items()}
        return ledger

    def operations(self) -> dict[str, int]:
        """The three sums."""
        return {"forward": self.forward, "backward": self.backward, "aside": self.aside}
