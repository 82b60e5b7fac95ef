"""SIIM-ACR: DICOM radiographs and run-length masks of the pneumothorax."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool
from scipy.ndimage import label

from tasks.phantoms.chest import SIIM, ChestPhantom, draw_chest
from tasks.phantoms.dicom import SYNTAXES, write_dicom
from tasks.phantoms.layouts.writing import Layout, Line, Request
from tasks.rle import NEGATIVE, encode

FOLDER = "SIIM-ACR"
SPLIT = "siim_pneumothorax"
TABLE = f"{FOLDER}/train-rle.csv"
#: Radiographs without pneumothorax at scale 1: a stand-in for 9,378, only to be left out.
NEGATIVES, LEAST_NEGATIVES = 200, 2
NEGATIVE_UID = "1.2.276.0.7230010.3.1.4.8323329.{number}.1517800000.{number}"
#: How often each transfer syntax is used; the real archive is JPEG throughout.
SHARES = {"jpeg": 0.6, "rle": 0.2, "plain": 0.2}
#: Share of masks cut into two rows of the table, and by how many lines these overlap.
CUT, OVERLAP = 0.2, 2


def images(request: Request) -> list[str]:
    """UIDs: the published positives, then some negatives."""
    split = request.split(SPLIT)
    numbers = range(20001, 20001 + request.count(NEGATIVES, LEAST_NEGATIVES))
    return [*split.train, *split.test, *(NEGATIVE_UID.format(number=n) for n in numbers)]


def write(root: Path, request: Request, image: str) -> list[Line]:
    """Write a radiograph; its rows of the table carry the blanks that some releases have."""
    phantom = radiograph(request, image)
    rng = request.rng(f"{FOLDER}/file", image)
    syntax = str(rng.choice(SYNTAXES, p=[SHARES[name] for name in SYNTAXES]))
    write_dicom(root / dicom_path(image), image, phantom.levels, syntax)
    rows = [encode(part) for part in parts(phantom.masks["pneumothorax"], rng)] or [NEGATIVE]
    return [Line(TABLE, f"{image}, {row}") for row in rows]


def radiograph(request: Request, image: str) -> ChestPhantom:
    """One radiograph; the published images all show a pneumothorax."""
    positive = image.split(".")[-2] != NEGATIVE_UID.split(".")[-2]
    return draw_chest(SIIM, request.size, positive, request.rng(FOLDER, image))


def dicom_path(image: str) -> str:
    """Path below the data root: study, series and image, whose UIDs differ in one place."""
    study, series = (image.replace(".3.1.4.", f".3.1.{level}.") for level in (2, 3))
    return f"{FOLDER}/dicom-images-train/{study}/{series}/{image}.dcm"


def parts(
    mask: Bool[np.ndarray, "side side"], rng: np.random.Generator
) -> list[Bool[np.ndarray, "side side"]]:
    """A mask's connected pieces, now and then one more for a cut through; together the mask."""
    pieces, count = label(mask)
    found = [pieces == number for number in range(1, count + 1)]
    if found and rng.random() < CUT:
        whole = max(found, key=np.count_nonzero)
        rows = np.flatnonzero(whole.any(axis=1))
        middle = int(rows[len(rows) // 2])
        upper, lower = whole.copy(), whole.copy()
        upper[middle + OVERLAP :], lower[:middle] = False, False
        halves = [half for half in (upper, lower) if half.any()]
        found = [*(piece for piece in found if piece is not whole), *halves]
    return found


layout = Layout(FOLDER, images, write, {TABLE: "ImageId, EncodedPixels"})
