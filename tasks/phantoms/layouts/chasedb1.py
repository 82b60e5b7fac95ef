"""CHASE_DB1: both eyes of each child, flat, with two observers' vessels."""

from pathlib import Path

from PIL import Image

from tasks.phantoms.fundus import draw_fundus
from tasks.phantoms.layouts.writing import Layout, Line, Request, save_photograph
from tasks.phantoms.looks import CHASEDB1, of_person

FOLDER = "CHASEDB1"


def images(request: Request) -> list[str]:
    """Ids such as ``Image_01L``."""
    split = request.split("chasedb1_vessel")
    return [*split.train, *split.test]


def write(root: Path, request: Request, image: str) -> list[Line]:
    """Write a photograph and its vessels by the first and the second observer.

    A child's eyes mirror each other in place, size and colour; each has vessels of its own.
    """
    look = of_person(CHASEDB1, request.rng(f"{FOLDER}/person", image[:-1]))
    phantom = draw_fundus(look, request.size, 0.0, image.endswith("R"), request.rng(FOLDER, image))
    save_photograph(root / FOLDER / f"{image}.jpg", phantom.image)
    for observer, structure in (("1stHO", "vessel"), ("2ndHO", "vessel_second")):
        # One bit a pixel, as in the archive.
        mask = Image.fromarray(phantom.masks[structure])
        mask.save(root / FOLDER / f"{image}_{observer}.png")
    return []


layout = Layout(FOLDER, images, write)
