"""``ldbench explore``: an encoder's regions, and patches that look alike to it, as a picture."""

import os
from pathlib import Path
from typing import Annotated

import typer

from benchmark.options import Device
from methods.errors import ConfigError

#: Patches that can be told apart by their colours, at most.
MOST = 8

Encoder = Annotated[
    Path,
    typer.Argument(
        metavar="ENCODER", help="One of OUT/encoders, or a results folder with one encoder."
    ),
]
Images = Annotated[
    list[Path],
    typer.Argument(
        metavar="IMAGE",
        help="Files, or folders of them; patches of the first are sought in the others.",
    ),
]
Picture = Annotated[Path, typer.Option(help="PNG to write.")]
At = Annotated[
    list[str] | None,
    typer.Option(
        metavar="X,Y",
        help="A patch to look for, as shares of the width and height drawn: 0.3,0.5; repeat for "
        "several. Spread over the image if omitted.",
    ),
]
Patches = Annotated[int, typer.Option(min=1, max=MOST, help="How many, where --at is omitted.")]
Limit = Annotated[
    int, typer.Option(min=1, help="Images drawn at most: the first and the nearest of the others.")
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print what was found as JSON instead of the picture's name.")
]
Seed = Annotated[int, typer.Option(min=0, help="Of the places of patches.")]


def explore(
    encoder: Encoder,
    images: Images,
    out: Picture,
    at: At = None,
    patches: Patches = 4,
    limit: Limit = 5,
    seed: Seed = 0,
    device: Device = "auto",
    *,
    as_json: AsJson = False,
) -> None:
    """Draw the regions that ENCODER sees in each IMAGE, and patches that look alike to it."""
    places = [place(text) for text in at or ()]
    if len(places) > MOST:
        raise ConfigError(f"--at is given {len(places)} times: {MOST} patches can be told apart")
    writable(out)
    from rich.console import Console  # noqa: PLC0415

    from benchmark.explore import Asked, image_paths  # noqa: PLC0415
    from benchmark.explore import explore as drawn  # noqa: PLC0415

    asked = Asked(image_paths(images, out), places, patches, limit, seed)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    numbers = drawn(encoder, asked, out, device, console)
    print(numbers if as_json else f"{out}\n", end="")


def place(text: str) -> tuple[float, float]:
    """X,Y as shares of width and height.

    Raises:
        ConfigError: If it is none, or outside the image.
    """
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        x = y = -1.0
    if not (0.0 <= x <= 1.0 and 0.0 <= y <= 1.0):
        raise ConfigError(
            f"--at {text}: write X,Y as shares of the width and height, each from 0 to 1"
        )
    return x, y


def writable(out: Path) -> None:
    """Insist, before anything is computed, that the picture can be written.

    Raises:
        ConfigError: If it cannot.
    """
    folder = out.absolute().parent
    if out.suffix.lower() != ".png" or out.is_dir() or not folder.is_dir():
        raise ConfigError(f"--out {out}: name a .png file in a folder that exists")
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"--out {out}: writing to {folder} is not permitted, name another folder")
