"""What can be drawn of results: frames and leaderboards in, figures out; nothing here writes."""

from dataclasses import dataclass

from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure as a report shows it.

    Attributes:
        name: Stem of its files' names.
        title: A few words.
        caption: What is drawn, and what cannot be concluded from it.
        figure: Laid out once and for all (``canvas.settle``).
    """

    name: str
    title: str
    caption: str
    figure: Figure
