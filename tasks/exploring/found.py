"""Where patches of one image are found again in others."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, Int

from methods.errors import InputError
from tasks.exploring.patches import apart, nearest


class AloneError(InputError):
    """An image in which its patches cannot be sought; says what to give besides."""


@dataclass(frozen=True, slots=True)
class Found:
    """Patches of the first image and the nearest ones of all images searched.

    Attributes:
        grid: Patches a side.
        queries: The patches asked about.
        searched: Places of the images searched: all but the first, or it alone.
        patches: The nearest patch of each of them, by query.
        similarities: Their cosines, in [-1, 1].
        average: Mean cosine of the queries with every patch that could have been found.
    """

    grid: int
    queries: tuple[int, ...]
    searched: tuple[int, ...]
    patches: Int[np.ndarray, "queries searched"]
    similarities: Float[np.ndarray, "queries searched"]
    average: float

    def best(self, count: int) -> list[int]:
        """Places of the images that answer best, by mean similarity; in the images' order."""
        order = np.argsort(-self.similarities.mean(axis=0), kind="stable")
        return sorted(self.searched[int(place)] for place in order[:count])

    def stayed(self) -> int:
        """How many nearest patches lie where their query does, or touch that place."""
        away = np.stack([apart(query, self.grid) for query in self.queries])
        return int((~np.take_along_axis(away, self.patches, axis=1)).sum())

    def marks(self, image: int) -> list[tuple[int, int, float | None]]:
        """What to mark in an image: number of the query from 1 on, patch, similarity.

        The queries themselves have no similarity.
        """
        marks = list[tuple[int, int, float | None]]()
        if image == 0:
            marks += [(number, patch, None) for number, patch in enumerate(self.queries, start=1)]
        if image in self.searched:
            place = self.searched.index(image)
            for number, (patches, cosines) in enumerate(
                zip(self.patches, self.similarities, strict=True), start=1
            ):
                marks.append((number, int(patches[place]), float(cosines[place])))
        return marks


def search(
    vectors: Float32[np.ndarray, "images patches dim"], queries: Sequence[int], grid: int
) -> Found:
    """Find the patches of the first image that are asked about in all the others.

    Where there are no others, they are sought in the first itself, away from themselves.

    Args:
        vectors: A unit vector for every patch of every image.
        queries: Patches of the first image.
        grid: Patches a side.

    Raises:
        AloneError: If there is one image only, and no patch of it lies away from a query.
    """
    alone = len(vectors) == 1
    others = vectors if alone else vectors[1:]
    similarities = np.einsum("qd,npd->qnp", vectors[0, list(queries)], others)
    counted = np.ones(similarities.shape, dtype=bool)
    if alone:
        counted[:, 0] = np.stack([apart(patch, grid) for patch in queries])
        if not counted.any(axis=2).all():
            raise AloneError(
                f"a grid of {grid} x {grid} patches leaves none to find in the image itself: give "
                "a second IMAGE"
            )
    patches, cosines = nearest(np.where(counted, similarities, -np.inf))
    return Found(
        grid=grid,
        queries=tuple(queries),
        searched=(0,) if alone else tuple(range(1, len(vectors))),
        patches=patches,
        similarities=cosines,
        average=float(similarities[counted].mean()),
    )
