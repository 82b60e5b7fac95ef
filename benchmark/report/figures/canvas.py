"""How every figure looks, is laid out and becomes PNG or SVG."""

import io
import textwrap
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager

import matplotlib as mpl
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmark.report.selection import FLOOR

#: Dots per inch of every figure.
DPI = 120
#: Seeds the names inside an SVG, which are otherwise drawn anew each time.
SVG_SALT = "ldbench"
#: Characters of the footing to an inch: a bit more than its letters are wide.
FOOTING_WIDTH = 12
#: The same of the title.
HEADING_WIDTH = 9
#: Heights in inches: of a line of the title, of the footing, and around them.
_HEADING_LINE, _FOOTING_LINE, _MARGIN = 0.22, 0.155, 0.25
_MARKERS = ("o", "s", "D", "^")
#: Places in the palette and markers of methods with a colour of their own.
OWN = {"ld": (3, "o")}
#: Places that nobody else has: those, and the grey that the floor's would be taken for.
TAKEN = {3, 7}
FLOOR_COLOUR = "#3b3b3b"


def method_styles(order: Sequence[str], methods: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Colour and marker of each method: fixed by its place in ``order``, whoever else is drawn.

    The floor and the method that the claims are about have colours to themselves. The others share
    the rest of seaborn's colour-blind palette, and come again with another marker. Methods that
    ``order`` does not name follow by name.
    """
    palette = sns.color_palette("colorblind").as_hex()
    colours = [colour for place, colour in enumerate(palette) if place not in TAKEN]
    everybody = in_order(order, {*order, *methods})
    names = [name for name in everybody if name not in {*OWN, FLOOR}]
    styles = {
        name: (colours[i % len(colours)], _MARKERS[i // len(colours) % len(_MARKERS)])
        for i, name in enumerate(names)
    }
    own = {name: (palette[place], marker) for name, (place, marker) in OWN.items()}
    own[FLOOR] = (FLOOR_COLOUR, "X")
    return {name: styles.get(name) or own[name] for name in everybody}


def in_order(order: Sequence[str], methods: Collection[str]) -> list[str]:
    """Methods in a fixed order; those that it does not name come last, by name."""
    return [name for name in order if name in methods] + sorted(set(methods) - set(order))


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
    lines = _title_lines(title, figure.get_figwidth())
    figure.suptitle("\n".join(lines), fontweight="bold")


def footing(figure: Figure, *sentences: str) -> None:
    """Say at the bottom what a reader needs beside the drawing; a line or more a sentence."""
    lines = _footing_lines(sentences, figure.get_figwidth())
    figure.supxlabel("\n".join(lines), fontsize=8, x=0.02, ha="left", multialignment="left")


def labelled(task: str, sources: Mapping[str, str]) -> str:
    """A task's name, with its kind of images where a figure mixes several."""
    return f"{task} ({sources[task]})" if len(set(sources.values())) > 1 else task


def room(width: float, title: str, sentences: Sequence[str]) -> float:
    """Height in inches that a title and a footing take in a figure of this width."""
    title_lines, lines = _title_lines(title, width), _footing_lines(sentences, width)
    return _MARGIN + _HEADING_LINE * len(title_lines) + _FOOTING_LINE * len(lines)


def slant(names: Sequence[str]) -> float:
    """Height in inches of names as they are written at 40 degrees below an axis."""
    return 0.2 + 0.055 * max(map(len, names), default=0)


def _title_lines(title: str, width: float) -> list[str]:
    """As few lines as fit, and those about equally long."""
    most = max(12, int(HEADING_WIDTH * width))
    lines = textwrap.wrap(title, most)
    for letters in range(len(title) // max(len(lines), 1), most):
        even = textwrap.wrap(title, max(letters, 1))
        if len(even) == len(lines):
            return even
    return lines


def _footing_lines(sentences: Sequence[str], width: float) -> list[str]:
    letters = int(FOOTING_WIDTH * width)
    return [line for text in sentences for line in textwrap.wrap(text, letters)]


def saying(title: str, *sentences: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    with look():
        figure = Figure(figsize=(7.0, 1.6), dpi=DPI, layout="constrained")
        heading(figure, title)
        lines = [textwrap.fill(text, 84) for text in sentences]
        figure.text(0.5, 0.4, "\n".join(lines), ha="center", va="center", fontsize=9)
        settle(figure)
    return figure


def handles(styles: Mapping[str, tuple[str, str]], labels: Mapping[str, str]) -> list[Line2D]:
    """A legend's entry for each method in ``labels``, which says how it is called there."""
    return [
        Line2D([], [], linestyle="none", color=styles[m][0], marker=styles[m][1], label=label)
        for m, label in labels.items()
    ]


def legend_beside(axis: Axes, entries: Sequence[Line2D]) -> None:
    """Put a legend right of a panel, from its top down: clear of the figure's title."""
    axis.legend(
        handles=list(entries),
        loc="upper left",
        bbox_to_anchor=(1.02, 1.02),
        borderaxespad=0.0,
        frameon=False,
        fontsize=8,
        labelspacing=0.35,
    )


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


def svg(figure: Figure) -> bytes:
    """The figure as SVG; the same bytes for the same figure.

    Letters are drawn as outlines, each once: the figure looks the same where DejaVu Sans is not
    installed, and nothing laid out for that font overlaps in another. The words themselves stay in
    the file as comments.
    """
    buffer = io.BytesIO()
    with look():
        mpl.rcParams.update({"svg.hashsalt": SVG_SALT, "svg.fonttype": "path"})
        metadata, dpi = {"Date": None, "Creator": None}, figure.dpi
        FigureCanvasSVG(figure).print_svg(buffer, metadata=metadata)
        figure.dpi = dpi  # print_svg leaves its own behind, and the next PNG would be small
    return buffer.getvalue()
