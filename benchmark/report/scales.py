"""What a metric's numbers mean: direction, range, and which differences matter."""

from dataclasses import dataclass

#: Two Dice scores this close are called a tie: half a Dice point.
PRACTICAL_TIE = 0.005


@dataclass(frozen=True, slots=True)
class Scale:
    """How to read one metric.

    Attributes:
        title: Name in headings.
        unit: Unit of a score, "" for shares in [0, 1].
        larger_is_better: Direction of the metric.
        tie: Largest difference between two task means that is called a tie, in the metric's unit.
        may_be_undefined: Whether a finished cell may hold images without a score.
        decimals: Digits after the point when a score is printed.
    """

    title: str
    unit: str
    larger_is_better: bool
    tie: float
    may_be_undefined: bool
    decimals: int

    @property
    def axis(self) -> str:
        """Label of an axis: name, unit, and the direction where it is not the usual one."""
        unit = f" ({self.unit})" if self.unit else ""
        return f"{self.title}{unit}" + ("" if self.larger_is_better else ", smaller is better")


#: Of landmarks, in a table of their own (``tasks.landmarks.scoring.METRICS``). No tie is called.
LANDMARK_SCALES = {
    "radial_error_px": Scale("mean radial error", "px at 512", False, 0.0, False, 1),
    "radial_error": Scale("of the width", "", False, 0.0, False, 3),
    "success_2": Scale("within 2 %", "", True, 0.0, False, 2),
    "success_5": Scale("within 5 %", "", True, 0.0, False, 2),
    "success_10": Scale("within 10 %", "", True, 0.0, False, 2),
}
#: Hausdorff distance is undefined where a mask is empty; outlines are placed to half a pixel.
SCALES = {
    "dice": Scale("Dice", "", True, PRACTICAL_TIE, False, 3),
    "iou": Scale("IoU", "", True, PRACTICAL_TIE, False, 3),
    "hd95": Scale("HD95", "pixels", False, 0.5, True, 1),
}
