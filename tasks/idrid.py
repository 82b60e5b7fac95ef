"""IDRiD: fundus photographs with lesions and optic discs outlined."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from tasks.base import PHANTOM_MARK, Source, TaskInfo
from tasks.segmentation import Example, SegmentationTask
from tasks.splits import Split, read_split

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
        note="ids do not tell whether two photographs are of one person",
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


class ExtraIdrid(Idrid):
    """A lesion that the LD reference ships masks of, but does not score.

    A missing mask means that no such lesion was marked. The published lists leave those
    photographs out; phantoms are drawn for the list of all photographs, so there it matters.
    """

    def split(self, source: Source) -> Split:
        """The published split; of phantoms, the photographs that the root holds."""
        if source.scale == 1.0 and source.most is None:
            return super().split(source)
        return source.held(read_split("idrid"))

    def example(self, root: Path, image_id: str) -> Example:
        """As for every task of IDRiD, but a photograph without the lesion has no mask."""
        example = super().example(root, image_id)
        listed = read_split(self.split_name)
        required = image_id in listed.train + listed.test and not (root / PHANTOM_MARK).is_file()
        if required or example.masks[0].is_file():
            return example
        return replace(example, masks=())


class ExtraIdridMicroaneurysms(ExtraIdrid):
    """Microaneurysms, the smallest lesions: dots of a few pixels."""

    name = "extra_idrid_microaneurysms"
    info = info("Microaneurysms", "lesion")
    structure = ("1. Microaneurysms", "MA")


class ExtraIdridHaemorrhages(ExtraIdrid):
    """Haemorrhages."""

    name = "extra_idrid_haemorrhages"
    split_name = "idrid_haemorrhages"
    info = info("Haemorrhages", "lesion")
    structure = ("2. Haemorrhages", "HE")


class ExtraIdridSoftExudates(ExtraIdrid):
    """Soft exudates, or cotton-wool spots."""

    name = "extra_idrid_soft_exudates"
    split_name = "idrid_soft_exudates"
    info = info("Soft exudates", "lesion")
    structure = ("4. Soft Exudates", "SE")
