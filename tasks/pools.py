"""Unlabelled images to pre-train on."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from methods.errors import UnknownNameError
from tasks import preparation
from tasks.base import NORMALISATION, Domain, MissingDataError, Source
from tasks.cache import Recipe, cached
from tasks.manifest import Watch, digest
from tasks.reading import SUFFIXES, read_image

#: Share of a pool's images, its last by sorted name, that serve the validation loss where nothing
#: is published.
HELD_OUT = 0.1
#: Photographs whose field of view fills less than this share of the picture are skipped.
SMALLEST_FIELD = 0.25


@dataclass(frozen=True, slots=True)
class PoolInfo:
    """Facts about a pool and where its images lie.

    Attributes:
        name: As plans call it; a folder's own path for a pool of somebody's own images.
        domain: Which preparation and normalisation apply.
        dataset: The data set's own name.
        patterns: Where its images lie below the data root, or below ``folder``.
        page: Where it is obtained.
        terms: Licence or conditions of use.
        training: How many images train, the first by sorted name; 0: all but a tenth.
        folder: The folder of somebody's own images; None below the data root.
        images: How many there are as published; 0 of somebody's own.
    """

    name: str
    domain: Domain
    dataset: str
    patterns: tuple[str, ...]
    page: str
    terms: str
    training: int = 0
    folder: Path | None = None
    images: int = 0

    def root(self, source: Source) -> Path:
        """What the pool's paths are relative to."""
        return self.folder or source.root


