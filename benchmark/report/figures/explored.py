"""What an encoder sees in images: a row an image, with its regions and its nearest patches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import seaborn as sns
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from benchmark.contact import shortened
from benchmark.report.figures.canvas import DPI, footing, heading, look, room
from benchmark.report.figures.places import GAP, SMALL, TITLE, Layout
from tasks.probing.pictures import LUMA, overlaid, palette

#: Around an enlarged patch, in sides of a patch.
AROUND = 0.5
#: Sides of a patch by which the frames of several queries that found it lie inside each other.
INSET = 0.06
#: Places in seaborn's bright palette of the queries' colours: its orange and brown are a retina's.
BRIGHT = (0, 2, 9, 8, 6, 4, 3, 7)
#: Corners for the numbers of such queries, as shares of the patch's width and height.
CORNERS = ((0, 0), (1, 1), (1, 0), (0, 1))
#: Points from a corner inwards to the middle of its number.
BADGE = 4


@dataclass(frozen=True, slots=True)
class Scene:
    """An image and what is seen in it.

    Attributes:
        name: Of its file.
        picture: The prepared image.
        marks: Number of a query, its patch here, and the similarity; none of the query itself.
        shares: Of the regions at each pixel, in [0, 1]; None without regions.
    """

    name: str
    picture: UInt8[np.ndarray, "side side 3"]
    marks: Sequence[tuple[int, int, float | None]]
    shares: Float[np.ndarray, "regions height width"] | None = None

    def areas(self) -> Float[np.ndarray, " regions"]:
        """The part of the image where each region's share is the largest."""
        if self.shares is None:
            return np.empty(0)
        largest = self.shares.argmax(axis=0)
        areas: np.ndarray = np.bincount(largest.ravel(), minlength=len(self.shares)) / largest.size
        return areas


def explored_figure(scenes: Sequence[Scene], grid: int, title: str, told: Sequence[str]) -> Figure:
    """A row an image: photograph, regions, each region's shares, patches enlarged.

    Args:
        scenes: The image asked about, then those searched.
        grid: Patches a side.
        title: Of the figure.
        told: What stands below it, in sentences.
    """
    shares = [scene.shares for scene in scenes if scene.shares is not None]
    layout = Layout(len(shares[0]) if shares else 0, max(len(scene.marks) for scene in scenes))
    low = min((float(one.min()) for one in shares), default=0.0)
    high = max((float(one.max()) for one in shares), default=1.0)
    if shares:
        told = [*told, f"Shares are drawn from {low:.3f} (dark) to {high:.3f} (bright)."]
    width, head = layout.width, room(layout.width, title, [])
    height = head + len(scenes) * layout.height + room(width, "", told)
    with look():
        figure = Figure(figsize=(width, height), dpi=DPI)
        heading(figure, title)
        for place, scene in enumerate(scenes):
            row = Row(figure, layout, head + place * layout.height, scene, grid)
            row.photographs("query" if place == 0 else "")
            row.maps(low, high)
            row.patches()
        footing(figure, *told)
    return figure


@dataclass(frozen=True, slots=True)
class Row:
    """One image's row, ``top`` inches below the figure's edge."""

    figure: Figure
    layout: Layout
    top: float
    scene: Scene
    grid: int

    def axes(self, left: float, top: float, side: float, head: str) -> Axes:
        """Square axes for a picture, at a place in the row."""
        width, height = self.figure.get_size_inches()
        bottom = height - self.top - top - side
        axes = self.figure.add_axes((left / width, bottom / height, side / width, side / height))
        axes.set(xticks=[], yticks=[])
        axes.grid(visible=False)
        axes.set_title(head, fontsize=6, pad=2, fontweight="normal")
        return axes

    def picture(self, axes: Axes) -> None:
        """The image from 0 to its side: from -0.5 on, frames would lie half a pixel off."""
        side = len(self.scene.picture)
        axes.imshow(self.scene.picture, interpolation="nearest", extent=(0, side, side, 0))

    def photographs(self, note: str) -> None:
        """The image with its patches framed, and beside it, its regions."""
        side, scene = self.layout.photograph, self.scene
        name = shortened(scene.name, 34 - len(note))
        axes = self.axes(GAP, TITLE, side, f"{name} ({note})" if note else name)
        self.picture(axes)
        seen = list[int]()
        for number, patch, _ in scene.marks:
            self.frame(axes, number, patch, seen.count(patch))
            seen.append(patch)
        if scene.shares is not None:
            tinted = self.axes(2 * GAP + side, TITLE, side, "largest share")
            tinted.imshow(overlaid(scene.picture, scene.shares), interpolation="nearest")

    def frame(self, axes: Axes, number: int, patch: int, before: int) -> None:
        """A patch's frame with the number of its query, after ``before`` others on that patch."""
        step = len(self.scene.picture) / self.grid
        row, column = divmod(patch, self.grid)
        inset = before * INSET * step
        left, top, side = column * step + inset, row * step + inset, step - 2 * inset
        colour = colours()[number - 1]
        box = Rectangle((left, top), side, side, fill=False, edgecolor=colour, linewidth=1.4)
        axes.add_patch(box)
        x, y = CORNERS[before % len(CORNERS)]
        axes.annotate(
            str(number),
            (left + x * side, top + y * side),
            (BADGE * (1 - 2 * x), BADGE * (2 * y - 1)),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=5,
            color=legible(colour),
            bbox={"boxstyle": "circle,pad=0.15", "facecolor": colour, "edgecolor": "none"},
        )

    def maps(self, low: float, high: float) -> None:
        """Each region's shares, framed in its colour, from dark to bright."""
        if self.scene.shares is None:
            return
        hues, areas = palette(len(self.scene.shares)) / 255.0, self.scene.areas()
        for region, share in enumerate(self.scene.shares):
            left, top = self.layout.small(self.layout.maps_left, len(areas), region)
            axes = self.axes(left, top, SMALL, f"{region + 1}: {areas[region] * 100:.0f} %")
            axes.imshow(share, cmap="viridis", vmin=low, vmax=high, interpolation="nearest")
            framed(axes, hues[region])

    def patches(self) -> None:
        """Each patch with its surroundings, framed in its query's colour."""
        for place, (number, patch, similarity) in enumerate(self.scene.marks):
            left, top = self.layout.small(self.layout.patches_left, self.layout.marks, place)
            head = str(number) if similarity is None else f"{number}: {similarity:.2f}"
            axes = self.axes(left, top, SMALL, head)
            self.picture(axes)
            axes.set_facecolor("black")
            step = len(self.scene.picture) / self.grid
            row, column = divmod(patch, self.grid)
            x, y, more = column * step, row * step, AROUND * step
            axes.set_xlim(x - more, x + step + more)
            axes.set_ylim(y + step + more, y - more)
            colour = colours()[number - 1]
            box = Rectangle((x, y), step, step, fill=False, edgecolor=colour, linewidth=0.8)
            axes.add_patch(box)
            framed(axes, colour)


def colours() -> list[str]:
    """Of queries, by their number."""
    bright: list[str] = sns.color_palette("bright").as_hex()
    return [bright[place] for place in BRIGHT]


def legible(colour: str) -> str:
    """Of letters on a colour: black on a light one."""
    return "black" if np.dot(LUMA, to_rgb(colour)) > 0.5 else "white"


def framed(axes: Axes, colour: object) -> None:
    """Give axes a frame of a colour."""
    for spine in axes.spines.values():
        spine.set(visible=True, edgecolor=colour, linewidth=1.6)
