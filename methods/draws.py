"""Random numbers that depend on what they are for, not on when they are asked for.

An augmentation's numbers are a pure function of (seed, step, image, purpose). They are therefore
the same whatever an image's place in the batch, the number of workers or the rank.
"""

import hashlib
import json
from collections.abc import Sequence
from copy import copy

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

#: Increment and multipliers of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014, Fig. 17).
GOLDEN_GAMMA = np.uint64(0x9E3779B97F4A7C15)
MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


def derive_seed(*parts: int | str) -> int:
    """A 63-bit seed from named parts, so that adding a consumer never shifts another's stream."""
    digest = hashlib.sha256(json.dumps(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def occurrences(index: Sequence[int]) -> Int[Tensor, " batch"]:
    """How often each index already stood earlier in the batch."""
    seen: dict[int, int] = {}
    times = []
    for image in index:
        times.append(seen.get(image, 0))
        seen[image] = times[-1] + 1
    return torch.tensor(times, dtype=torch.long)


def scrambled(state: np.ndarray) -> np.ndarray:
    """SplitMix64's output function on an array of 64-bit states."""
    state = (state ^ (state >> np.uint64(30))) * MULTIPLIERS[0]
    state = (state ^ (state >> np.uint64(27))) * MULTIPLIERS[1]
    return np.asarray(state ^ (state >> np.uint64(31)), dtype=np.uint64)


class Draws:
    """Random numbers for one batch, one row an image; of several purposes (``each``), a block each.

    Args:
        seed: Seed of the run.
        step: Optimiser step the batch belongs to.
        index: Each image's index in the pool.
        occurrence: How often the image already occurred in this step's batch, so that an image
            drawn twice is augmented twice. Zeros if omitted.
        device: Where results are put.
    """

    def __init__(
        self,
        seed: int,
        step: int,
        index: Int[Tensor, " batch"],
        occurrence: Int[Tensor, " batch"] | None = None,
        device: torch.device | None = None,
    ) -> None:
        self.seed, self.step, self.device = seed, step, device or torch.device("cpu")
        self.purposes: tuple[str, ...] = ("",)
        times = torch.zeros_like(index) if occurrence is None else occurrence
        self._keys = np.stack([index.cpu().numpy(), times.cpu().numpy()]).astype(np.uint64)

    def __len__(self) -> int:
        return int(self._keys.shape[1]) * len(self.purposes)

    def part(self, rows: slice) -> "Draws":
        """The draws of some of the batch's images."""
        chosen = copy(self)
        chosen._keys = self._keys[:, rows]
        return chosen

    def named(self, purpose: str) -> "Draws":
        """The same images' draws for another purpose, e.g. the second view."""
        return self.each((purpose,))

    def each(self, purposes: Sequence[str]) -> "Draws":
        """The draws of ``named`` for several purposes, one block of rows after another."""
        other = copy(self)
        other.purposes = tuple(f"{had}/{purpose}" for had in self.purposes for purpose in purposes)
        return other

    def on(self, device: torch.device) -> "Draws":
        """The same numbers, put elsewhere: on the CPU, choosing rows makes no GPU wait."""
        other = copy(self)
        other.device = device
        return other

    def bits(self, name: str, count: int) -> np.ndarray:
        """``count`` independent 64-bit integers a row, shape (rows, count)."""
        seeds = [derive_seed(self.seed, self.step, purpose, name) for purpose in self.purposes]
        state = np.array(seeds, dtype=np.uint64)[:, None]
        for key in self._keys:
            state = scrambled(state + (key + np.uint64(1)) * GOLDEN_GAMMA)
        steps = np.arange(1, count + 1, dtype=np.uint64) * GOLDEN_GAMMA
        return scrambled(state.reshape(-1, 1) + steps)

    def uniform(
        self, name: str, low: float = 0.0, high: float = 1.0, shape: tuple[int, ...] = ()
    ) -> Float[Tensor, "batch *shape"]:
        """Uniform in [low, high), float32, shape (batch, *shape)."""
        count = int(np.prod(shape, dtype=np.int64))
        # 24 bits fill a float32's mantissa.
        unit = (self.bits(name, count) >> np.uint64(40)).astype(np.float32) * np.float32(2**-24)
        # Scaling may round to the upper end, which does not belong to the range.
        below = max(np.nextafter(np.float32(high), np.float32(low)), np.float32(low))
        values = np.minimum(np.float32(low) + np.float32(high - low) * unit, below)
        return torch.from_numpy(values).reshape(len(self), *shape).to(self.device)

    def normal(self, name: str, shape: tuple[int, ...] = ()) -> Float[Tensor, "batch *shape"]:
        """Standard normal by inversion, float32, shape (batch, *shape)."""
        values: Tensor = torch.special.ndtri(self.uniform(name, 2**-25, 1.0, shape))
        return values

    def chance(self, name: str, probability: float) -> Bool[Tensor, " batch"]:
        """True with the given probability, one value an image."""
        return self.uniform(name) < probability

    def integers(self, name: str, high: int, shape: tuple[int, ...] = ()) -> Int[Tensor, "..."]:
        """Integers in [0, high), shape (batch, *shape)."""
        return (self.uniform(name, 0.0, float(high), shape)).long().clamp_(max=high - 1)

    def permutations(self, name: str, length: int) -> Int[Tensor, "batch length"]:
        """A random order of ``length`` things for each image."""
        return self.uniform(name, shape=(length,)).argsort(dim=1)
