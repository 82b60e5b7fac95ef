"""What ``ldbench explore`` says beside its pictures, and the same as numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.looking import Looker
from tasks.base import PHANTOM_MARK
from tasks.exploring.found import Found
from tasks.exploring.patches import apart, centre


def title(one: Looker, images: Sequence[Path]) -> str:
    """Whose eyes, and that images are phantoms where one is."""
    what = "regions and nearest patches" if one.seeing.divides else "nearest patches"
    folders = {parent for path in images for parent in path.resolve().parents}
    phantom = any((folder / PHANTOM_MARK).is_file() for folder in folders)
    return f"{one.method}: {what}{', phantom images' if phantom else ''}"


def told(one: Looker, found: Found, drawn: int) -> list[str]:
    """What a reader needs beside the drawing."""
    card, cells = one.card.record, f"{found.grid} x {found.grid} cells"
    vectors = "the mean embeddings of" if one.seeing.embeds else "the encoder's features of"
    alone = found.searched == (0,)
    where = "elsewhere in the image" if alone else "in every other image"
    more = len(found.searched) + 1 - drawn
    said = [
        (
            f"Numbered frames: patches of the first image, and the nearest patch {where} by the "
            f"cosine of {vectors} {cells}; the mean over all cells that could be found is "
            f"{found.average:.2f}. Patches are enlarged with their surroundings."
        )
    ]
    if not alone:
        said.append(
            f"{found.stayed()} of the {found.patches.size} nearest patches lie where their query "
            f"does in its image, or touch that place; by lot it would be {by_lot(found)}."
        )
    if one.seeing.divides:
        said.append(
            "Regions: the cluster of the largest share at each pixel, in colours that are the same "
            "for every image. Small maps: shares of each cluster, framed in its colour, with the "
            "part of the image where it is the largest."
        )
    if more > 0 and not alone:
        said.append(
            f"Drawn: {drawn - 1} of {len(found.searched)} images searched, the most similar."
        )
    training, pool = card.get("training", {}), card["pool"]
    said.append(
        f"Encoder: {one.method}, seed {training.get('seed')}, {training.get('images_drawn')} "
        f"images drawn from {pool.get('name')} at {one.size} px."
    )
    return [*said, *one.notes]


def by_lot(found: Found) -> str:
    """How many nearest patches would stay at their queries' places if they were drawn by lot."""
    touching = [1.0 - apart(query, found.grid).mean() for query in found.queries]
    return f"{sum(touching) * len(found.searched):.1f}"


def numbers(
    one: Looker, images: Sequence[Path], found: Found, areas: Mapping[str, Sequence[float]]
) -> dict[str, Any]:
    """What the figure shows, JSON-ready; places are shares of width and height.

    Args:
        one: Who looks.
        images: All of them, the query first.
        found: The patches.
        areas: Of the regions, as parts of the image, by the images drawn.
    """

    def at(patch: int) -> dict[str, float]:
        return dict(zip(("x", "y"), centre(patch, found.grid), strict=True))

    return {
        "method": one.method,
        "grid": found.grid,
        "image": str(images[0]),
        "average": found.average,
        "stayed": found.stayed(),
        "patches": [
            {
                "number": number + 1,
                **at(query),
                "nearest": [
                    {
                        "image": str(images[image]),
                        **at(int(found.patches[number, place])),
                        "similarity": float(found.similarities[number, place]),
                    }
                    for place, image in enumerate(found.searched)
                ],
            }
            for number, query in enumerate(found.queries)
        ],
        "regions": areas,
        "notes": list(one.notes),
    }
