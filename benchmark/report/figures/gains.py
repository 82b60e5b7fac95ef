"""Gain over the floor, method by task, as a heat map."""

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from benchmark.report.figures.canvas import (
    DPI,
    footing,
    heading,
    in_order,
    labelled,
    look,
    room,
    saying,
    settle,
    slant,
)
from benchmark.report.gains import Gains, gains_by_task
from benchmark.report.sampled import Sampled
from benchmark.report.scales import Scale
from benchmark.report.selection import FLOOR

#: Fill of a field without a gain, and of one whose gain may be none.
MISSING, UNDECIDED = "0.88", "white"
#: What is called none where a task's kind is not known.
NO_KIND = ""
_MEAN = "mean over tasks"


def gains_figure(
    found: Sampled, *, order: Sequence[str], kinds: Mapping[str, str] | None = None
) -> Figure:
    """A row a method, in the fixed order; a column a task, grouped by kind; last, the mean.

    Colour is only where the 95 % interval leaves out 0: blue is better than the floor, red worse.

    Args:
        found: What to draw.
        order: Every method that the project knows; fixes the places.
        kinds: "lesion" or "anatomy" by task; or any other grouping.
    """
    title = f"Gain over {FLOOR}, {found.board.title}"
    gains = gains_by_task(found.scores, found.sample, scale=found.board.scale)
    if gains.reason:
        return saying(title, gains.reason)
    methods = in_order(order, gains.methods)
    columns = grouped(gains.tasks, kinds or {})
    values, decided = _with_mean(found, gains, methods, columns)
    factor, unit = _unit(found.board.scale)
    told = _words(gains, values, decided, unit, one_seed=found.board.seeds == 1)
    names = [*(labelled(task, found.board.sources) for task in columns), _MEAN]
    width = max(7.5, 2.6 + 0.62 * len(names))
    tall = 0.7 + 0.25 * max(len(methods), 3) + slant(names)
    with look():
        size = (width, tall + room(width, title, told))
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, title)
        axis = figure.subplots()
        colours = _colours(factor * values, decided)
        _fields(axis, factor * values, decided, colours)
        labels = {row.method: row.label for row in found.board.rows}
        axis.set_yticks(np.arange(len(methods)) + 0.5, [labels[method] for method in methods])
        axis.set_xticks(np.arange(len(names)) + 0.5, names, rotation=40, ha="right")
        _groups(axis, columns, kinds or {})
        if decided.any():
            figure.colorbar(colours, ax=axis, label=f"gain in {unit}", shrink=0.8, pad=0.02)
        footing(figure, *told)
        settle(figure)
    return figure


def grouped(tasks: Sequence[str], kinds: Mapping[str, str]) -> list[str]:
    """Tasks of a kind next to each other, lesions first, those of no known kind last."""
    last = max(kinds.values(), default="")
    return sorted(
        tasks,
        key=lambda task: (
            task not in kinds,
            kinds.get(task, last) != "lesion",
            kinds.get(task, NO_KIND),
            task,
        ),
    )


def _with_mean(
    found: Sampled, gains: Gains, methods: Sequence[str], columns: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Gains and whether they are decided, in the order drawn; the last column is the board's."""
    rows = [gains.methods.index(m) for m in methods]
    places = [gains.tasks.index(t) for t in columns]
    by_method = {row.method: row.gain for row in found.board.rows}
    mean = np.array([[by_method[m].value] for m in methods])
    sure = np.array([[by_method[m].low > 0 or by_method[m].high < 0] for m in methods])
    values = gains.values[rows][:, places]
    decided = gains.decided()[rows][:, places]
    return np.hstack([values, mean]), np.hstack([decided, sure])


def _unit(scale: Scale) -> tuple[float, str]:
    """What a gain is multiplied by to be printed, and what that is called."""
    return (1.0, scale.unit) if scale.unit else (100.0, f"{scale.title} points")


def _colours(values: np.ndarray, decided: np.ndarray) -> ScalarMappable:
    """Blue above 0, red below, to the largest decided gain on both sides."""
    shown = np.abs(values[decided]) if decided.any() else np.ones(1)
    top = float(shown.max()) or 1.0
    return ScalarMappable(Normalize(-top, top), sns.color_palette("vlag_r", as_cmap=True))


def _fields(axis: Axes, values: np.ndarray, decided: np.ndarray, colours: ScalarMappable) -> None:
    known = np.isfinite(values)
    axis.set_facecolor(MISSING)
    axis.grid(visible=False)
    axis.pcolormesh(np.where(known, 0.0, np.nan), cmap="Greys", vmin=0, vmax=1)
    shown = np.where(decided, values, np.nan)
    axis.pcolormesh(
        shown, cmap=colours.cmap, clim=colours.get_clim(), edgecolors="white", linewidth=0.5
    )
    axis.invert_yaxis()
    for y, x in np.argwhere(known):
        sure, value = bool(decided[y, x]), float(values[y, x])
        number = f"{round(value, 1) + 0.0:+.1f}"
        text = number if sure else f"({number})"
        ink = _ink(colours, value) if sure else "0.35"
        axis.text(x + 0.5, y + 0.5, text, ha="center", va="center", fontsize=7.5, color=ink)
    axis.axvline(values.shape[1] - 1, color="0.15", linewidth=1.2)


def _ink(colours: ScalarMappable, value: float) -> str:
    """Black on light fields, white on dark ones, by their luminance."""
    red, green, blue, _ = colours.to_rgba(np.array([value]))[0]
    return "black" if 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.45 else "white"


def _groups(axis: Axes, columns: Sequence[str], kinds: Mapping[str, str]) -> None:
    """Names of the kinds above their columns, and lines between them."""
    names = [kinds.get(task, NO_KIND) for task in columns]
    starts = [i for i, name in enumerate(names) if i == 0 or name != names[i - 1]]
    for start, end in zip(starts, [*starts[1:], len(names)], strict=True):
        if start:
            axis.axvline(start, color="0.15", linewidth=1.2)
        axis.text((start + end) / 2, -0.15, names[start], ha="center", va="bottom", weight="bold")


def _words(
    gains: Gains, values: np.ndarray, decided: np.ndarray, unit: str, *, one_seed: bool
) -> list[str]:
    """What the numbers, brackets and grey fields mean."""
    known = np.isfinite(values)
    told = [f"Numbers: gain in {unit} on {FLOOR} in the same stage; blue is better, red worse."]
    if (known & ~decided).any():
        why = "the 95 % interval includes 0"
        if np.isnan(gains.low[np.isfinite(gains.values)]).any():
            why += ", or there is none (one test image)"
        told.append(f"In brackets on white: undecided, {why}.")
    if not known.all():
        told.append(f"Grey: no gain, because the method or {FLOOR} lacks cells.")
    return [*told, _overall(decided, known, one_seed=one_seed)]


def _overall(decided: np.ndarray, known: np.ndarray, *, one_seed: bool) -> str:
    fields, sure = int(known[:, :-1].sum()), int((decided & known)[:, :-1].sum())
    told = f"{sure} of {fields} fields of single tasks are decided"
    if not sure:
        return f"{told}."
    told = f"{told}, each on its own: where nothing gains, about one in twenty still would be"
    return f"{told}, and more by the luck of one training." if one_seed else f"{told}."
