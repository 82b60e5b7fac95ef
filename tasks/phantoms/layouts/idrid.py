"""IDRiD: segmentation with lesion and disc masks; grading photographs with disc and fovea centres.

As in reality some photographs of the segmentation part recur in the grading part, under other
names and compressed anew.
"""

from pathlib import Path

from tasks.phantoms.fundus import FundusPhantom, draw_fundus
from tasks.phantoms.layouts.writing import (
    QUALITY,
    QUALITY_COPY,
    Copy,
    Layout,
    Line,
    Request,
    save_mask,
    save_photograph,
)
from tasks.phantoms.looks import IDRID
from tasks.splits import read_split

FOLDER = "IDRiD"
SEGMENTATION = f"{FOLDER}/A. Segmentation"
GRADING = f"{FOLDER}/B. Disease Grading/1. Original Images"
LOCALIZATION = f"{FOLDER}/C. Localization/1. Original Images"
CENTRES = f"{FOLDER}/C. Localization/2. Groundtruths"
TRAINING, TESTING = "a. Training Set", "b. Testing Set"
GRADING_COUNTS = {TRAINING: 413, TESTING: 103}  # at scale 1
GRADING_LEAST = {TRAINING: 4, TESTING: 2}
#: Every 17th training photograph of the grading part recurs: 23 of the 27 test photographs at
#: scale 1, about as many as in the real one. The first is no. 18.
COPY_STEP, COPIES = 17, 23
MASKS = {  # folder and suffix of the file
    "microaneurysms": ("1. Microaneurysms", "MA"),
    "haemorrhages": ("2. Haemorrhages", "HE"),
    "hard_exudates": ("3. Hard Exudates", "EX"),
    "soft_exudates": ("4. Soft Exudates", "SE"),
    "disc": ("5. Optic Disc", "OD"),
}
CENTRE_TABLES = {  # of the optic disc and the fovea, under the archive's uneven names
    TRAINING: (
        f"{CENTRES}/1. Optic Disc Center Location/a. IDRiD_OD_Center_Training Set_Markups.csv",
        f"{CENTRES}/2. Fovea Center Location/IDRiD_Fovea_Center_Training Set_Markups.csv",
    ),
    TESTING: (
        f"{CENTRES}/1. Optic Disc Center Location/b. IDRiD_OD_Center_Testing Set_Markups.csv",
        f"{CENTRES}/2. Fovea Center Location/IDRiD_Fovea_Center_Testing Set_Markups.csv",
    ),
}


def segmentation_images(request: Request) -> list[str]:
    """Part and id of the segmentation photographs."""
    split = request.split("idrid")
    parts = ((TRAINING, split.train), (TESTING, split.test))
    return [f"{part}/{image}" for part, ids in parts for image in ids]


def write_segmentation(root: Path, request: Request, image: str) -> list[Line]:
    """Write a photograph and its masks, of 0 and 76; what it does not show has no file."""
    part, name = image.split("/")
    folder = root / SEGMENTATION
    phantom = segmentation_eye(request, name)
    save_photograph(folder / "1. Original Images" / part / f"{name}.jpg", phantom.image)
    for structure, (kind, suffix) in MASKS.items():
        mask = phantom.masks[structure]
        if mask.any():
            target = folder / "2. All Segmentation Groundtruths" / part / kind
            save_mask(target / f"{name}_{suffix}.tif", mask, 76)
    return []


def grading_images(request: Request) -> list[str]:
    """Part and id of the grading photographs."""
    return [
        f"{part}/IDRiD_{number:03d}"
        for part, full in GRADING_COUNTS.items()
        for number in range(1, request.count(full, GRADING_LEAST[part]) + 1)
    ]


def write_grading(root: Path, request: Request, image: str) -> list[Line]:
    """Write a grading photograph; its disc and fovea go into the tables of centres.

    The part with the centres shows the same photographs once more, as in the archive.
    """
    part, name = image.split("/")
    original = original_of(image)
    if original is None:
        phantom = population_eye(request, f"IDRiD/B/{part}", name, healthy=0.4)
    else:
        phantom = segmentation_eye(request, original)
    quality = QUALITY if original is None else QUALITY_COPY
    for folder in (GRADING, LOCALIZATION):
        save_photograph(root / folder / part / f"{name}.jpg", phantom.image, quality)
    places = zip(CENTRE_TABLES[part], (phantom.disc, phantom.fovea), strict=True)
    return [Line(table, f"{name},{round(x)},{round(y)}") for table, (x, y) in places]


def original_of(image: str) -> str | None:
    """Id of the segmentation part's test photograph that a grading photograph repeats, if any."""
    part, name = image.split("/")
    turn, rest = divmod(int(name.rsplit("_", 1)[1]) - 1, COPY_STEP)
    if part != TRAINING or rest or not 1 <= turn <= COPIES:
        return None
    return read_split("idrid").test[turn - 1]


def copies(request: Request) -> list[Copy]:
    """Which grading photographs repeat a test photograph of the segmentation part."""
    originals = {image: original_of(image) for image in grading_images(request)}
    written = request.split("idrid").test  # which a limit cuts, but not the grading part
    tests = f"{SEGMENTATION}/1. Original Images/{TESTING}"
    return [
        Copy(f"{GRADING}/{image}.jpg", f"{tests}/{original}.jpg")
        for image, original in originals.items()
        if original in written
    ]


def segmentation_eye(request: Request, name: str) -> FundusPhantom:
    """One eye of the segmentation part; all of them are ill."""
    return population_eye(request, "IDRiD/A", name, healthy=0.0)


def population_eye(request: Request, dataset: str, name: str, healthy: float) -> FundusPhantom:
    """One eye of IDRiD's population; ``healthy`` is the share of eyes without lesions."""
    rng = request.rng(dataset, name)
    severity = 0.0 if rng.random() < healthy else rng.uniform(0.5, 1.0)
    return draw_fundus(IDRID, request.size, severity, bool(rng.random() < 0.5), rng)


segmentation = Layout(FOLDER, segmentation_images, write_segmentation)
grading = Layout(
    FOLDER,
    grading_images,
    write_grading,
    {
        table: "Image No,X- Coordinate,Y - Coordinate"
        for pair in CENTRE_TABLES.values()
        for table in pair
    },
    copies,
)
