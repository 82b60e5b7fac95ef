"""The family of landmark tasks: a point in each image, to be found from one annotated image.

Nothing is trained on labels. Support images are drawn from the published training list, the
official test images score. Images are prepared as for segmentation, and points move with them.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Float64

from tasks import preparation
from tasks.base import NORMALISATION, Source, TaskScores
from tasks.cache import Recipe, cached
from tasks.landmarks.data import LandmarkData, LandmarkSettings, Placed
from tasks.listed import Family, ListedTask
from tasks.manifest import Watch, digest
from tasks.reading import ImageError, read_image
from tasks.splits import Split, read_split

#: Bytes behind each prepared image: its point, two float64. The cache keeps bytes.
POINT_BYTES = 16

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Marked:
    """One image and the files that say where its landmark is."""

    id: str
    image: Path
    truths: tuple[Path, ...]


def moved(point: Point, shape: tuple[int, ...], box: preparation.Box | None) -> Point:
    """A point of a picture, as a fraction of the part that a crop leaves.

    Args:
        point: (x, y) as fractions of the whole picture.
        shape: Height and width of the whole picture, pixels.
        box: Top, bottom, left and right of the crop; None for none.

    Returns:
        (x, y); outside [0, 1] if the crop leaves the point out.
    """
    if box is None:
        return point
    top, bottom, left, right = box
    height, width = shape[:2]
    x, y = point
    return (x * width - left) / (right - left), (y * height - top) / (bottom - top)


def packed(planes: np.ndarray, point: Point) -> np.ndarray:
    """An image's planes with its point behind, as one row of bytes."""
    return np.concatenate([planes.ravel(), np.array(point, dtype=np.float64).view(np.uint8)])


def unpacked(
    rows: np.ndarray, channels: int, size: int
) -> tuple[np.ndarray, Float64[np.ndarray, "images 2"]]:
    """Images, which are not copied, and their points."""
    images = rows[:, :-POINT_BYTES].reshape(len(rows), channels, size, size)
    return images, np.ascontiguousarray(rows[:, -POINT_BYTES:]).view(np.float64)


