"""How every figure looks, is laid out and becomes PNG."""

import io
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

#: Dots per inch of every figure.
DPI = 120
_MARKERS = ("o", "s", "D", "^")


def method_styles(order: Sequence[str], methods: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each method: fixed by its place in ``order``, whoever else is drawn.

    Seaborn's colour-blind palette has ten colours; further methods repeat them with another
    marker. Methods that ``order`` does not name follow by name.
    """
    colours = sns.color_palette("colorblind").as_hex()
    names = [*order, *sorted(set(methods) - set(order))]
    return {
        name: (colours[i % len(colours)], _MARKERS[i // len(colours) % len(_MARKERS)])
        for i, name in enumerate(names)
    }


@contextmanager
def look() -> Iterator[None]:
    """Draw with seaborn's style on matplotlib's own defaults, whatever the user has configured."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(sns.axes_style("whitegrid"))
        mpl.rcParams.update(sns.plotting_context("paper"))
        mpl.rcParams.update({"font.family": ["DejaVu Sans"], "axes.titleweight": "bold"})
        yield


def heading(figure: Figure, title: str) -> None:
    """Put the title on top, on several lines if the figure is narrow."""
    width = max(12, int(9 * figure.get_figwidth()))  # a bold letter is about 1/9 inch wide
    figure.suptitle(textwrap.fill(title, width), fontweight="bold")


def settle(figure: Figure) -> None:
    """Lay the figure out once and for all: a second layout would move things by a fraction."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")


def png(figure: Figure) -> bytes:
    """The figure as PNG; the same bytes for the same figure."""
    buffer = io.BytesIO()
    with look():
        FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})
    return buffer.getvalue()
