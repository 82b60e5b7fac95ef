"""Whether the picture of what an encoder sees can be read, and where it frames patches."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.transforms import Bbox

from benchmark.report.figures.explored import Scene, explored_figure
from tests.benchmark.figures.looking import is_clipped, overlaps, words


def scenes(count: int, regions: int, queries: int) -> list[Scene]:
    rng = np.random.default_rng(0)
    found = [(number + 1, int(rng.integers(0, 4)), 0.5) for number in range(queries)]
    asked = [(number, patch, None) for number, patch, _ in found]
    shares = rng.dirichlet(np.ones(regions), (32, 32)).transpose(2, 0, 1) if regions else None
    picture = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    name = "a name of an image that is rather long.png"
    return [Scene(name, picture, found if place else asked, shares) for place in range(count)]


@pytest.mark.parametrize(
    ("count", "regions", "queries"), [(1, 20, 8), (2, 3, 4), (2, 0, 3), (1, 0, 1)]
)
def test_whatever_is_drawn_can_be_read(count: int, regions: int, queries: int) -> None:
    told = ["What is drawn, in a sentence that is long enough to be wrapped."] * 3
    figure = explored_figure(scenes(count, regions, queries), 8, "ld: regions and patches", told)
    drawn = len(figure.axes) / count
    assert drawn == 1 + bool(regions) + regions + queries
    assert not is_clipped(figure)
    numbers = {str(number) for number in range(1, queries + 1)}
    crowded = [pair for pair in overlaps(figure) if not numbers.issuperset(pair)]
    assert crowded == []
    said = words(figure)
    assert ("Shares are drawn from 0." in said) == bool(regions)
    assert ("1: 0.50" in said) == (count > 1)


def test_frames_lie_on_the_pixels_of_their_patches() -> None:
    """Of a grid of 4 over 64 px, patch 0 is the first 16 of both axes: the axes' upper left."""
    scene = Scene("a.png", np.zeros((64, 64, 3), dtype=np.uint8), [(1, 0, None), (2, 15, None)])
    photograph, *enlarged = explored_figure([scene], 4, "ld", []).axes
    left, right = photograph.get_xlim()
    lower, upper = photograph.get_ylim()
    first, last = framed(photograph)
    assert (first.x0, first.y0) == (left, upper)
    assert (last.x1, last.y1) == (right, lower)
    assert first.width / (right - left) == 0.25
    for axes in enlarged:
        (image,), (box,) = axes.images, framed(axes)
        assert list(image.get_extent()) == [left, right, lower, upper]
        middle = [sum(ends) / 2 for ends in (axes.get_xlim(), axes.get_ylim())]
        assert [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2] == middle


def framed(axes: Axes) -> list[Bbox]:
    """Where patches are framed."""
    return [each.get_bbox() for each in axes.patches if isinstance(each, Rectangle)]
