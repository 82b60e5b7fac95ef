"""HRF: high-resolution fundus photographs of healthy, diabetic and glaucomatous eyes."""

from pathlib import Path

from tasks.base import TaskInfo
from tasks.segmentation import Example, SegmentationTask


class HrfVessel(SegmentationTask):
    """Retinal vessels; anything a resized mask touches counts, as in the reference."""

    name = "hrf_vessel"
    info = TaskInfo(
        title="Vessels",
        domain="fundus",
        kind="anatomy",
        dataset="HRF",
        folder="HRF",
        owner="Pattern Recognition Lab, Friedrich-Alexander-Universitaet Erlangen-Nuernberg",
        page="https://www5.cs.fau.de/research/data/fundus-images/",
        citation="Budai et al., Int. J. Biomed. Imaging 2013, 154860, doi:10.1155/2013/154860",
        terms="CC BY 4.0",
        note=(
            "ids number the photographs within each group (dr, g, h), not persons: the published "
            "split trains on 09_dr and tests on 09_g and 09_h, and that is kept"
        ),
    )
    threshold = 0.01

    def example(self, root: Path, image_id: str) -> Example:
        """The photograph (.JPG or .jpg) and its mask."""
        images = root / "HRF" / "images"
        upper = images / f"{image_id}.JPG"
        return Example(
            image_id,
            upper if upper.is_file() else images / f"{image_id}.jpg",
            (root / "HRF" / "manual1" / f"{image_id}.tif",),
        )
