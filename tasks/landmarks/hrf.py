"""HRF: centres of the optic disc, in the owners' own table."""

from dataclasses import replace
from pathlib import Path

from tasks.hrf import HrfVessel
from tasks.landmark import LandmarkTask, Marked, Point
from tasks.landmarks.tables import tabled

#: The owners' workbook; copies as CSV, in the same columns, are read as well.
TABLE, PATTERNS = "optic_disk_centers.xls", ("optic_disk_centers*.xls", "optic_disk_centers*.csv")


class HrfDiscCenter(LandmarkTask):
    """The optic disc's centre; the first table is read where there are several experts'."""

    name = "hrf_disc_center"
    split_name = "hrf_vessel"
    info = replace(HrfVessel.info, title="Optic disc centre")

    def table(self, root: Path) -> Path:
        """The workbook if there is one, else its copy, else where it should be."""
        folder = root / "HRF"
        found = [path for pattern in PATTERNS for path in sorted(folder.glob(pattern))]
        return found[0] if found else folder / TABLE

    def variant(self, root: Path) -> str:
        """Which table was read."""
        return self.table(root).name

    def marked(self, root: Path, image_id: str) -> Marked:
        """The photograph and the table."""
        return Marked(image_id, HrfVessel().example(root, image_id).image, (self.table(root),))

    def point(self, marked: Marked, shape: tuple[int, ...]) -> Point:
        """From the table."""
        return tabled(marked.truths[0], marked.id, shape)
