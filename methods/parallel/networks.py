"""Encoders and decoders that compute their rank's slice of a batch.

A network becomes split and whole again by a change of its class, as in torch's ``fully_shard``:
parameters, their names, hooks and copies stay what they are.
"""

from collections.abc import Iterator, Sequence
from typing import Any, overload

from torch import Tensor, nn

from methods.networks import Encoder, PixelDecoder
from methods.parallel.gathering import gathered, scattered
from methods.parallel.norm import SplitNorm


class SplitMaps(Sequence[Tensor]):
    """Feature maps of which each rank holds its slice; gathered when they are asked for.

    Most methods ask for the coarsest alone. Not a list, whose items torch may read past
    ``__getitem__``. Every rank must ask alike.
    """

    def __init__(self, slices: Sequence[Tensor], total: int) -> None:
        self.slices = slices
        self.total = total
        self.wholes: dict[int, Tensor] = {}

    def __len__(self) -> int:
        return len(self.slices)

    @overload
    def __getitem__(self, level: int) -> Tensor: ...

    @overload
    def __getitem__(self, level: slice) -> list[Tensor]: ...

    def __getitem__(self, level: int | slice) -> Tensor | list[Tensor]:
        """One map of the whole batch, or several."""
        places = range(len(self))[level]
        if isinstance(places, range):
            return [self[place] for place in places]
        if places not in self.wholes:
            self.wholes[places] = gathered(self.slices[places], self.total)
        return self.wholes[places]

    def __iter__(self) -> Iterator[Tensor]:
        return (self[level] for level in range(len(self)))


class SplitEncoder(Encoder):
    """Passes its slice of the images."""

    def forward(self, images: Tensor) -> SplitMaps:  # type: ignore[override]  # a list, but lazy
        """The maps of all images, (batch, channels, height, width) each."""
        return SplitMaps(super().forward(scattered(images)), len(images))


class SplitDecoder(PixelDecoder):
    """Decodes its slice of the maps, and gathers what comes out."""

    def forward(self, maps: Sequence[Tensor], wanted: Sequence[str]) -> dict[str, Tensor]:
        """The wanted branches' outputs for all images, (batch, outputs, height, width) each.

        Maps that a split encoder made stay where they are; others are whole on every rank.
        """
        total = maps.total if isinstance(maps, SplitMaps) else len(maps[0])
        slices = maps.slices if isinstance(maps, SplitMaps) else [scattered(each) for each in maps]
        out = super().forward(slices, wanted)
        return {name: gathered(each, total) for name, each in out.items()}


def split_class(whole: type[nn.Module]) -> type[nn.Module]:
    """The split kind of an encoder or decoder, which may be a subclass with changes of its own."""
    split = SplitEncoder if issubclass(whole, Encoder) else SplitDecoder
    return type(f"Split{whole.__name__}", (split, whole), {"whole": whole})


def split_networks(module: nn.Module) -> None:
    """Split every encoder and decoder inside ``module``, with the batch norms they hold.

    Batch norms elsewhere, in projectors, see whole batches and stay what they are.
    """
    for part in module.modules():
        if isinstance(part, Encoder | PixelDecoder):
            change(part, split_class(type(part)))
            for norm in part.modules():
                if type(norm) is nn.BatchNorm2d:
                    change(norm, SplitNorm)


def make_whole(module: nn.Module) -> None:
    """Undo ``split_networks``."""
    for part in module.modules():
        if isinstance(part, SplitEncoder | SplitDecoder | SplitNorm):
            change(part, part.whole)


def change(part: nn.Module, cls: Any) -> None:  # noqa: ANN401
    """Make ``part`` an instance of ``cls``."""
    part.__class__ = cls
