"""Write phantoms in the layouts and file formats of the official archives.

Each function takes the folder that stands for the data root, and gives every image a generator
of its own, so that neither its neighbours nor the scale change it.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool
from PIL import Image

from tasks.phantoms.chest import CXR8, JSRT, draw_chest
from tasks.phantoms.fields import derived_rng
from tasks.phantoms.fundus import FundusPhantom, draw_fundus
from tasks.phantoms.looks import CHASEDB1, HRF, IDRID
from tasks.splits import read_split

GRADING_TRAIN, GRADING_TEST, CXR8_IMAGES = 413, 103, 400  # at scale 1
JSRT_SIDES = (256, 512, 1024, 2048)
IDRID_MASKS = {  # folder and suffix of the file
    "microaneurysms": ("1. Microaneurysms", "MA"),
    "haemorrhages": ("2. Haemorrhages", "HE"),
    "hard_exudates": ("3. Hard Exudates", "EX"),
    "soft_exudates": ("4. Soft Exudates", "SE"),
    "disc": ("5. Optic Disc", "OD"),
}
SCR_MASKS = {
    "heart": "heart",
    "left_lung": "left lung",
    "right_lung": "right lung",
    "left_clavicle": "left clavicle",
    "right_clavicle": "right clavicle",
}


@dataclass(frozen=True, slots=True)
class Request:
    """What to write: share of each data set in (0, 1], seed, short side in pixels."""

    scale: float
    seed: int
    size: int

    def rng(self, dataset: str, image: str) -> np.random.Generator:
        """The generator of one image."""
        return derived_rng(self.seed, dataset, image)


def write_idrid_segmentation(root: Path, request: Request) -> None:
    """Write ``IDRiD/A. Segmentation``: photographs with lesion and disc masks.

    Masks hold 0 and 76. A lesion that a picture does not show has no file, as in the archive.
    """
    split = read_split("idrid").scaled(request.scale)
    folder = root / "IDRiD" / "A. Segmentation"
    for part, ids in (("a. Training Set", split.train), ("b. Testing Set", split.test)):
        for image in ids:
            phantom = idrid_phantom("IDRiD/A", image, request, healthy=0.0)
            save_photograph(folder / "1. Original Images" / part / f"{image}.jpg", phantom)
            for structure, (kind, suffix) in IDRID_MASKS.items():
                mask = phantom.masks[structure]
                target = folder / "2. All Segmentation Groundtruths" / part / kind
                if mask.any():
                    save_mask(target / f"{image}_{suffix}.tif", mask, 76)


def write_idrid_grading(root: Path, request: Request) -> None:
    """Write ``IDRiD/B. Disease Grading``: photographs only, about 40 % of them healthy."""
    folder = root / "IDRiD" / "B. Disease Grading" / "1. Original Images"
    for part, full, least in (
        ("a. Training Set", GRADING_TRAIN, 4),
        ("b. Testing Set", GRADING_TEST, 2),
    ):
        for number in range(1, max(least, round(request.scale * full)) + 1):
            image = f"IDRiD_{number:03d}"
            phantom = idrid_phantom(f"IDRiD/B/{part}", image, request, healthy=0.4)
            save_photograph(folder / part / f"{image}.jpg", phantom)


def idrid_phantom(dataset: str, image: str, request: Request, healthy: float) -> FundusPhantom:
    """One eye of IDRiD's population; ``healthy`` is the share of eyes without lesions."""
    rng = request.rng(dataset, image)
    severity = 0.0 if rng.random() < healthy else rng.uniform(0.5, 1.0)
    return draw_fundus(IDRID, request.size, severity, bool(rng.random() < 0.5), rng)


def write_chasedb1(root: Path, request: Request) -> None:
    """Write ``CHASEDB1``, flat: photographs and the first observer's vessels."""
    split = read_split("chasedb1_vessel").scaled(request.scale)
    for image in split.train + split.test:
        rng = request.rng("CHASEDB1", image)
        phantom = draw_fundus(CHASEDB1, request.size, 0.0, image.endswith("R"), rng)
        save_photograph(root / "CHASEDB1" / f"{image}.jpg", phantom)
        vessels = Image.fromarray(phantom.masks["vessel"])
        vessels.save(root / "CHASEDB1" / f"{image}_1stHO.png")


def write_hrf(root: Path, request: Request) -> None:
    """Write ``HRF``: photographs, vessels and the field of view.

    Diabetic eyes (``dr``, extension JPG) have lesions; those with glaucoma (``g``) a wide cup.
    """
    split = read_split("hrf_vessel").scaled(request.scale)
    for image in split.train + split.test:
        rng = request.rng("HRF", image)
        group = image.split("_")[1]
        look = replace(HRF, cup=(0.6, 0.8)) if group == "g" else HRF
        severity = rng.uniform(0.3, 0.8) if group == "dr" else 0.0
        phantom = draw_fundus(look, request.size, severity, bool(rng.random() < 0.5), rng)
        extension = "JPG" if group == "dr" else "jpg"
        save_photograph(root / "HRF" / "images" / f"{image}.{extension}", phantom)
        save_mask(root / "HRF" / "manual1" / f"{image}.tif", phantom.masks["vessel"], 255)
        save_mask(root / "HRF" / "mask" / f"{image}_mask.tif", phantom.masks["view"], 255)


def write_jsrt(root: Path, request: Request) -> None:
    """Write ``JSRT`` (raw big-endian 16-bit, 12 bits used, inverted) and the masks of ``SCR``.

    The side is the least of ``JSRT_SIDES`` that is at least the requested size.
    """
    split = read_split("scr").scaled(request.scale)
    side = next((s for s in JSRT_SIDES if s >= request.size), JSRT_SIDES[-1])
    (root / "JSRT").mkdir(parents=True)
    for fold, ids in (("fold1", split.train), ("fold2", split.test)):
        for image in ids:
            phantom = draw_chest(JSRT, side, False, request.rng("JSRT", image))
            raw = 4095 - np.round(4095 * phantom.image)
            (root / "JSRT" / f"{image}.IMG").write_bytes(raw.astype(">u2").tobytes())
            for structure, name in SCR_MASKS.items():
                target = root / "SCR" / fold / "masks" / name / f"{image}.gif"
                save_mask(target, phantom.masks[structure], 255)


def write_cxr8(root: Path, request: Request) -> None:
    """Write ``CXR8/images``: radiographs only, one in twelve with a pneumothorax."""
    folder = root / "CXR8" / "images"
    folder.mkdir(parents=True)
    for patient in range(1, max(4, round(request.scale * CXR8_IMAGES)) + 1):
        image = f"{patient:08d}_000"
        rng = request.rng("CXR8", image)
        phantom = draw_chest(CXR8, request.size, bool(rng.random() < 1 / 12), rng)
        Image.fromarray(np.round(255 * phantom.image).astype(np.uint8)).save(
            folder / f"{image}.png"
        )


def save_photograph(path: Path, phantom: FundusPhantom) -> None:
    """Save a photograph as JPEG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(phantom.image).save(path, format="JPEG", quality=93)


def save_mask(path: Path, mask: Bool[np.ndarray, "height width"], value: int) -> None:
    """Save a mask of 0 and ``value`` as grey TIFF or GIF, by the path's suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"compression": "tiff_lzw"} if path.suffix == ".tif" else {"optimize": False}
    Image.fromarray(mask.astype(np.uint8) * np.uint8(value)).save(path, **options)
