"""STARE: PPM photographs with two observers' vessels, every other image gzipped."""

import gzip
import io
from pathlib import Path

import numpy as np
from PIL import Image

from tasks.phantoms.fundus import draw_fundus
from tasks.phantoms.layouts.writing import Layout, Line, Request
from tasks.phantoms.looks import STARE
from tasks.splits import read_split

FOLDER = "STARE"
#: Share of eyes with much pathology: 10 of the 20 (Hoover et al., IEEE TMI 2000).
ILL = 0.5


def images(request: Request) -> list[str]:
    """Ids such as ``im0001``."""
    split = request.split("stare_vessel")
    return [*split.train, *split.test]


def write(root: Path, request: Request, image: str) -> list[Line]:
    """Write a photograph and its vessels by the observers ``ah`` and ``vk``."""
    rng = request.rng(FOLDER, image)
    severity = rng.uniform(0.6, 1.0) if rng.random() < ILL else 0.0
    phantom = draw_fundus(STARE, request.size, severity, bool(rng.random() < 0.5), rng)
    masks = (phantom.masks["vessel"], phantom.masks["vessel_second"])
    first, second = (mask.astype(np.uint8) * np.uint8(255) for mask in masks)
    save_ppm(root / FOLDER / "stare-images" / f"{image}.ppm", phantom.image, zipped(image))
    save_ppm(root / FOLDER / "labels-ah" / f"{image}.ah.ppm", first, zipped(image))
    save_ppm(root / FOLDER / "labels-vk" / f"{image}.vk.ppm", second, zipped(image))
    return []


def zipped(image: str) -> bool:
    """Whether an image's files are gzipped: every other one of the published list."""
    split = read_split("stare_vessel")
    return (*split.train, *split.test).index(image) % 2 == 0


def save_ppm(path: Path, pixels: np.ndarray, zip_it: bool) -> None:
    """Save uint8 pixels as portable pixmap or, without colour, greymap; ``.gz`` is added."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, format="PPM")
    if zip_it:
        # Without a time stamp, so that the same arguments give the same bytes.
        packed = gzip.compress(content.getvalue(), mtime=0)
        path.with_name(f"{path.name}.gz").write_bytes(packed)
    else:
        path.write_bytes(content.getvalue())


layout = Layout(FOLDER, images, write)
