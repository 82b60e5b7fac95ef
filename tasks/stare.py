"""STARE: twenty photographs, half of them of diseased eyes, with vessels outlined."""

from pathlib import Path

from tasks.base import TaskInfo
from tasks.segmentation import Example, SegmentationTask


class StareVessel(SegmentationTask):
    """Retinal vessels by the first observer, Adam Hoover (``ah``)."""

    name = "stare_vessel"
    info = TaskInfo(
        title="Vessels",
        domain="fundus",
        kind="anatomy",
        dataset="STARE",
        folder="STARE",
        owner="Hoover et al., Clemson University",
        page="https://cecas.clemson.edu/~ahoover/stare/",
        citation="Hoover et al., IEEE TMI 19(3):203-210, 2000, doi:10.1109/42.845178",
        terms="free to download and use; redistribution not addressed, see the owner's page",
        note="ids do not tell whether two photographs are of one person",
    )

    def example(self, root: Path, image_id: str) -> Example:
        """The photograph and the mask, each as it was unpacked: ``.ppm``, or still ``.ppm.gz``."""
        image = root / "STARE" / "stare-images" / f"{image_id}.ppm"
        mask = root / "STARE" / "labels-ah" / f"{image_id}.ah.ppm"
        return Example(image_id, zipped_or_not(image), (zipped_or_not(mask),))


def zipped_or_not(path: Path) -> Path:
    """The path itself, or the one with ``.gz`` if only that is there."""
    zipped = path.with_name(f"{path.name}.gz")
    return zipped if not path.is_file() and zipped.is_file() else path
