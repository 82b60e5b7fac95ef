"""HRF: photographs, vessels and the field of view.

Its ``optic_disk_centers*.xls`` are not written: no installed library writes that format.
"""

from dataclasses import replace
from pathlib import Path

from tasks.phantoms.fundus import draw_fundus
from tasks.phantoms.layouts.writing import Layout, Line, Request, save_mask, save_photograph
from tasks.phantoms.looks import HRF
from tasks.splits import read_split

FOLDER = "HRF"


def images(request: Request) -> list[str]:
    """Ids such as ``01_dr``."""
    split = read_split("hrf_vessel").scaled(request.scale)
    return [*split.train, *split.test]


def write(root: Path, request: Request, image: str) -> list[Line]:
    """Write a photograph with its two masks.

    Diabetic eyes (``dr``, extension JPG) have lesions; those with glaucoma (``g``) a wide cup.
    """
    rng = request.rng(FOLDER, image)
    group = image.split("_")[1]
    look = replace(HRF, cup=(0.6, 0.8)) if group == "g" else HRF
    severity = rng.uniform(0.3, 0.8) if group == "dr" else 0.0
    phantom = draw_fundus(look, request.size, severity, bool(rng.random() < 0.5), rng)
    extension = "JPG" if group == "dr" else "jpg"
    folder = root / FOLDER
    save_photograph(folder / "images" / f"{image}.{extension}", phantom.image)
    save_mask(folder / "manual1" / f"{image}.tif", phantom.masks["vessel"], 255)
    save_mask(folder / "mask" / f"{image}_mask.tif", phantom.masks["view"], 255)
    return []


layout = Layout(FOLDER, images, write)