class LandmarkTask(ListedTask):
    """A point, scored by its distance to where one support image's point is found again."""

    family: ClassVar[Family] = "landmarks"
    protocol: ClassVar[str] = "landmark-1"
    #: The stored split (``tasks.splits``).
    split_name: ClassVar[str] = ""

    @abstractmethod
    def marked(self, root: Path, image_id: str) -> Marked:
        """The files of one image, as the official archive lays them out."""

    @abstractmethod
    def point(self, marked: Marked, shape: tuple[int, ...]) -> Point:
        """The landmark (x, y) as fractions of the whole picture, of which the shape is known.

        Raises:
            ImageError: If the files do not tell.
        """

    def split(self, source: Source) -> Split:
        """The published split, or the part of it that a phantom root holds."""
        return source.held(read_split(self.split_name))

    def every(self, source: Source) -> list[Marked]:
        """All images, those that train first."""
        split = self.split(source)
        return [self.marked(source.root, name) for name in split.train + split.test]

    def wanted(self, source: Source) -> list[Path]:
        """Every file that the task reads, once each, there or not."""
        paths = (path for one in self.every(source) for path in (one.image, *one.truths))
        return list(dict.fromkeys(paths))

    def test_images(self, source: Source) -> dict[str, Path]:
        """Every test image's file, by its id."""
        ids = self.split(source).test
        return {image_id: self.marked(source.root, image_id).image for image_id in ids}

    def facts(self, source: Source) -> dict[str, Any]:
        """What decides the prepared images besides the files' bytes: which point belongs where."""

        def below(path: Path) -> str:
            return path.relative_to(source.root).as_posix()

        return {
            "version": preparation.VERSION,
            "domain": self.info.domain,
            "landmark": self.name,
            "variant": self.variant(source.root),
            "images": [[o.id, *map(below, (o.image, *o.truths))] for o in self.every(source)],
        }

    def load(
        self, source: Source, settings: LandmarkSettings, watch: Watch | None = None
    ) -> LandmarkData:
        """Read and prepare images and points.

        Raises:
            MissingDataError: If files are missing; nothing is written then.
            ImageError: If a file cannot be used.
        """
        split = self.split(source)
        hashes = source.hashes(self.name, self.files(source))
        rows = self.prepare(source, settings.size, watch)
        images, points = unpacked(rows, self.channels, settings.size)
        border = len(split.train)
        return LandmarkData(
            Placed(split.train, images[:border], points[:border]),
            Placed(split.test, images[border:], points[border:]),
            normalisation=NORMALISATION[self.info.domain],
            manifest=digest([hashes, asdict(split), self.facts(source)]),
            settings=settings,
            kind=source.kind,
            variant=self.variant(source.root),
        )

    def image(self, source: Source, image_id: str) -> Path:
        """The file of one image."""
        return self.marked(source.root, image_id).image

    def decoded(self, source: Source, image_id: str, size: int) -> np.ndarray:
        """One image's grey levels, read anew; its point is looked at, too."""
        return self.row(self.marked(source.root, image_id), size)[:-POINT_BYTES]

    def fitting(self, data: LandmarkData, values: Mapping[str, Any]) -> LandmarkData:
        """The same images with a cell's settings."""
        known = {**values, "windows": tuple(values.get("windows", ()))}
        return replace(data, settings=LandmarkSettings(**known))

    def prepare(self, source: Source, size: int, watch: Watch | None = None) -> np.ndarray:
        """Images with their points, (images, channels * size * size + ``POINT_BYTES``).

        A smaller size is derived from the images at 512 px where these are there already.
        """
        hashes = source.hashes(self.name, self.files(source))
        every, facts, channels = self.every(source), self.facts(source), self.channels

        def recipe(side: int) -> Recipe:
            shape = (len(every), channels * side**2 + POINT_BYTES)
            return Recipe(f"{self.name}-{side}", source.root, hashes, facts, shape)

        large = recipe(preparation.SIDE).path(source.cache)
        if size < preparation.SIDE and large.exists():
            whole = np.load(large, mmap_mode="r", allow_pickle=False)
            images, points = unpacked(whole, channels, preparation.SIDE)

            def derived(n: int) -> np.ndarray:
                return packed(
                    preparation.smaller_planes(images[n], size), (points[n, 0], points[n, 1])
                )

            return cached(source.cache, recipe(size), derived, watch)
        return cached(source.cache, recipe(size), lambda n: self.row(every[n], size), watch)

    def row(self, marked: Marked, size: int) -> np.ndarray:
        """One prepared image with its point behind.

        Raises:
            ImageError: If the point lies outside what the preparation leaves of the picture.
        """
        image = read_image(marked.image, self.channels)
        box = preparation.field_of_view(image) if self.info.domain == "fundus" else None
        point = moved(self.point(marked, image.shape), image.shape, box)
        if not all(0.0 <= part <= 1.0 for part in point):
            raise ImageError(
                f"the landmark of {marked.id} in {marked.truths[0]} lies outside the field of view "
                f"of {marked.image}: is it of another picture, or of one of another size?"
            )
        large = preparation.resized(preparation.cropped(image, box)).transpose(2, 0, 1)
        return packed(preparation.smaller_planes(large, size), point)

    def evaluate(
        self,
        pretrained: Any,  # noqa: ANN401
        data: LandmarkData,
        *,
        seed: int,
        stages: Sequence[str],
        observe: Callable[[int], None] | None = None,
        checkpoints: Any = None,  # noqa: ANN401, ARG002  (short: never resumed)
    ) -> TaskScores:
        """Find the landmark of every test image from each support image alone."""
        from tasks.landmarks.scoring import localise  # noqa: PLC0415  (imports torch)

        scores = localise(pretrained, data, tuple(stages), seed=seed, observe=observe)
        if data.variant:
            scores.facts["variant"] = data.variant
        return scores
