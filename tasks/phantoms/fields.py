"""Random numbers, smooth random fields and canvases that all phantoms draw with."""

import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from PIL import Image, ImageDraw, ImageFont

OVERSAMPLING = 3  # canvas pixels per image pixel and axis, so that thin structures keep their share


def derived_rng(seed: int, dataset: str, image: str) -> np.random.Generator:
    """The generator of one image: a function of these three values and of nothing else.

    Args:
        seed: The seed of the whole collection.
        dataset: The data set's folder, e.g. ``IDRiD/A``.
        image: The image's id within it.

    Returns:
        A generator seeded with the SHA-256 digest of the three.
    """
    digest = hashlib.sha256(f"{seed}|{dataset}|{image}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest, "big"))


def smooth_field(
    shape: tuple[int, int], cell: float, rng: np.random.Generator
) -> Float[np.ndarray, "height width"]:
    """Gaussian noise whose bumps are about ``cell`` pixels wide.

    Args:
        shape: Height and width in pixels.
        cell: Distance of independent values in pixels; under 1 counts as 1.
        rng: Source of the noise.

    Returns:
        Field of about zero mean and unit standard deviation.
    """
    height, width = shape
    cell = max(1.0, cell)
    rows, columns = int(height / cell) + 3, int(width / cell) + 3
    coarse = Image.fromarray(rng.standard_normal((rows, columns)).astype(np.float32))
    # The box keeps a cell's size the same in both directions, whatever the rounding above.
    field = coarse.resize(
        (width, height), Image.Resampling.BICUBIC, (1, 1, 1 + width / cell, 1 + height / cell)
    )
    return np.asarray(field) / 0.76  # the standard deviation that bicubic interpolation leaves


class Canvas:
    """An oversampled grey image to draw on; ``coverage`` averages it down to image pixels."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.shape = shape
        self.image = Image.new("L", (shape[1] * OVERSAMPLING, shape[0] * OVERSAMPLING))
        self.draw = ImageDraw.Draw(self.image)

    def polygon(self, points: Float[np.ndarray, "n 2"], value: float = 1.0) -> None:
        """Fill a polygon.

        Args:
            points: Corners as (x, y) in image pixels.
            value: Grey value in [0, 1], replacing what is there.
        """
        self.draw.polygon((points * OVERSAMPLING).ravel().tolist(), fill=round(255 * value))

    def stroke(
        self,
        points: Float[np.ndarray, "n 2"],
        widths: Float[np.ndarray, " n"],
        value: float = 1.0,
    ) -> None:
        """Draw a line of varying width.

        Args:
            points: Centre line as (x, y) in image pixels, at least two.
            widths: Full width at each point in image pixels.
            value: Grey value in [0, 1], replacing what is there.
        """
        xy = (points * OVERSAMPLING).tolist()
        fill = round(255 * value)
        for first in range(0, len(xy) - 1, 3):
            piece: Sequence[tuple[float, float]] = [(x, y) for x, y in xy[first : first + 4]]
            width = max(1, round(float(widths[first]) * OVERSAMPLING))
            self.draw.line(piece, fill=fill, width=width, joint="curve")

    def letter(self, text: str, place: tuple[float, float], height: float) -> None:
        """Write a letter.

        Args:
            text: What to write.
            place: Its upper left corner as (x, y) in image pixels.
            height: In image pixels.
        """
        font = ImageFont.load_default(size=max(1.0, height * OVERSAMPLING))
        corner = (place[0] * OVERSAMPLING, place[1] * OVERSAMPLING)
        self.draw.text(corner, text, fill=255, font=font)

    def coverage(self) -> Float[np.ndarray, "height width"]:
        """The drawing at image resolution, values in [0, 1]."""
        reduced = self.image.reduce(OVERSAMPLING)
        return np.asarray(reduced, dtype=np.float32) / 255


def irregular_outline(
    centre: Float[np.ndarray, "2"], radius: float, rng: np.random.Generator
) -> Float[np.ndarray, "n 2"]:
    """Corners of a blob that is round on average.

    Args:
        centre: Its centre as (x, y) in image pixels.
        radius: Mean radius in image pixels.
        rng: Source of the irregularity.

    Returns:
        Ten corners in order.
    """
    angles = np.linspace(0, 2 * np.pi, 10, endpoint=False)
    radii = radius * rng.uniform(0.65, 1.35, 10)
    flattening = rng.uniform(0.4, 1.0)
    turn = rng.uniform(0, np.pi)
    x, y = radii * np.cos(angles), radii * np.sin(angles) * flattening
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    outline: Float[np.ndarray, "n 2"] = centre + np.stack([x, y], axis=1) @ rotation
    return outline
