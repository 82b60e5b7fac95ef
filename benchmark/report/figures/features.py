"""Colour maps of dense features, method by method, on one test image."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import UInt8
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmark.report.figures.canvas import (
    DPI,
    FOOTING_WIDTH,
    footing,
    heading,
    look,
    room,
    saying,
    settle,
)

COLUMNS = 8
READING = (
    "Colours: the first three principal components of a method's dense features on the image. "
    "They mean nothing across methods: each has components of its own. Regions: which of a "
    "method's clusters is largest at a pixel, in colours without an order. Of the smallest seed."
)

#: Of any size: maps are as coarse as the features are.
Picture = UInt8[np.ndarray, "_ _ 3"]


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One test image of a task and what each method's features look like on it.

    Attributes:
        task: Its name.
        image_id: Of the test image.
        image: The image; None where it is not kept.
        maps: First three principal components as red, green and blue, by method; of any size.
        clusters: Region maps by method, where it has them; of any size.
    """

    task: str
    image_id: str
    image: Picture | None
    maps: Mapping[str, Picture]
    clusters: Mapping[str, Picture] = field(default_factory=dict)


def features_figure(rows: Sequence[FeatureRow], *, order: Sequence[str], title: str) -> Figure:
    """A block a task: the image, each method's map, and regions next to the map they belong to.

    Args:
        rows: What to show.
        order: Every method that the project knows; fixes the places.
        title: Says what the images are, phantoms above all.
    """
    blocks = [list(_pictures(row, order)) for row in rows]
    if not any(row.maps for row in rows):
        return saying(title, "No feature maps are kept.")
    columns = min(COLUMNS, max(map(len, blocks)))
    heights = [math.ceil(len(block) / columns) for block in blocks]
    width = max(5.0, 0.4 + 1.35 * columns)
    with look():
        tall = sum(1.6 * height + 0.3 for height in heights)
        size = (width, tall + room(width, title, [READING]))
        figure = Figure(figsize=size, dpi=DPI, layout="constrained")
        heading(figure, title)
        parts = figure.subfigures(len(rows), 1, height_ratios=heights, squeeze=False).ravel()
        for part, row, block, height in zip(parts, rows, blocks, heights, strict=True):
            head = textwrap.fill(f"{row.task}, image {row.image_id}", int(FOOTING_WIDTH * width))
            part.suptitle(head, fontsize=9, x=0.01, ha="left")
            axes = part.subplots(height, columns, squeeze=False).ravel()
            for axis, (head, picture) in zip(axes, block, strict=False):
                _show(axis, head, picture)
            for axis in axes[len(block) :]:
                axis.set_visible(False)
        footing(figure, READING)
        settle(figure)
    return figure


def _pictures(row: FeatureRow, order: Sequence[str]) -> Iterator[tuple[str, Picture | None]]:
    """Headings and pictures in the order drawn."""
    yield "image", row.image
    methods = {*row.maps, *row.clusters}
    for name in [*(m for m in order if m in methods), *sorted(methods - set(order))]:
        if name in row.maps:
            yield name, row.maps[name]
        if name in row.clusters:
            yield f"{name}: regions", row.clusters[name]


def _show(axis: Axes, head: str, picture: Picture | None) -> None:
    axis.set(xticks=[], yticks=[])
    axis.grid(visible=False)
    size = 7 if len(head) <= 18 else 5.5
    axis.set_title(head, fontsize=size, fontweight="normal")
    if picture is None:
        axis.set_box_aspect(1)
        axis.text(0.5, 0.5, "not kept", transform=axis.transAxes, ha="center", va="center")
        return
    axis.imshow(picture, interpolation="nearest")
