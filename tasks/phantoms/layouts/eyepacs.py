"""The Kaggle Diabetic Retinopathy (EyePACS) pool: both eyes of many people, by many cameras."""

from pathlib import Path

import numpy as np

from tasks.phantoms.fundus import draw_fundus
from tasks.phantoms.layouts.writing import Layout, Line, Request, save_photograph
from tasks.phantoms.looks import EYEPACS_CAMERAS, of_person

FOLDER = "kaggle_dr"
COUNT, LEAST = 400, 4  # people at scale 1, a stand-in for 17,563; and at any scale
#: Share without retinopathy in the published labels, 25,810 of 35,126.
HEALTHY = 25810 / 35126
#: Pictures are between these shares of the requested size, as the pool is of many sizes.
SIZES = (0.8, 1.3)
#: Every 25th person's right eye was not lit: such pictures are in the pool and are skipped.
DARK_STEP = 25


def images(request: Request) -> list[str]:
    """Names such as ``10_left``: person and eye."""
    people = range(1, request.count(COUNT, LEAST) + 1)
    return [f"{10 * person}_{side}" for person in people for side in ("left", "right")]


def write(root: Path, request: Request, image: str) -> list[Line]:
    """Write a photograph; both eyes of a person were taken by one camera."""
    person, side = image.split("_")
    common = request.rng(f"{FOLDER}/person", person)
    camera = EYEPACS_CAMERAS[int(common.integers(len(EYEPACS_CAMERAS)))]
    size = round(request.size * common.uniform(*SIZES))
    look = of_person(camera, common)
    rng = request.rng(FOLDER, image)
    severity = 0.0 if rng.random() < HEALTHY else rng.uniform(0.1, 0.9)
    phantom = draw_fundus(look, size, severity, side == "right", rng)
    pixels = phantom.image
    if side == "right" and int(person) % (10 * DARK_STEP) == 0:
        pixels = (pixels * 0.04).astype(np.uint8)
    save_photograph(root / FOLDER / f"{image}.jpeg", pixels)
    return []


layout = Layout(FOLDER, images, write)
