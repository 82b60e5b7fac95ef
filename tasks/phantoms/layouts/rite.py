"""RITE: the photographs of DRIVE with vessels."""

from pathlib import Path

from tasks.phantoms.fundus import draw_fundus
from tasks.phantoms.layouts.writing import Layout, Line, Request, save_mask, save_photograph
from tasks.phantoms.looks import RITE

FOLDER = "RITE"
#: Share of photographs with signs of mild retinopathy: 7 of DRIVE's 40 (Staal et al., 2004).
ILL = 7 / 40


def images(request: Request) -> list[str]:
    """Names such as ``training/21``, as the files begin below ``RITE``."""
    split = request.split("rite_vessel")
    parts = (("training", split.train), ("test", split.test))
    return [f"{part}/{image}" for part, ids in parts for image in ids]


def write(root: Path, request: Request, image: str) -> list[Line]:
    """Write a photograph and its vessels."""
    part, number = image.split("/")
    rng = request.rng(FOLDER, number)
    severity = rng.uniform(0.05, 0.25) if rng.random() < ILL else 0.0
    phantom = draw_fundus(RITE, request.size, severity, bool(rng.random() < 0.5), rng)
    folder = root / FOLDER / part
    save_photograph(folder / "images" / f"{number}_{part}.tif", phantom.image)
    save_mask(folder / "vessel" / f"{number}_{part}.png", phantom.masks["vessel"], 255)
    return []


layout = Layout(FOLDER, images, write)
