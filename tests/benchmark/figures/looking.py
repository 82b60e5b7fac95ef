"""What a figure says, and whether it can be read."""

from collections.abc import Iterator
from itertools import combinations

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from benchmark.report.figures.canvas import look

#: Pixels by which the boxes of two texts may touch.
TOUCH = 1.0


def texts(figure: Figure) -> list[Text]:
    """Every text that is drawn; matplotlib keeps ticks that are not, too."""
    with look():
        unused = {label for axes in figure.axes for label in hidden(axes)}
    found = [t for t in figure.findobj(Text) if isinstance(t, Text) and t not in unused]
    return [t for t in found if t.get_text().strip() and t.get_visible() and is_shown(t)]


def hidden(axes: Axes) -> Iterator[Text]:
    """Labels of ticks beyond an axis's limits, or of an axis that is off."""
    for axis in (axes.xaxis, axes.yaxis):
        drawn = {*axis._update_ticks()} if axes.axison and axes.get_visible() else set()  # type: ignore[union-attr]
        for tick in {*axis.majorTicks, *axis.minorTicks} - drawn:
            yield from (tick.label1, tick.label2)


def is_shown(text: Text) -> bool:
    return text.axes is None or text.axes.get_visible()


def words(figure: Figure) -> str:
    """All text of the figure, on one line."""
    return " ".join(" ".join(text.get_text() for text in texts(figure)).split())


def is_clipped(figure: Figure) -> bool:
    """Whether anything drawn leaves the figure."""
    with look():
        box = figure.get_tightbbox()
    (width, height), slack = figure.get_size_inches(), 0.5 / figure.dpi
    outside = (box.x1 > width + slack) or (box.y1 > height + slack)
    return bool(box.x0 < -slack or box.y0 < -slack or outside)


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of level or upright texts that lie on each other."""
    with look():
        renderer = FigureCanvasAgg(figure).get_renderer()
        boxes = [
            (text.get_text(), text.get_window_extent(renderer))
            for text in texts(figure)
            if text.get_rotation() in {0.0, 90.0}
        ]
    return [(one, other) for (one, a), (other, b) in combinations(boxes, 2) if lie(a, b)]


def lie(a: Bbox, b: Bbox) -> bool:
    """Whether two boxes share more than an edge."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return bool(width > TOUCH and height > TOUCH)
