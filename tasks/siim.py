"""SIIM-ACR: chest radiographs with the pneumothorax outlined, as DICOM and run lengths."""

import csv
from functools import lru_cache
from pathlib import Path

import numpy as np

from tasks.base import MissingDataError, Source, TaskInfo
from tasks.reading import ImageError
from tasks.rle import NEGATIVE, RleError, decode
from tasks.segmentation import Example, SegmentationTask

ARCHIVE = Path("SIIM-ACR")
IMAGES = ARCHIVE / "dicom-images-train"
TABLE = ARCHIVE / "train-rle.csv"
#: Columns of the table; some releases write a blank before the second.
IMAGE_ID, PIXELS = "ImageId", "EncodedPixels"
#: Positives of the release that the published split was drawn from.
POSITIVES = 2669


class SiimPneumothorax(SegmentationTask):
    """Pneumothorax, in the radiographs that show one."""

    name = "siim_pneumothorax"
    info = TaskInfo(
        title="Pneumothorax",
        domain="chest X-ray",
        kind="lesion",
        dataset="SIIM-ACR",
        folder=ARCHIVE.as_posix(),
        owner="Society for Imaging Informatics in Medicine; images: NIH Clinical Center",
        page="https://www.kaggle.com/c/siim-acr-pneumothorax-segmentation",
        citation=(
            "SIIM-ACR Pneumothorax Segmentation Challenge, 2019; Wang et al., CVPR 2017, "
            "pp. 3462-3471"
        ),
        terms="the competition's rules, see the owner's page",
        note=(
            "the images are of NIH ChestX-ray14, so that a pool of it holds the test images too; "
            "ids do not tell whether two images are of one person"
        ),
    )

    def __init__(self) -> None:
        self.places: dict[Path, dict[str, Path]] = {}

    def example(self, root: Path, image_id: str) -> Example:
        """The radiograph, wherever among studies and series it lies, and the table of masks."""
        if root not in self.places:
            self.places[root] = radiographs(root / IMAGES)
        unknown = root / IMAGES / "<study>" / "<series>" / f"{image_id}.dcm"
        return Example(image_id, self.places[root].get(image_id, unknown), (root / TABLE,))

    def files(self, source: Source) -> list[Path]:
        """Every radiograph of the split, and the table.

        Raises:
            OutsideRootError: If an id leads out of the data root.
            MissingDataError: If any is missing, or an image has no mask in the table.
            RleError: If the table cannot be read.
        """
        self.places.pop(source.root, None)  # what lies there may have changed
        files = super().files(source)
        runs = read_runs(source.root / TABLE)
        split = self.split(source)
        missing = [name for name in split.train + split.test if name not in runs]
        if missing:
            more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
            raise MissingDataError(
                f"{source.root / TABLE} has no mask of {len(missing)} images of the split: "
                f"{', '.join(missing[:3])}{more}; the split needs the release with {POSITIVES} "
                f"positives, from {self.info.page}"
            )
        return files

    def read_masks(self, example: Example, shape: tuple[int, ...]) -> np.ndarray:
        """The union of an image's rows in the table, 0 or 255.

        Raises:
            RleError: If a row is no run lengths, or the table has none of the image.
        """
        (table,) = example.masks
        union = np.zeros(shape, dtype=bool)
        try:
            rows = read_runs(table)[example.id]
        except KeyError as error:
            raise RleError(f"{table} has no mask of {example.id}") from error
        for row in rows:
            try:
                union |= decode(row, shape[0], shape[1])
            except RleError as error:
                raise RleError(f"{table}: {example.id}: {error}") from error
        return union * np.uint8(255)


def radiographs(folder: Path) -> dict[str, Path]:
    """Every ``<study>/<series>/<id>.dcm`` below a folder, by id.

    Raises:
        ImageError: If an id occurs twice: nobody could say which one is meant.
    """
    places: dict[str, Path] = {}
    for path in sorted(folder.glob("*/*/*.dcm")):
        if path.stem in places:
            raise ImageError(f"{path} and {places[path.stem]} have one id: remove one of them")
        places[path.stem] = path
    return places


def read_runs(table: Path) -> dict[str, list[str]]:
    """Run lengths of every image that has any, in the order of the table's rows.

    Raises:
        RleError: If the file is no such table.
    """
    try:
        state = table.stat()
    except OSError as error:
        raise RleError(f"{table} cannot be read: {error}") from error
    return parsed(table, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=2)  # the table is asked for once an image
def parsed(table: Path, _changed: int, _size: int) -> dict[str, list[str]]:
    """The table's rows, by image; negatives are left out.

    Raises:
        RleError: If the file is no text, or lacks one of the two columns.
    """
    runs: dict[str, list[str]] = {}
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file)
            header = [name.strip() for name in next(rows, [])]
            if IMAGE_ID not in header or PIXELS not in header:
                raise RleError(f"{table} needs the columns {IMAGE_ID} and {PIXELS}, not {header}")
            image, pixels = header.index(IMAGE_ID), header.index(PIXELS)
            for row in filter(None, rows):
                if len(row) <= max(image, pixels):
                    raise RleError(f"{table} is cut off in line {rows.line_num}: {row}")
                if row[pixels].strip() != NEGATIVE:
                    runs.setdefault(row[image].strip(), []).append(row[pixels])
    except (UnicodeDecodeError, csv.Error) as error:
        raise RleError(f"{table} is no table: {error}") from error
    return runs
