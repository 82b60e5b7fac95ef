"""What the layouts share: the request, how a data set is described, and how files are saved.

A data set is described image by image, so that images can be drawn in any order and in several
processes; lines of tables come back from the images and are written at the end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Bool, UInt8
from PIL import Image

from tasks.phantoms.fields import derived_rng
from tasks.splits import Split, read_split

#: JPEG quality of photographs, and of those that recur elsewhere: other bytes, the same picture.
QUALITY, QUALITY_COPY = 93, 80


@dataclass(frozen=True, slots=True)
class Request:
    """What to write.

    Attributes:
        scale: Share of each data set, in (0, 1].
        seed: Seed of every image.
        size: Short side in pixels.
        most: Limit to the length of tasks' lists (``Split.scaled``); none if None.
    """

    scale: float
    seed: int
    size: int
    most: int | None = None

    def rng(self, dataset: str, image: str) -> np.random.Generator:
        """The generator of one image."""
        return derived_rng(self.seed, dataset, image)

    def split(self, name: str) -> Split:
        """The part of a published split that is written."""
        return read_split(name).scaled(self.scale, self.most)

    def count(self, full: int, least: int) -> int:
        """How many of ``full`` images of a pool, which has no limit, are written."""
        return max(least, round(self.scale * full))


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a data set's table, which an image brings along.

    Attributes:
        table: Path of the table below the data root.
        text: The line, without its end.
    """

    table: str
    text: str


@dataclass(frozen=True, slots=True)
class Copy:
    """An image of a pre-training pool that shows what a test image shows; paths below the root."""

    pool_image: str
    test_image: str


def no_copies(_request: Request) -> list[Copy]:
    """For data sets in which nothing recurs."""
    return []


@dataclass(frozen=True, slots=True)
class Layout:
    """How one part of a data set is laid out and drawn.

    Attributes:
        folder: Where its archive unpacks to, under the data root.
        images: The images to write, each by a name of its own.
        write: Draws one image, writes its files and returns its lines of tables.
        tables: First line of each table, by its path below the root.
        copies: Its images that recur among test images.
    """

    folder: str
    images: Callable[[Request], list[str]]
    write: Callable[[Path, Request, str], list[Line]]
    tables: Mapping[str, str] = field(default_factory=dict)
    copies: Callable[[Request], list[Copy]] = no_copies

    def __call__(self, root: Path, request: Request) -> None:
        """Write all of it below a data root, in this process."""
        lines = [
            line for image in self.images(request) for line in self.write(root, request, image)
        ]
        write_tables(root, [self], lines)


def write_tables(root: Path, layouts: list[Layout], lines: list[Line]) -> None:
    """Write the layouts' tables, their lines in the order given."""
    for layout in layouts:
        for table, header in layout.tables.items():
            texts = [header, *(line.text for line in lines if line.table == table)]
            path = root / table
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join(texts) + "\n", encoding="utf-8")


def save_photograph(
    path: Path, image: UInt8[np.ndarray, "height width 3"], quality: int = QUALITY
) -> None:
    """Save a photograph as JPEG, PNG or TIFF, by the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, object] = {}
    if path.suffix.lower() in {".jpg", ".jpeg"}:
        options = {"format": "JPEG", "quality": quality}
    Image.fromarray(image).save(path, **options)


def save_mask(path: Path, mask: Bool[np.ndarray, "height width"], value: int) -> None:
    """Save a mask of 0 and ``value`` as grey TIFF, PNG or GIF, by the path's suffix."""
    save_levels(path, mask.astype(np.uint8) * np.uint8(value))


def save_levels(path: Path, levels: UInt8[np.ndarray, "height width"]) -> None:
    """Save grey levels as TIFF, PNG or GIF, by the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, object] = {}
    if path.suffix == ".tif":
        options = {"compression": "tiff_lzw"}
    elif path.suffix == ".gif":
        options = {"optimize": False}
    Image.fromarray(levels).save(path, **options)
