"""What probe cells keep beside their scores: measures of the representation, and pictures of it."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from benchmark.asked import Wanted
from benchmark.cells import Status
from benchmark.pictures import load_test
from benchmark.report.figures.features import FeatureRow
from benchmark.report.frame import Result
from benchmark.store import Store

#: The stage whose cells keep these, and the names of what they keep.
STAGE = "probe"
MAP, CLUSTERS = "features.png", "clusters.png"
MEASURES, PICTURED = "representation", "pictured"


def representation_means(there: Mapping[Wanted, Result]) -> dict[str, dict[str, float]]:
    """Each measure's mean over tasks and seeds, by method.

    A method that lacks a cell which another one has is left out: it would be averaged over others.

    Args:
        there: Cells with the fact "representation".
    """
    found: dict[str, dict[tuple[str, int], Mapping[str, float]]] = defaultdict(dict)
    for cell, result in there.items():
        if result.status is Status.DONE and MEASURES in result.facts:
            found[cell.method][cell.task, cell.seed] = result.facts[MEASURES]
    places = {place for own in found.values() for place in own}
    return {
        method: {
            name: float(np.mean([own[place][name] for place in sorted(places)]))
            for name in next(iter(own.values()))
        }
        for method, own in found.items()
        if own.keys() == places
    }


def feature_row(store: Store, there: Mapping[Wanted, Result], task: str) -> FeatureRow | None:
    """Each method's map of one test image, from the smallest seed.

    Args:
        store: The results folder.
        there: Its cells.
        task: The task.

    Returns:
        None where no map is kept. Cells that picture another test image than the first are left
        out; the image is None where test images are not kept.
    """
    done = [
        cell
        for cell, result in there.items()
        if cell.task == task and STAGE in cell.stages and result.status is Status.DONE
    ]
    seed = min((cell.seed for cell in done), default=0)
    own = [cell for cell in done if cell.seed == seed]
    kept = [cell for cell in own if (store.cells / there[cell].folder / MAP).is_file()]
    if not kept:
        return None
    shown = str(there[kept[0]].facts.get(PICTURED, ""))
    maps, clusters = {}, {}
    for cell in kept:
        if str(there[cell].facts.get(PICTURED, "")) != shown:
            continue
        folder = store.cells / there[cell].folder
        maps[cell.method] = _picture(folder / MAP)
        if (folder / CLUSTERS).is_file():
            clusters[cell.method] = _picture(folder / CLUSTERS)
    image = _image(store, task, str(kept[0].key["manifest"]), shown)
    return FeatureRow(task, shown, image, maps, clusters)


def _picture(path: Path) -> UInt8[np.ndarray, "height width 3"]:
    return np.asarray(Image.open(path).convert("RGB"))


def _image(
    store: Store, task: str, manifest: str, shown: str
) -> UInt8[np.ndarray, "height width 3"] | None:
    folder = store.tests / f"{task}-{manifest[:16]}"
    if not (folder / "images.png").is_file():
        return None
    ids, images, _ = load_test(folder)
    return images[ids.index(shown)] if shown in ids else None
