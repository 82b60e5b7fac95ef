"""Which test images of a landmark task to show, with what every row makes of them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.asked import Wanted
from benchmark.cells import Status
from benchmark.pictures import load_images
from benchmark.report.figures import Drawing
from benchmark.report.figures.captions import TITLES, image_caption
from benchmark.report.figures.landmarks import Answer, Colours, LandmarkSheet, landmarks_figure
from benchmark.report.frame import Result
from benchmark.report.gathered import Gathered
from benchmark.report.landmarks.board import label
from benchmark.report.qualitative import telling
from benchmark.store import Store
from tasks.landmarks import FACTS, MAPS, SUPPORT
from tasks.preparation import SIDE


def landmark_drawings(found: Gathered) -> Iterator[Drawing]:
    """A figure for each landmark task that has results."""
    for task in dict.fromkeys(cell.task for cell in found.landmarks):
        sheets = sheets_of(found, task)
        if sheets:
            source = next(cell.source for cell in found.landmarks if cell.task == task)
            title = f"{task}, found from one example: {source} images"
            yield Drawing(
                f"landmarks_{task}",
                f"{TITLES['landmarks']}, {task}",
                image_caption("landmarks", source),
                landmarks_figure(sheets, title=title),
            )


def sheets_of(found: Gathered, task: str) -> list[LandmarkSheet]:
    """The best, median and worst test image by the error's mean over the rows.

    Of the smallest seed; nothing if no test images or no results are kept.
    """
    done = {
        cell: found.there[cell]
        for cell in found.landmarks
        if cell.task == task
        and cell in found.there
        and found.there[cell].status is Status.DONE
        and FACTS in found.there[cell].facts
    }
    if not done:
        return []
    seed = min(cell.seed for cell in done)
    first = next(cell for cell in done if cell.seed == seed)
    # Only what has seen the same images with the same supports belongs beside each other.
    known = done[first].facts[FACTS]
    same = {c: r for c, r in done.items() if c.seed == seed and alike(r.facts[FACTS], known)}
    folder = found.store.tests / f"{task}-{first.key['manifest'][:16]}"
    if not (folder / "images.png").is_file():
        return []
    ids, images = load_images(folder)
    truth = np.array(known["truth"])
    answers = rows_of(found.store, same, len(ids))
    errors = np.stack([np.linalg.norm(one.points - truth, axis=1) for one in answers.values()])
    support, point = support_of(found.store, same), np.array(known["support point"])

    def sheet(place: int, word: str) -> LandmarkSheet:
        own = {
            name: kept.of(place, float(error))
            for (name, kept), error in zip(answers.items(), errors[:, place], strict=True)
        }
        note = f"{word}: mean error of {len(own)} rows {errors[:, place].mean() * SIDE:.0f} px"
        return LandmarkSheet(ids[place], note, images[place], truth[place], support, point, own)

    return [sheet(*chosen) for chosen in telling(-errors)]


def alike(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two cells had the same test images, supports and window."""
    return all(one[name] == other[name] for name in ("images", "supports", "window", "truth"))


class Kept:
    """A row's answers on every test image.

    Attributes:
        points: What was found, (x, y) as fractions.
        maps: The similarities as they are kept; None where there are none.
    """

    def __init__(self, points: np.ndarray, maps: np.ndarray | None) -> None:
        self.points, self.maps = points, maps

    def of(self, place: int, error: float) -> Answer:
        """On one test image."""
        return Answer(self.points[place], error, None if self.maps is None else self.maps[place])


def rows_of(store: Store, cells: Mapping[Wanted, Result], count: int) -> dict[str, Kept]:
    """Every row's answers by its label, in the order asked for; rivals come last."""
    found: dict[str, Kept] = {}
    for cell, result in cells.items():
        for stage in cell.stages:
            points = np.array(result.facts[FACTS]["stages"][stage]["found"])
            path = store.cells / result.folder / f"{MAPS.get(stage, '')}.png"
            found[label(cell.method, stage)] = Kept(points, strip(path, count))
    return dict(sorted(found.items(), key=lambda entry: ":" not in entry[0]))


def strip(path: Path, count: int) -> np.ndarray | None:
    """Square pictures one below the other, (count, side, side, 3); None if there is no file."""
    if not path.is_file():
        return None
    pixels = np.asarray(Image.open(path).convert("RGB"))
    return pixels.reshape(count, -1, pixels.shape[1], 3)


def support_of(store: Store, cells: Mapping[Wanted, Result]) -> Colours | None:
    """The first support image, from any cell that keeps it."""
    paths = (store.cells / result.folder / f"{SUPPORT}.png" for result in cells.values())
    return next((np.asarray(Image.open(p).convert("RGB")) for p in paths if p.is_file()), None)
