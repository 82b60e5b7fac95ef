"""SCR: the heart's centre in the chest radiographs of the JSRT database."""

from pathlib import Path

from tasks.landmark import LandmarkTask, Marked, Point
from tasks.landmarks.tables import centroid
from tasks.scr import ScrHeart
from tasks.scr import info as scr_info


class ScrHeartCenter(LandmarkTask):
    """The centroid of the official mask of the heart."""

    name = "scr_heart_center"
    split_name = "scr"
    info = scr_info("Heart centre")

    def marked(self, root: Path, image_id: str) -> Marked:
        """The radiograph and the heart's mask."""
        example = ScrHeart().example(root, image_id)
        return Marked(image_id, example.image, example.masks)

    def point(self, marked: Marked, shape: tuple[int, ...]) -> Point:  # noqa: ARG002
        """The mask's centroid; masks have a size of their own."""
        return centroid(marked.truths[0])
