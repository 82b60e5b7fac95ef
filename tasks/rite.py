"""RITE: the forty photographs of DRIVE, with vessels outlined anew for training."""

from pathlib import Path

from tasks.base import TaskInfo
from tasks.segmentation import Example, SegmentationTask

#: Ids up to this number are the official test part.
LAST_TEST = 20


class RiteVessel(SegmentationTask):
    """Retinal vessels; DRIVE's own archive serves where RITE's is absent."""

    name = "rite_vessel"
    info = TaskInfo(
        title="Vessels",
        domain="fundus",
        kind="anatomy",
        dataset="RITE",
        folder="RITE (or DRIVE)",
        owner="University of Iowa; photographs: DRIVE, Image Sciences Institute, Utrecht",
        page="https://medicine.uiowa.edu/eye/rite-dataset",
        citation=(
            "Hu et al., MICCAI 2013, doi:10.1007/978-3-642-40763-5_54; Staal et al., IEEE TMI "
            "23(4):501-509, 2004, doi:10.1109/TMI.2004.825627"
        ),
        terms="on request, by the owner's form; redistribution forbidden",
        note=(
            "RITE's training masks are DRIVE's 1st_manual, modified, its test masks DRIVE's "
            "2nd_manual; with DRIVE's own archive the training masks are 1st_manual as it is; "
            "ids do not tell whether two photographs are of one person"
        ),
    )

    def variant(self, root: Path) -> str:
        """RITE, or DRIVE if only that is there."""
        absent = not (root / "RITE").is_dir()
        return "DRIVE" if absent and (root / "DRIVE").is_dir() else "RITE"

    def example(self, root: Path, image_id: str) -> Example:
        """The photograph and its mask, in either archive's folders."""
        part = "test" if int(image_id) <= LAST_TEST else "training"
        variant = self.variant(root)
        folder = root / variant / part
        if variant == "RITE":
            mask = folder / "vessel" / f"{image_id}_{part}.png"
        elif part == "training":
            mask = folder / "1st_manual" / f"{image_id}_manual1.gif"
        else:
            mask = folder / "2nd_manual" / f"{image_id}_manual2.gif"
        return Example(image_id, folder / "images" / f"{image_id}_{part}.tif", (mask,))
