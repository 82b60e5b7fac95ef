"""Visual words: where their crops lie, and which images hold them."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.base import Draws


def nearest(
    features: Float[Tensor, "images dim"], references: Int[Tensor, " words"], count: int
) -> Int[Tensor, "words count"]:
    """Each reference and the images nearest to it, by Euclidean distance of their features."""
    features = features.double()
    return torch.cdist(features[references], features).argsort(dim=1, stable=True)[:, :count]


def scattered(count: int, room: float, apart: float, tries: int) -> Float[Tensor, "count 2"]:
    """Random places in a square, none too near another.

    Draws from torch's global generator.

    Args:
        count: Number of places.
        room: Places lie in [-room, room] x [-room, room].
        apart: Least distance; a place that finds no room in its tries is put where it may.
        tries: Candidates for each place.
    """
    places = torch.empty(0, 2)
    for candidates in room * (2.0 * torch.rand(count, tries, 2) - 1.0):
        free = (torch.cdist(candidates, places) >= apart).all(dim=1)
        places = torch.cat([places, candidates[free.long().argmax()][None]])
    return places


def word_of(
    index: Int[Tensor, " batch"], holders: Int[Tensor, "words count"], draws: Draws
) -> Int[Tensor, " batch"]:
    """One of the words that an image holds, at random; -1 if it holds none.

    Args:
        index: Each image's place in the pool.
        holders: The images that hold each word.
        draws: Source of randomness.
    """
    holds = (holders == index[:, None, None]).any(dim=2)
    lots = draws.uniform("word", shape=(len(holders),)).masked_fill(~holds, -1.0)
    return torch.where(holds.any(dim=1), lots.argmax(dim=1), -1)
