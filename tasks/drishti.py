"""Drishti-GS1: photographs centred on the optic disc, outlined by four experts."""

from pathlib import Path
from typing import ClassVar

from tasks.base import TaskInfo
from tasks.segmentation import Example, SegmentationTask
from tasks.splits import read_split

ARCHIVE = Path("Drishti-GS1_files", "Drishti-GS1_files")


def info(title: str) -> TaskInfo:
    """The facts that Drishti-GS1's tasks share."""
    return TaskInfo(
        title=title,
        domain="fundus",
        kind="anatomy",
        dataset="Drishti-GS1",
        folder=ARCHIVE.as_posix(),
        owner="IIIT Hyderabad, with Aravind Eye Hospital, Madurai",
        page="http://cvit.iiit.ac.in/projects/mip/drishti-gs/mip-dataset2/Home.php",
        citation="Sivaswamy et al., ISBI 2014, pp. 53-56, doi:10.1109/ISBI.2014.6867807",
        terms="free to download and use; redistribution not addressed, see the owner's page",
        note="ids do not tell whether two photographs are of one person",
    )


class Drishti(SegmentationTask):
    """A structure of the optic nerve head, as the experts' votes."""

    split_name = "drishti"
    #: Each level is a share of votes, and 0.3 of them suffice.
    hard = False
    map_name: ClassVar[str]

    def example(self, root: Path, image_id: str) -> Example:
        """The photograph and the map of votes, in the official archive's folders."""
        training = image_id in read_split(self.split_name).train
        part, truth = ("Training", "GT") if training else ("Test", "Test_GT")
        folder = root / ARCHIVE / part
        votes = folder / truth / image_id / "SoftMap" / f"{image_id}_{self.map_name}.png"
        return Example(image_id, folder / "Images" / f"{image_id}.png", (votes,))


class DrishtiOpticCup(Drishti):
    """Optic cup, the pale hollow inside the disc."""

    name = "drishti_optic_cup"
    info = info("Optic cup")
    map_name = "cupsegSoftmap"


class DrishtiOpticDisc(Drishti):
    """Optic disc, cup included."""

    name = "drishti_optic_disc"
    info = info("Optic disc")
    map_name = "ODsegSoftmap"
