"""The search itself: a pool in chunks against all test images at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from tasks.base import Domain
from tasks.leaks import alignment, candidates
from tasks.leaks.detail import (
    LOOKS,
    SIDE,
    Detail,
    Look,
    Plane,
    Stack,
    detail,
    greys,
    softened,
    view,
)

Evidence = Literal["identical file", "same picture"]

#: Pool images held at a time; a chunk took about 210 MB when measured.
CHUNK = 512


@dataclass(frozen=True, slots=True)
class Leak:
    """A pool image that is also a test image.

    Attributes:
        test_image: Id or path of the test image.
        pool_image: Path of the pool image.
        evidence: Equal bytes, or the same picture.
        similarity: Correlation of detail, up to 1; 1 for equal bytes.
        task: The task whose test image it is; empty if it was not said.
    """

    test_image: str
    pool_image: str
    evidence: Evidence
    similarity: float
    task: str = ""


def identical_files(pool: Mapping[str, str], test: Mapping[str, str]) -> list[Leak]:
    """Pairs of files with equal bytes, in the order of ``test``, then of ``pool``.

    Args:
        pool: SHA-256 by path.
        test: SHA-256 by path or id.
    """
    places: dict[str, list[str]] = {}
    for path, sha256 in pool.items():
        places.setdefault(sha256, []).append(path)
    return [
        Leak(name, path, "identical file", 1.0)
        for name, sha256 in test.items()
        for path in places.get(sha256, [])
    ]


@dataclass(frozen=True, slots=True)
class Seen:
    """Images as they are compared: grey levels, their detail, and that detail blurred."""

    grey: Detail
    detail: Detail
    soft: Detail

    @classmethod
    def of(cls, images: Stack, look: Look) -> "Seen":
        """Prepare images for the comparison."""
        grey = greys(images)
        fine = np.stack([detail(plane, view(plane, look), look) for plane in grey])
        return cls(grey, fine, softened(fine))


def find_leaks(
    pool: Stack,
    pool_files: tuple[str, ...],
    test: Stack,
    test_ids: tuple[str, ...],
    domain: Domain,
    observe: Callable[[int], None] | None = None,
) -> list[Leak]:
    """Every pool image that shows what a test image shows, in the order of the test images.

    The pool is read once, 512 images at a time, so give the test images of all tasks of a domain
    together. Memory: about 210 MB for a chunk, 0.6 MB per test image.

    Args:
        pool: Prepared pool images, 128 px a side; may be memory-mapped.
        pool_files: Their paths.
        test: Prepared test images, 128 px a side.
        test_ids: Their ids.
        domain: Decides how images are compared and from which similarity on two are one.
        observe: Called after each chunk with its number of pool images.

    Raises:
        ValueError: If the images have another size, or names and images differ in number.
    """
    for stack, names in ((pool, pool_files), (test, test_ids)):
        if stack.shape[2:] != (SIDE, SIDE):
            raise ValueError(f"leaks are sought at {SIDE} px, not at {stack.shape[2]} px")
        if len(stack) != len(names):
            raise ValueError(f"{len(stack)} images have {len(names)} names: give one for each")
    if not len(test) or not len(pool):
        return []
    look = LOOKS[domain]
    tests = Seen.of(test, look)
    variants = [candidates.variants(soft) for soft in tests.soft]
    found: list[tuple[int, int, float]] = []
    for first in range(0, len(pool), CHUNK):
        chunk = Seen.of(np.asarray(pool[first : first + CHUNK]), look)
        hashes = candidates.hashes(chunk.soft)
        for row, seen in enumerate(variants):
            for place, value in matches(seen, hashes, chunk, (tests, row), look):
                found.append((row, first + place, value))
        if observe is not None:
            observe(len(chunk.grey))
    return [
        Leak(test_ids[row], pool_files[place], "same picture", round(value, 4))
        for row, place, value in sorted(found)
    ]


def matches(
    variants: np.ndarray,
    hashes: np.ndarray,
    chunk: Seen,
    test: tuple[Seen, int],
    look: Look,
) -> list[tuple[int, float]]:
    """Rows of a chunk that show what one test image shows, with their similarity.

    Args:
        variants: The test image's hashes.
        hashes: The chunk's.
        chunk: Pool images.
        test: The test images and the row of the one meant.
        look: How images are compared.
    """
    products, axes = candidates.closest(variants, hashes)
    rows = np.flatnonzero(products >= look.candidate)
    if not len(rows):
        return []
    tests, row = test
    coarse = alignment.Template.of(tests.soft[row], 2, look.turns)
    fine = alignment.Template.of(tests.detail[row], 1, look.turns)
    out = []
    for place in rows.tolist():
        affine = alignment.start(axes[place])
        soft = chunk.soft[place][::2, ::2]
        affine = alignment.aligned(soft, coarse, affine)
        seen = alignment.warped(soft, affine, 2)
        if alignment.correlation(coarse.pixels, seen) < look.blurred:
            continue
        affine = alignment.aligned(chunk.detail[place], fine, affine)
        seen = alignment.warped(chunk.detail[place], affine, 1)
        if alignment.correlation(tests.detail[row], seen) < look.near:
            continue
        value = at_one_scale(tests.grey[row], chunk.grey[place], affine, look)
        if value >= look.same:
            out.append((place, value))
    return out


def at_one_scale(test: Plane, pool: Plane, affine: alignment.Affine, look: Look) -> float:
    """Correlation of detail taken after the pool's grey levels were laid on the test image.

    Before, the same vessel had another width, so another detail, in a crop than in the whole.
    """
    moved = alignment.warped(pool, affine, 1)
    seen = alignment.warped(view(pool, look).astype(np.float32), affine, 1) > 0.99
    own = view(test, look)
    common = own & seen
    if common.sum() < alignment.OVERLAP * own.sum():
        return 0.0
    return alignment.correlation(detail(test, common, look), detail(moved, common, look))
