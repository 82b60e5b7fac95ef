"""A task's images with the outlines of their masks, on one sheet."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw
from skimage.segmentation import find_boundaries

from tasks.base import Source
from tasks.labelled import Labelled, Settings
from tasks.segmentation import SegmentationTask

#: Side of a picture and height of its caption, in pixels; pictures in a row.
TILE, CAPTION, COLUMNS = 192, 16, 8
#: Colour of an outline: far from retina and radiograph alike.
OUTLINE = (0, 255, 160)


def contact_sheet(task: SegmentationTask, source: Source, limit: int) -> Image.Image:
    """Training, validation and test images, each part under its heading.

    Args:
        task: Whose images.
        source: The data root.
        limit: Most images of each part; evenly chosen if there are more.
    """
    data = task.load(source, Settings(size=TILE))
    kind = "" if data.kind == "real" else f" ({data.kind})"
    parts = [("training", data.train), ("validation", data.validation), ("test", data.test)]
    bands = [
        band(f"{task.name}{kind}: {name}, {len(part)} images", part, limit) for name, part in parts
    ]
    sheet = Image.new("RGB", (COLUMNS * TILE, sum(one.height for one in bands)), "white")
    top = 0
    for one in bands:
        sheet.paste(one, (0, top))
        top += one.height
    return sheet


def band(title: str, part: Labelled, limit: int) -> Image.Image:
    """One part: its heading and rows of captioned pictures."""
    chosen = np.unique(np.linspace(0, len(part) - 1, min(limit, len(part))).round().astype(int))
    rows = -(-len(chosen) // COLUMNS)
    step = TILE + CAPTION
    out = Image.new("RGB", (COLUMNS * TILE, CAPTION + rows * step), "white")
    pen = ImageDraw.Draw(out)
    pen.text((4, 2), title, fill="black")
    for place, row in enumerate(chosen):
        left, top = place % COLUMNS * TILE, CAPTION + place // COLUMNS * step
        out.paste(Image.fromarray(outlined(part.images[row], part.masks[row])), (left, top))
        pen.text((left + 4, top + TILE + 2), shortened(part.ids[row]), fill="black")
    return out


def outlined(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A picture (side, side, 3) with the border of its mask drawn over it."""
    colours = np.repeat(image, 3, axis=0) if len(image) == 1 else image
    picture = np.ascontiguousarray(colours.transpose(1, 2, 0))
    picture[find_boundaries(mask, mode="inner")] = OUTLINE
    return picture


def shortened(name: Sequence[str] | str, most: int = 28) -> str:
    """A long id's end."""
    text = str(name)
    return text if len(text) <= most else f"…{text[-most:]}"
