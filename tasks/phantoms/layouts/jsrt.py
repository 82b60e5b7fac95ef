"""JSRT's raw radiographs and the masks of SCR."""

from pathlib import Path

import numpy as np

from tasks.phantoms.chest import JSRT, draw_chest
from tasks.phantoms.layouts.writing import Layout, Line, Request, save_mask

FOLDER = "JSRT"
SIDES = (256, 512, 1024, 2048)
MASKS = {
    "heart": "heart",
    "left_lung": "left lung",
    "right_lung": "right lung",
    "left_clavicle": "left clavicle",
    "right_clavicle": "right clavicle",
}


def images(request: Request) -> list[str]:
    """Fold and id, such as ``fold1/JPCLN001``."""
    split = request.split("scr")
    folds = (("fold1", split.train), ("fold2", split.test))
    return [f"{fold}/{image}" for fold, ids in folds for image in ids]


def write(root: Path, request: Request, image: str) -> list[Line]:
    """Write a radiograph (raw big-endian 16-bit, 12 bits used, inverted) and its five masks.

    The side is the least of ``SIDES`` that is at least the requested size.
    """
    fold, name = image.split("/")
    side = next((s for s in SIDES if s >= request.size), SIDES[-1])
    phantom = draw_chest(JSRT, side, False, request.rng(FOLDER, name))
    raw = 4095 - np.round(4095 * phantom.image)
    path = root / FOLDER / f"{name}.IMG"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(raw.astype(">u2").tobytes())
    for structure, folder in MASKS.items():
        target = root / "SCR" / fold / "masks" / folder / f"{name}.gif"
        save_mask(target, phantom.masks[structure], 255)
    return []


layout = Layout(FOLDER, images, write)
