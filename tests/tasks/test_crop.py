"""The crop to the field of view, and putting it back."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.preparation import DARK, MARGIN, cropped, field_of_view

repeatable = settings(deadline=None, derandomize=True, max_examples=60)


@st.composite
def views(draw: st.DrawFn) -> np.ndarray:
    """A picture with one or two bright rectangles on darkness, shape (height, width, 3)."""
    height, width = draw(st.integers(1, 90)), draw(st.integers(1, 90))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    image = rng.integers(0, DARK + 1, (height, width, 3)).astype(np.uint8)
    bottom, right = height, width
    for _ in range(draw(st.integers(0, 3))):
        top, left = draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))
        if bottom < height and right < width and draw(st.booleans()):
            top, left = bottom, right  # touches the one before at a corner
        bottom, right = draw(st.integers(top + 1, height)), draw(st.integers(left + 1, width))
        image[top:bottom, left:right, draw(st.integers(0, 2))] = draw(st.integers(DARK + 1, 255))
    return image


def largest(bright: np.ndarray) -> np.ndarray:
    """The largest 8-connected component, by flooding from pixel to pixel."""
    left = {(int(y), int(x)) for y, x in np.argwhere(bright)}
    components = []
    while left:
        frontier = [min(left)]
        left.remove(frontier[0])
        component = []
        while frontier:
            y, x = frontier.pop()
            component.append((y, x))
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            frontier.extend(near)
        components.append(component)
    mask = np.zeros(bright.shape, dtype=bool)
    if components:
        mask[tuple(np.array(max(components, key=len)).T)] = True
    return mask


@repeatable
@given(views())
def test_the_box_holds_the_largest_component_and_its_margin(image: np.ndarray) -> None:
    box = field_of_view(image)
    view = largest(image.max(axis=2) > DARK)
    if box is None:
        assert not view.any()
        return
    top, bottom, left, right = box
    rows, columns = np.flatnonzero(view.any(axis=1)), np.flatnonzero(view.any(axis=0))
    height, width = view.shape
    assert (top, left) == (max(rows[0] - MARGIN, 0), max(columns[0] - MARGIN, 0))
    assert bottom == min(rows[-1] + 1 + MARGIN, height)
    assert right == min(columns[-1] + 1 + MARGIN, width)


@repeatable
@given(views())
def test_putting_the_crop_back_gives_the_field_of_view(image: np.ndarray) -> None:
    box = field_of_view(image)
    if box is None:
        assert cropped(image, box) is image
        return
    top, bottom, left, right = box
    part = cropped(image, box)
    back = np.zeros_like(image)
    back[top:bottom, left:right] = part
    view = largest(image.max(axis=2) > DARK)
    assert np.array_equal(back[view], image[view])
    assert part.size == (bottom - top) * (right - left) * 3
    outside = np.ones(view.shape, dtype=bool)
    outside[top:bottom, left:right] = False
    assert not back[outside].any()
    assert not (view & outside).any()


@repeatable
@given(views())
def test_a_mask_is_cropped_as_its_image(image: np.ndarray) -> None:
    box = field_of_view(image)
    height, width = image.shape[:2]
    place = np.arange(height * width).reshape(height, width)  # every pixel knows where it was
    part, places = cropped(image, box), cropped(place, box)
    assert np.array_equal(part, image.reshape(-1, 3)[places.ravel()].reshape(part.shape))
