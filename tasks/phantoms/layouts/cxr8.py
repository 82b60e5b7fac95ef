"""NIH ChestX-ray14: radiographs only, one in twelve with a pneumothorax.

SIIM-ACR took its images from here, so some are its test images, as PNG and under another name.
"""

from pathlib import Path

from PIL import Image

from tasks.phantoms.chest import CXR8, ChestPhantom, draw_chest
from tasks.phantoms.layouts import siim
from tasks.phantoms.layouts.writing import Copy, Layout, Line, Request
from tasks.splits import read_split

FOLDER = "CXR8"
COUNT, LEAST = 400, 4  # at scale 1, a stand-in for 112,120; and at any scale
#: Every 20th patient, from the 10th on, is also in the test part of SIIM-ACR.
COPY_STEP, FIRST_COPY = 20, 10


def images(request: Request) -> list[str]:
    """Names such as ``00000001_000``: patient and follow-up."""
    return [f"{patient:08d}_000" for patient in range(1, request.count(COUNT, LEAST) + 1)]


def write(root: Path, request: Request, image: str) -> list[Line]:
    """Write a radiograph as grey PNG."""
    folder = root / FOLDER / "images"
    folder.mkdir(parents=True, exist_ok=True)
    Image.fromarray(radiograph(request, image).levels).save(folder / f"{image}.png")
    return []


def radiograph(request: Request, image: str) -> ChestPhantom:
    """A radiograph of its own, or one of SIIM-ACR."""
    original = original_of(image)
    if original is not None:
        return siim.radiograph(request, original)
    rng = request.rng(FOLDER, image)
    return draw_chest(CXR8, request.size, bool(rng.random() < 1 / 12), rng)


def original_of(image: str) -> str | None:
    """The test image of SIIM-ACR that a radiograph repeats, if any."""
    turn, rest = divmod(int(image.split("_", maxsplit=1)[0]) - FIRST_COPY, COPY_STEP)
    return None if rest or turn < 0 else read_split(siim.SPLIT).test[turn]


def copies(request: Request) -> list[Copy]:
    """Which radiographs repeat a test image of SIIM-ACR."""
    originals = {image: original_of(image) for image in images(request)}
    written = request.split(siim.SPLIT).test  # which a limit cuts, but not the pool
    return [
        Copy(f"{FOLDER}/images/{image}.png", siim.dicom_path(original))
        for image, original in originals.items()
        if original in written
    ]


layout = Layout(FOLDER, images, write, copies=copies)
