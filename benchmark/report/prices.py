"""What a pre-training of each method has cost, from the cells that used it."""

from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass
from typing import Any

from benchmark.ledger import spent


@dataclass(frozen=True, slots=True)
class Price:
    """What one pre-training of a method has cost, on average; None where that is unknown.

    Attributes:
        images: Images drawn.
        steps: Of the optimiser: fewer where batches are larger.
        tflop: 10^12 operations, forward and backward.
        seconds: Wall time.
        peak_mib: Highest memory of any, in MiB.
    """

    images: float | None = None
    steps: float | None = None
    tflop: float | None = None
    seconds: float | None = None
    peak_mib: float | None = None


#: Columns of a price, as they are headed.
PRICES = {
    "images": "images drawn",
    "steps": "steps",
    "tflop": "TFLOP",
    "seconds": "seconds",
    "peak_mib": "peak MiB",
}


#: How a board's columns of costs are to be read.
READING = (
    "Costs are of one pre-training, the mean over encoders: images drawn, optimiser steps, 10^12 "
    "operations forward and backward, wall seconds on whatever machine it was, busy or not; and "
    "the highest memory of any."
)


def price(cost: Mapping[str, Any]) -> Price:
    """Of one encoder, as its cells' JSON has it; what is not known is None."""
    operations = spent(cost, "flops")
    return Price(
        images=spent(cost, "images"),
        steps=spent(cost, "steps"),
        tflop=None if operations is None else operations / 1e12,
        seconds=spent(cost, "seconds"),
        peak_mib=None if cost.get("peak_mib") is None else float(cost["peak_mib"]),
    )


def prices(encoders: Iterable[tuple[str, str, Price]]) -> dict[str, Price]:
    """Each method's.

    Args:
        encoders: Method, encoder and its price; an encoder may come several times.
    """
    by_method: dict[str, dict[str, Price]] = {}
    for method, encoder, known in encoders:
        by_method.setdefault(method, {})[encoder] = known
    return {method: average(list(own.values())) for method, own in by_method.items()}


def average(known: list[Price]) -> Price:
    """The mean of several; the highest of memory. Unknown if one of them is."""
    images, steps, tflop, seconds, peak = (
        None if None in column else column
        for column in zip(*(astuple(each) for each in known), strict=True)
    )
    highest = None if peak is None else max(peak)
    return Price(mean(images), mean(steps), mean(tflop), mean(seconds), highest)


def mean(values: tuple[float, ...] | None) -> float | None:
    """Of some numbers, or of none."""
    return None if values is None else sum(values) / len(values)