#: Numbers of training images are the LD paper's; that they are the first by name is our choice.
POOLS = {
    info.name: info
    for info in (
        PoolInfo(
            "eyepacs",
            "fundus",
            "Kaggle Diabetic Retinopathy (EyePACS)",
            ("kaggle_dr/*.jpeg",),
            "https://www.kaggle.com/c/diabetic-retinopathy-detection/data",
            "the competition's rules; redistribution forbidden",
            training=30_000,
            images=35_126,
        ),
        PoolInfo(
            "idrid_grading",
            "fundus",
            "IDRiD, B. Disease Grading",
            ("IDRiD/B. Disease Grading/1. Original Images/*/*.jpg",),
            "https://ieee-dataport.org/open-access/indian-diabetic-retinopathy-image-dataset-idrid",
            "CC BY 4.0",
            images=516,
        ),
        PoolInfo(
            "open_fundus",
            "fundus",
            "photographs of IDRiD, CHASE_DB1 and HRF",
            (
                "IDRiD/B. Disease Grading/1. Original Images/*/*.jpg",
                "IDRiD/A. Segmentation/1. Original Images/a. Training Set/*.jpg",
                "CHASEDB1/*.jpg",
                "HRF/images/*",
            ),
            "the page of each: ldbench data status --root DATA",
            "all CC BY 4.0",
            images=643,
        ),
        PoolInfo(
            "chestxray14",
            "chest X-ray",
            "NIH ChestX-ray14",
            ("CXR8/images/**/*.png",),
            "https://nihcc.app.box.com/v/ChestXray-NIHCC",
            "free to use; link the page, cite Wang et al., CVPR 2017, name the NIH Clinical Center",
            training=100_000,
            images=112_120,
        ),
    )
}


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool's prepared images.

    Attributes:
        info: Facts.
        files: Paths below the pool's root, in the order of ``rows``.
        array: All prepared images, uint8, (images, channels, side, side), memory-mapped.
        rows: Which rows of ``array`` belong to the pool.
        manifest: Digest of every file's bytes and the preparation.
        hashes: SHA-256 of every file's bytes.
        held_out: How many of the last images serve the validation loss.
        skipped: Files without a usable field of view.
        excluded: Files left out on purpose, e.g. because they recur among test images.
    """

    info: PoolInfo
    files: tuple[str, ...]
    array: np.ndarray
    rows: np.ndarray
    manifest: str
    hashes: dict[str, str]
    held_out: int
    skipped: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()

    def without(self, files: Sequence[str]) -> "Pool":
        """The pool without some files; the same images as before serve the validation loss.

        If none of those is left, the last of the others do in the same share, and the manifest says
        so: IDRiD's official test part is the last of its pool, and of no use to it where the same
        photographs test landmarks.
        """
        dropped = set(files)
        kept = [place for place, file in enumerate(self.files) if file not in dropped]
        border = len(self.files) - self.held_out
        held_out, manifest = sum(place >= border for place in kept), self.manifest
        if self.held_out and not held_out and len(kept) > 1:
            held_out = max(1, len(kept) * self.held_out // len(self.files))
            manifest = digest([manifest, "validation", held_out])
        return replace(
            self,
            files=tuple(self.files[place] for place in kept),
            rows=self.rows[kept],
            held_out=held_out,
            manifest=manifest,
            excluded=(*self.excluded, *sorted(dropped)),
        )


def pool_called(name: str, domain: Domain) -> PoolInfo:
    """A registered pool, or a folder of somebody's own images.

    Args:
        name: A key of ``POOLS``, or a folder's path: anything with a "/" in it, or ".".
        domain: Of the folder's images.

    Raises:
        UnknownNameError: If it is neither.
    """
    if name in POOLS:
        return POOLS[name]
    if "/" not in name and name != ".":
        near = difflib.get_close_matches(name, POOLS, n=1, cutoff=0.0)[0]
        raise UnknownNameError(
            f"unknown pool {name!r}; did you mean {near!r}? Known: {', '.join(sorted(POOLS))}; a "
            f"folder of images is written with a slash: ./{name}"
        )
    folder = Path(name)
    return PoolInfo(name, domain, folder.name, ("**/*",), "your own", "your own", folder=folder)


def pool_files(info: PoolInfo, source: Source) -> list[Path]:
    """Every image of a pool, sorted by path.

    Raises:
        MissingDataError: If one of its patterns has none: a part of a pool is another pool.
    """
    root, every = info.root(source), set[Path]()
    for pattern in info.patterns:
        there = {path for path in root.glob(pattern) if path.suffix.lower() in SUFFIXES}
        found = {path for path in there if path.is_file()}
        if not found and info.folder is not None:
            raise MissingDataError(f"the pool {info.name} is no folder with images: give another")
        if not found:
            raise MissingDataError(
                f"{info.dataset}: no image matches {pattern} under {source.root}; obtain it "
                f"from {info.page} ({info.terms})"
            )
        every |= found
    return sorted(every)


def load_pool(info: PoolInfo, source: Source, size: int, watch: Watch | None = None) -> Pool:
    """Read and prepare a pool, once.

    Args:
        info: Facts, e.g. from ``POOLS``.
        source: The data root and the cache.
        size: Side of the prepared images in pixels.
        watch: Called with the number of images that are there at once, then with 1 for each made.

    Raises:
        MissingDataError: If the pool is not there.
        ImageError: If a file cannot be used.
    """
    root, paths = info.root(source), pool_files(info, source)
    label = info.name if info.folder is None else f"folder-{info.dataset}"
    hashes = source.hashes(label, paths, root)
    channels = NORMALISATION[info.domain].channels

    def recipe(side: int) -> Recipe:
        facts = {"version": preparation.VERSION, "domain": info.domain, "size": side}
        shape = (len(paths), channels, side, side)
        return Recipe(f"{label}-{side}", root, hashes, facts, shape)

    large = recipe(preparation.SIDE).path(source.cache)
    if size < preparation.SIDE and large.exists():
        whole = np.load(large, mmap_mode="r", allow_pickle=False)
        array = cached(
            source.cache, recipe(size), lambda n: preparation.smaller_planes(whole[n], size), watch
        )
    else:
        array = cached(
            source.cache, recipe(size), lambda n: prepared(paths[n], info.domain, size), watch
        )
    # An image that was skipped is stored as zeros, which no photograph is.
    names = [path.relative_to(root).as_posix() for path in paths]
    kept = [row for row in range(len(paths)) if array[row].any()]
    skipped = tuple(names[row] for row in sorted(set(range(len(paths))) - set(kept)))
    return Pool(
        info,
        tuple(names[row] for row in kept),
        array,
        np.array(kept, dtype=np.int64),
        recipe(size).key,
        hashes,
        validating(info, len(kept)),
        skipped,
    )


def validating(info: PoolInfo, count: int) -> int:
    """How many of a pool's images, its last, serve the validation loss.

    Args:
        info: Facts.
        count: Usable images.
    """
    published = 0 < info.training < count
    held_out = count - info.training if published else max(1, int(HELD_OUT * count))
    return min(held_out, max(count - 1, 0))


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
    return preparation.smaller_planes(preparation.resized(image).transpose(2, 0, 1), size)
