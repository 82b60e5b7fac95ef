"""From an encoder and images to what it sees in them, as a figure and as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from rich.console import Console
from rich.progress import track

from benchmark.durable import json_text, put_file
from benchmark.looking import Looker, looker
from benchmark.machine import device_called
from benchmark.report.explored import numbers, title, told
from benchmark.report.figures.canvas import png
from benchmark.report.figures.explored import Scene, explored_figure
from methods.errors import ConfigError
from tasks.base import NORMALISATION
from tasks.exploring.found import search
from tasks.exploring.patches import patch_at, shows, spread_out
from tasks.pixels import ImageError
from tasks.pools import prepared
from tasks.preparation import SIDE
from tasks.reading import SUFFIXES

Image = UInt8[np.ndarray, "channels side side"]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be looked at.

    Attributes:
        images: The first is the one asked about.
        places: Of the patches, as shares (x, y) of the prepared image; spread by themselves if
            there are none.
        count: How many patches, where they are spread.
        limit: How many images are drawn, at most.
        seed: Of the spreading.
    """

    images: Sequence[Path]
    places: Sequence[tuple[float, float]]
    count: int
    limit: int
    seed: int


def explore(folder: Path, asked: Asked, out: Path, device: str, console: Console) -> str:
    """Draw an encoder's regions and nearest patches; nothing is written unless all is well.

    Args:
        folder: The encoder's.
        asked: Images and patches.
        out: The PNG.
        device: Where to compute.
        console: Told what is shown in place of what the method has not.

    Returns:
        The same as numbers, in JSON.

    Raises:
        InputError: If the encoder or an image cannot be used, or the figure not be written.
    """
    one = looker(folder, device_called(device))
    for note in one.notes:
        console.print(f"note: {note}")
    small = [
        seen(path, one, one.size)
        for path in track(
            asked.images,
            "reading",
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
    ]
    queries = chosen(asked, small[0], one.seeing.grid)
    found = search(one.seeing.vectors(small), queries, one.seeing.grid)
    drawn = [0, *(place for place in found.best(asked.limit - 1) if place)]
    shares = one.seeing.shares([small[place] for place in drawn])
    scenes = [
        Scene(
            name=asked.images[image].name,
            picture=coloured(seen(asked.images[image], one, SIDE)),
            marks=found.marks(image),
            shares=shares[place] if shares else None,
        )
        for place, image in enumerate(drawn)
    ]
    head = title(one, asked.images)
    figure = explored_figure(scenes, found.grid, head, told(one, found, len(drawn)))
    put_file(out, png(figure))
    areas = {
        str(asked.images[image]): scene.areas().tolist()
        for image, scene in zip(drawn, scenes, strict=True)
        if scene.shares is not None
    }
    return json_text(numbers(one, asked.images, found, areas) | {"figure": str(out)})


def seen(path: Path, one: Looker, size: int) -> Image:
    """An image as the encoder's domain prepares it.

    Raises:
        ImageError: If it is none, or none of that domain.
    """
    try:
        image = prepared(path, one.domain, size)
    except ImageError as error:
        values = NORMALISATION[one.domain]
        raise ImageError(
            f"{error}; {one.method} was trained on {one.domain} images of {values.channels} "
            f"channel{'s' if values.channels > 1 else ''}"
        ) from error
    if not image.any():
        raise ImageError(
            f"{path} is dark, or its field of view fills less than a quarter of it: leave it out"
        )
    return image


def chosen(asked: Asked, image: Image, grid: int) -> list[int]:
    """The patches asked about: those named, or as many as wanted of those that show something."""
    if asked.places:
        return [patch_at(x, y, grid) for x, y in asked.places]
    return spread_out(shows(image, grid), asked.count, asked.seed)


def coloured(image: Image) -> UInt8[np.ndarray, "side side 3"]:
    """An image to draw; grey ones get three equal channels."""
    colours = image if len(image) == 3 else np.repeat(image, 3, axis=0)
    return np.ascontiguousarray(colours.transpose(1, 2, 0))


def image_paths(given: Sequence[Path], out: Path) -> list[Path]:
    """Every image named, folders opened, none twice, and never the figure itself.

    Raises:
        ConfigError: If something named is not there, or holds no image.
    """
    found = dict[Path, Path]()
    for place in given:
        if not place.exists():
            raise ConfigError(f"there is no {place}: name an image file, or a folder of images")
        if place.resolve() == out.resolve():
            raise ConfigError(f"--out {out} is one of the images: name another file")
        inside = sorted(place.iterdir()) if place.is_dir() else [place]
        listed = [path for path in inside if path.suffix.lower() in SUFFIXES and path.is_file()]
        listed = [path for path in listed if path.resolve() != out.resolve()]
        if not listed:
            raise ConfigError(
                f"{place} is no image, and no folder with images: known are {', '.join(SUFFIXES)}"
            )
        for path in listed:
            found.setdefault(path.resolve(), path)
    return [*found.values()]
