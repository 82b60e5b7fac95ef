"""Unlabelled images to pre-train on."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tasks import preparation
from tasks.base import NORMALISATION, Domain, MissingDataError, Source, digest, manifest
from tasks.cache import cached
from tasks.reading import read_image
from tasks.segmentation import READERS

#: Share of a pool's images, its last by sorted name, that serve the validation loss.
HELD_OUT = 0.1
#: Photographs whose field of view fills less than this share of the picture are skipped.
SMALLEST_FIELD = 0.25


@dataclass(frozen=True, slots=True)
class PoolInfo:
    """Facts about a pool and where its images lie under the data root."""

    name: str
    domain: Domain
    dataset: str
    patterns: tuple[str, ...]
    page: str
    terms: str


POOLS = {
    info.name: info
    for info in (
        PoolInfo(
            "idrid_grading",
            "fundus",
            "IDRiD, B. Disease Grading",
            ("IDRiD/B. Disease Grading/1. Original Images/*/*.jpg",),
            "https://ieee-dataport.org/open-access/indian-diabetic-retinopathy-image-dataset-idrid",
            "CC BY 4.0",
        ),
        PoolInfo(
            "chestxray14",
            "chest X-ray",
            "NIH ChestX-ray14",
            ("CXR8/images/**/*.png",),
            "https://nihcc.app.box.com/v/ChestXray-NIHCC",
            "free to use; link the page, cite Wang et al., CVPR 2017, name the NIH Clinical Center",
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool's prepared images.

    Attributes:
        info: Facts.
        files: Paths below the data root, in the order of ``pixels``.
        pixels: uint8, shape (images, channels, side, side).
        manifest: Digest of every file's bytes and the preparation.
        skipped: Files without a usable field of view.
        excluded: Files left out on purpose, e.g. because they recur among test images.
    """

    info: PoolInfo
    files: tuple[str, ...]
    pixels: np.ndarray
    manifest: str
    skipped: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def without(self, files: Sequence[str]) -> "Pool":
        """The pool without some files, e.g. those that recur among test images."""
        dropped = set(files)
        kept = [row for row, file in enumerate(self.files) if file not in dropped]
        names = tuple(self.files[row] for row in kept)
        excluded = (*self.excluded, *sorted(dropped))
        return Pool(self.info, names, self.pixels[kept], self.manifest, self.skipped, excluded)


def pool_files(name: str, source: Source) -> list[Path]:
    """Every image of a pool, sorted by path.

    Raises:
        MissingDataError: If there is none.
    """
    info = POOLS[name]
    paths = sorted(path for pattern in info.patterns for path in source.root.glob(pattern))
    if not paths:
        raise MissingDataError(
            f"{info.dataset}: no image matches {info.patterns[0]} under {source.root}; obtain it "
            f"from {info.page} ({info.terms})"
        )
    return paths


def load_pool(
    name: str, source: Source, size: int, observe: Callable[[int], None] | None = None
) -> Pool:
    """Read and prepare a pool, once.

    Args:
        name: A key of ``POOLS``.
        source: The data root and the cache.
        size: Side of the prepared images in pixels.
        observe: Called after each image with 1.

    Raises:
        MissingDataError: If the pool is not under the root.
        ImageError: If a file cannot be used.
    """
    info = POOLS[name]
    paths = pool_files(name, source)
    hashes = manifest(source.root, paths)
    key = digest([hashes, preparation.VERSION, size])

    def make() -> np.ndarray:
        with ThreadPoolExecutor(READERS) as readers:
            rows = []
            for row in readers.map(lambda path: prepared(path, info.domain, size), paths):
                rows.append(row)
                if observe is not None:
                    observe(1)
        return np.stack(rows)

    planes = cached(source.cache, f"{name}-{size}", key, make)
    # An image that was skipped is stored as zeros, which no photograph is.
    kept = [row for row in range(len(paths)) if planes[row].any()]
    names = [path.relative_to(source.root).as_posix() for path in paths]
    skipped = tuple(name for row, name in enumerate(names) if row not in set(kept))
    return Pool(info, tuple(names[row] for row in kept), planes[kept], key, skipped)


def prepared(path: Path, domain: Domain, size: int) -> np.ndarray:
    """One image, (channels, size, size); zeros if it is skipped."""
    channels = NORMALISATION[domain].channels
    image = read_image(path, channels)
    if domain == "fundus":
        box = preparation.field_of_view(image)
        height, width = image.shape[:2]
        if box is None or (box[1] - box[0]) * (box[3] - box[2]) < SMALLEST_FIELD * height * width:
            return np.zeros((channels, size, size), dtype=np.uint8)
        image = preparation.cropped(image, box)
    small = preparation.smaller_image(preparation.resized(image), size)
    return small.transpose(2, 0, 1)
