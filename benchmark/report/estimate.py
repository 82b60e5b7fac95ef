"""A number with its interval, and how it is printed."""

import math
from dataclasses import dataclass

NAN = float("nan")

#: Printed where there is no number.
NOTHING = "-"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and the ends of its 95 % interval; NaN where there is none."""

    value: float = NAN
    low: float = NAN
    high: float = NAN

    def text(self, decimals: int, *, signed: bool = False) -> str:
        """For example "0.612 [.580, .641]"; the ends are rounded outwards.

        Args:
            decimals: Digits after the point.
            signed: Whether positive numbers get a plus.
        """
        if math.isnan(self.value):
            return NOTHING
        value = f"{round(self.value, decimals) + 0.0:{'+' if signed else ''}.{decimals}f}"
        if math.isnan(self.low):
            return value
        scale = 10**decimals
        low = outwards(self.low * scale, up=False) / scale
        high = outwards(self.high * scale, up=True) / scale
        return f"{value} [{_short(low, decimals)}, {_short(high, decimals)}]"

    def ranks(self) -> str:
        """For example "1.4 (1-3)": a mean rank and the range of whole ranks around its interval."""
        if math.isnan(self.value):
            return NOTHING
        if math.isnan(self.low):
            return f"{self.value:.1f}"
        low, high = outwards(self.low, up=False), outwards(self.high, up=True)
        return f"{self.value:.1f} ({low})" if low == high else f"{self.value:.1f} ({low}-{high})"

    def record(self) -> dict[str, float | None]:
        """JSON-ready: rounded to six digits, NaN as None."""
        return {
            "value": plain(self.value),
            "low": plain(self.low),
            "high": plain(self.high),
        }


def outwards(x: float, *, up: bool) -> int:
    """Round to a whole number away from an interval's middle; 1e-6 is taken for rounding error."""
    return math.ceil(x - 1e-6) if up else math.floor(x + 1e-6)


def plain(x: float) -> float | None:
    """Round to six digits after the point; NaN as None."""
    return None if math.isnan(x) else round(x, 6) + 0.0


def _short(x: float, decimals: int) -> str:
    """Without the zero before the point."""
    text = f"{round(x, decimals) + 0.0:.{decimals}f}"
    return text.replace("0.", ".", 1) if abs(x) < 1 else text
