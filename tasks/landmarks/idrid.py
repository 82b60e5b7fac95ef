"""IDRiD: centres of the optic disc and of the fovea in fundus photographs."""

from pathlib import Path
from typing import ClassVar

from tasks.base import Source, TaskInfo
from tasks.idrid import CITATION, PAGE, PARTS, IdridOpticDisc
from tasks.landmark import LandmarkTask, Marked, Point
from tasks.landmarks.tables import centroid, tabled
from tasks.splits import Split

LOCALIZATION = Path("IDRiD", "C. Localization")
PHOTOGRAPHS, TRUTHS = "1. Original Images", "2. Groundtruths"
#: The official parts: what ids begin with here (numbers begin anew in each), folder, photographs.
OFFICIAL = (("training", PARTS[0], 413), ("testing", PARTS[1], 103))

OFFICIAL_CENTRES = "official centres of C. Localization"
CENTROIDS = "centroids of the official disc masks, for C. Localization is not there"


def info(title: str, note: str = "") -> TaskInfo:
    """The facts that both tasks share."""
    persons = "ids do not tell whether two photographs are of one person"
    return TaskInfo(
        title=title,
        domain="fundus",
        kind="anatomy",
        dataset="IDRiD",
        folder="IDRiD",
        owner="Porwal et al., SGGS Institute of Engineering and Technology, Nanded",
        page=PAGE,
        citation=CITATION,
        terms="CC BY 4.0",
        note=f"{note}; {persons}" if note else persons,
    )


class IdridCenter(LandmarkTask):
    """A point marked in the 516 photographs of "C. Localization"."""

    #: Of each part's table, below ``TRUTHS``; the archive's names are uneven.
    tables: ClassVar[tuple[str, str]]

    def split(self, source: Source) -> Split:
        """The archive's own parts."""
        train, test = (
            tuple(f"{part}/IDRiD_{number:03d}" for number in range(1, count + 1))
            for part, _, count in OFFICIAL
        )
        return source.held(Split(train, test))

    def marked(self, root: Path, image_id: str) -> Marked:
        """The photograph and its part's table."""
        part, name = image_id.split("/")
        place = [each for each, *_ in OFFICIAL].index(part)
        base = root / LOCALIZATION
        image = base / PHOTOGRAPHS / OFFICIAL[place][1] / f"{name}.jpg"
        return Marked(image_id, image, (base / TRUTHS / self.tables[place],))

    def point(self, marked: Marked, shape: tuple[int, ...]) -> Point:
        """From the table."""
        return tabled(marked.truths[0], marked.image.stem, shape)


class IdridDiscCenter(IdridCenter):
    """The optic disc's centre.

    Where the part with the official centres is not there, the photographs of the segmentation part
    serve, with the centroid of each disc's mask.
    """

    name = "idrid_disc_center"
    info = info("Optic disc centre", "without C. Localization, the centroid of the disc mask")
    tables = (
        "1. Optic Disc Center Location/a. IDRiD_OD_Center_Training Set_Markups.csv",
        "1. Optic Disc Center Location/b. IDRiD_OD_Center_Testing Set_Markups.csv",
    )

    def official(self, root: Path) -> bool:
        """Whether the part with the centres is there."""
        return (root / LOCALIZATION / PHOTOGRAPHS).is_dir()

    def variant(self, root: Path) -> str:
        """Where centres are from."""
        return OFFICIAL_CENTRES if self.official(root) else CENTROIDS

    def split(self, source: Source) -> Split:
        """Of the part that is there."""
        return super().split(source) if self.official(source.root) else Masks().split(source)

    def marked(self, root: Path, image_id: str) -> Marked:
        """The photograph with its part's table, or with its disc's mask."""
        if self.official(root):
            return super().marked(root, image_id)
        example = Masks().example(root, image_id)
        return Marked(image_id, example.image, example.masks)

    def point(self, marked: Marked, shape: tuple[int, ...]) -> Point:
        """From the table, or the mask's centroid."""
        if marked.truths[0].suffix == ".csv":
            return super().point(marked, shape)
        return centroid(marked.truths[0])


class IdridFoveaCenter(IdridCenter):
    """The fovea's centre; there is no mask that could stand for it."""

    name = "idrid_fovea_center"
    info = info("Fovea centre")
    tables = (
        "2. Fovea Center Location/IDRiD_Fovea_Center_Training Set_Markups.csv",
        "2. Fovea Center Location/IDRiD_Fovea_Center_Testing Set_Markups.csv",
    )


#: The segmentation part's photographs and disc masks.
Masks = IdridOpticDisc
