"""Drishti-GS1: discs and cups as soft maps, in which each level is a vote of four observers."""

from dataclasses import replace
from pathlib import Path

from tasks.phantoms.fundus import draw_fundus
from tasks.phantoms.layouts.writing import Layout, Line, Request, save_levels, save_photograph
from tasks.phantoms.looks import DRISHTI
from tasks.phantoms.observers import soft_map

FOLDER = "Drishti-GS1_files"
PARTS = {"Training": "GT", "Test": "Test_GT"}  # folder of the masks
#: Share of eyes with glaucoma: 70 of 101 (Sivaswamy et al., JSM Biomed. Imaging 2015).
GLAUCOMA = 70 / 101
NORMAL_CUP = (0.35, 0.55)
#: By how much of the disc's radius observers differ: on the disc little, on the cup more.
SPREAD = {"disc": 0.03, "cup": 0.09}


def images(request: Request) -> list[str]:
    """Names such as ``Training/drishtiGS_036``."""
    split = request.split("drishti")
    parts = zip(PARTS, (split.train, split.test), strict=True)
    return [f"{part}/{image}" for part, ids in parts for image in ids]


def write(root: Path, request: Request, image: str) -> list[Line]:
    """Write a photograph and the soft maps of disc and cup."""
    part, name = image.split("/")
    rng = request.rng(FOLDER, name)
    look = DRISHTI if rng.random() < GLAUCOMA else replace(DRISHTI, cup=NORMAL_CUP)
    phantom = draw_fundus(look, request.size, 0.0, bool(rng.random() < 0.5), rng)
    folder = root / FOLDER / FOLDER / part
    save_photograph(folder / "Images" / f"{name}.png", phantom.image)
    for structure, stem in (("disc", "ODsegSoftmap"), ("cup", "cupsegSoftmap")):
        spread = SPREAD[structure] * phantom.disc_radius
        levels = soft_map(phantom.masks[structure], spread, phantom.disc_radius, rng)
        save_levels(folder / PARTS[part] / name / "SoftMap" / f"{name}_{stem}.png", levels)
    return []


layout = Layout(FOLDER, images, write)
