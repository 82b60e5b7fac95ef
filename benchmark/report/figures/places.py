"""Where the pictures of one image are, in the figure of what an encoder sees."""

import math
from dataclasses import dataclass

#: Inches: a small picture's side, the room for its title, and between groups of pictures.
SMALL, TITLE, GAP = 0.78, 0.17, 0.16
#: Between small pictures of a group.
NARROW = 0.06
#: Small pictures in a row, at most, and in a column beside a photograph, at least.
COLUMNS, LINES = 8, 2
#: Inches that the words below the pictures need at least.
READABLE = 6.5


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are in a row of the figure, in inches from its top left.

    Attributes:
        regions: Small maps, none without regions.
        marks: Enlarged patches.
    """

    regions: int
    marks: int

    @property
    def lines(self) -> int:
        """Small pictures below each other."""
        return max(LINES, math.ceil(self.regions / COLUMNS))

    @property
    def photograph(self) -> float:
        """Side of a photograph: of two small pictures with their titles."""
        return LINES * SMALL + (LINES - 1) * (TITLE + NARROW)

    @property
    def height(self) -> float:
        """Of a row."""
        return self.lines * (SMALL + TITLE + NARROW) + GAP / 2

    @property
    def maps_left(self) -> float:
        """Where the maps begin, or the patches if there are none."""
        return GAP + (2 if self.regions else 1) * (self.photograph + GAP)

    @property
    def patches_left(self) -> float:
        """Where the enlarged patches begin."""
        across = math.ceil(self.regions / self.lines)
        return self.maps_left + (across * (SMALL + NARROW) + GAP if across else 0.0)

    @property
    def width(self) -> float:
        """Of a row."""
        across = math.ceil(self.marks / self.lines)
        return max(READABLE, self.patches_left + across * (SMALL + NARROW) + GAP)

    def small(self, left: float, count: int, place: int) -> tuple[float, float]:
        """Left and top of one of ``count`` small pictures that begin at ``left``."""
        across = math.ceil(count / self.lines)
        line, column = divmod(place, across)
        return left + column * (SMALL + NARROW), TITLE + line * (SMALL + TITLE + NARROW)
