"""HRF: photographs, vessels, the field of view and the disc's centres.

Those are in ``optic_disk_centers.csv``, a copy of the archive's workbook, in its first columns: no
installed library writes workbooks of that format.
"""

from dataclasses import replace
from pathlib import Path

from tasks.phantoms.fundus import draw_fundus
from tasks.phantoms.layouts.writing import Layout, Line, Request, save_mask, save_photograph
from tasks.phantoms.looks import HRF

FOLDER = "HRF"
TABLE = f"{FOLDER}/optic_disk_centers.csv"


def images(request: Request) -> list[str]:
    """Ids such as ``01_dr``."""
    split = request.split("hrf_vessel")
    return [*split.train, *split.test]


def write(root: Path, request: Request, image: str) -> list[Line]:
    """Write a photograph with its two masks; its disc goes into the table of centres.

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
    x, y = phantom.disc
    return [Line(TABLE, f"{image},{round(x)},{round(y)},{round(2 * phantom.disc_radius)}")]


layout = Layout(FOLDER, images, write, {TABLE: "image,Pap. Center x,Pap. Center y,disk diameter"})
