"""CHASE_DB1: both eyes of fourteen children, vessels outlined."""

from pathlib import Path

from tasks.base import TaskInfo
from tasks.segmentation import Example, SegmentationTask


class ChaseDb1Vessel(SegmentationTask):
    """Retinal vessels by the first observer."""

    name = "chasedb1_vessel"
    info = TaskInfo(
        title="Vessels",
        domain="fundus",
        kind="anatomy",
        dataset="CHASE_DB1",
        folder="CHASEDB1",
        owner="Kingston University London and St George's, University of London",
        page="https://researchdata.kingston.ac.uk/96/",
        citation="Fraz et al., IEEE TBME 59(9):2538-2548, 2012, doi:10.1109/TBME.2012.2205687",
        terms="CC BY 4.0",
        note="left and right eyes are one child's; no child is in two parts, at any label fraction",
    )

    def example(self, root: Path, image_id: str) -> Example:
        """The photograph and the first observer's mask, flat as in the official archive."""
        folder = root / "CHASEDB1"
        return Example(image_id, folder / f"{image_id}.jpg", (folder / f"{image_id}_1stHO.png",))

    def person(self, image_id: str) -> str:
        """The child, without the eye."""
        return image_id.removesuffix("L").removesuffix("R")
