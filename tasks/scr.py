"""SCR: anatomy outlined in the chest radiographs of the JSRT database."""

from pathlib import Path
from typing import ClassVar

from tasks.base import TaskInfo
from tasks.segmentation import Example, SegmentationTask


def info(title: str) -> TaskInfo:
    """The facts that SCR's tasks share."""
    return TaskInfo(
        title=title,
        domain="chest X-ray",
        kind="anatomy",
        dataset="JSRT and SCR",
        folder="JSRT (images) and SCR (masks)",
        owner="Japanese Society of Radiological Technology; Image Sciences Institute, Utrecht",
        page="http://db.jsrt.or.jp/eng.php and https://www.isi.uu.nl/Research/Databases/SCR/",
        citation=(
            "Shiraishi et al., AJR 174:71-74, 2000; van Ginneken et al., Med. Image Anal. "
            "10(1):19-40, 2006, doi:10.1016/j.media.2005.02.002"
        ),
        terms="free after registration; redistribution forbidden",
        note="ids do not tell whether two radiographs are of one person",
    )


class Scr(SegmentationTask):
    """A structure outlined in JSRT's 247 radiographs."""

    split_name = "scr"
    #: Folders whose masks together are the structure.
    structures: ClassVar[tuple[str, ...]]

    def example(self, root: Path, image_id: str) -> Example:
        """The raw radiograph and its masks; odd ids lie in fold 1, even ones in fold 2."""
        fold = "fold1" if int(image_id[-3:]) % 2 else "fold2"
        masks = root / "SCR" / fold / "masks"
        return Example(
            image_id,
            root / "JSRT" / f"{image_id}.IMG",
            tuple(masks / structure / f"{image_id}.gif" for structure in self.structures),
        )


class ScrHeart(Scr):
    """The heart."""

    name = "scr_heart"
    info = info("Heart")
    structures = ("heart",)


class ScrLung(Scr):
    """Both lung fields."""

    name = "scr_lung"
    info = info("Lungs")
    structures = ("left lung", "right lung")


class ScrClavicle(Scr):
    """Both clavicles."""

    name = "scr_clavicle"
    info = info("Clavicles")
    structures = ("left clavicle", "right clavicle")
