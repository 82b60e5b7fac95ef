"""IDRiD: fundus photographs with lesions and optic discs outlined."""

from pathlib import Path
from typing import ClassVar

from tasks.base import TaskInfo
from tasks.segmentation import Example, SegmentationTask

SEGMENTATION = Path("IDRiD", "A. Segmentation")
PARTS = ("a. Training Set", "b. Testing Set")
#: Ids up to this number are the official training part.
LAST_TRAINING = 54

CITATION = "Porwal et al., Data 3(3):25, 2018, doi:10.3390/data3030025"
PAGE = "https://ieee-dataport.org/open-access/indian-diabetic-retinopathy-image-dataset-idrid"


def info(title: str, kind: str) -> TaskInfo:
    """The facts that IDRiD's tasks share."""
    return TaskInfo(
        title=title,
        domain="fundus",
        kind="lesion" if kind == "lesion" else "anatomy",
        dataset="IDRiD",
        folder="IDRiD",
        owner="Porwal et al., SGGS Institute of Engineering and Technology, Nanded",
        page=PAGE,
        citation=CITATION,
        terms="CC BY 4.0",
    )


class Idrid(SegmentationTask):
    """An outlined structure of IDRiD's 81 photographs."""

    split_name = "idrid"
    structure: ClassVar[tuple[str, str]]  # folder and suffix

    def example(self, root: Path, image_id: str) -> Example:
        """The photograph and its mask in the official archive's folders."""
        part = PARTS[int(image_id.rsplit("_", 1)[1]) > LAST_TRAINING]
        folder, suffix = self.structure
        truths = root / SEGMENTATION / "2. All Segmentation Groundtruths" / part / folder
        return Example(
            image_id,
            root / SEGMENTATION / "1. Original Images" / part / f"{image_id}.jpg",
            (truths / f"{image_id}_{suffix}.tif",),
        )


class IdridOpticDisc(Idrid):
    """Optic disc in colour fundus photographs."""

    name = "idrid_optic_disc"
    info = info("Optic disc", "anatomy")
    structure = ("5. Optic Disc", "OD")


class IdridHardExudates(Idrid):
    """Hard exudates, the bright lipid deposits of diabetic retinopathy."""

    name = "idrid_hard_exudates"
    info = info("Hard exudates", "lesion")
    structure = ("3. Hard Exudates", "EX")
