"""Which test images of a task to show, and the kept predictions on them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from benchmark.asked import Wanted
from benchmark.cells import Status
from benchmark.pictures import load_masks, load_test
from benchmark.report.figures.sheets import SheetRow, dice
from benchmark.report.frame import Result
from benchmark.store import Store

#: Stages whose masks are shown, the best first.
SHOWN_STAGES = ("finetuned", "frozen", "direct")


@dataclass(frozen=True, slots=True)
class Examples:
    """Telling test images of a task.

    Attributes:
        task: Its name.
        stage: Whose predictions are shown.
        seed: Of the runs shown.
        source: The task's kind of images.
        rows: Best, median and worst image; fewer where there are fewer.
    """

    task: str
    stage: str
    seed: int
    source: str
    rows: tuple[SheetRow, ...]

    @property
    def title(self) -> str:
        """For example "hrf_vessel, finetuned, seed 0: phantom images"."""
        return f"{self.task}, {self.stage}, seed {self.seed}: {self.source} images"


def telling(scores: Float[np.ndarray, "methods images"]) -> tuple[tuple[int, str], ...]:
    """Places of the best, median and worst image by the mean over methods, with these words.

    Of an even number the lower of the two middle ones is the median. Among equals the first is
    taken for the better.

    Args:
        scores: Larger is better; at least one method and one image.
    """
    places = np.argsort(-scores.mean(axis=0), kind="stable").tolist()
    if len(places) == 1:
        return ((places[0], "the only test image"),)
    middle = ((places[len(places) // 2], "median"),) if len(places) > 2 else ()
    return ((places[0], "best"), *middle, (places[-1], "worst"))


def examples(store: Store, there: Mapping[Wanted, Result], task: str) -> Examples | None:
    """The telling images of a task, from the smallest seed at the largest label fraction.

    Each prediction is read once, and the test images once.

    Args:
        store: The results folder.
        there: Its cells.
        task: The task.

    Returns:
        None where no test images or no predictions are kept.
    """
    own = {c: r for c, r in there.items() if c.task == task and r.status is Status.DONE}
    for stage in SHOWN_STAGES:
        found = {c: r for c, r in own.items() if stage in c.stages}
        if not found:
            continue
        seed = min(c.seed for c in found)
        share = max(c.fraction for c in found if c.seed == seed)
        cells = [c for c in found if (c.seed, c.fraction) == (seed, share)]
        manifest = cells[0].key["manifest"]
        folder = store.tests / f"{task}-{manifest[:16]}"
        masks = {}
        for cell in cells:
            path = store.cells / own[cell].folder / f"masks_{stage}.png"
            if cell.key["manifest"] == manifest and path.is_file():
                masks[cell.method] = load_masks(path)
        if masks and folder.is_dir():
            rows = told_apart(task, load_test(folder), masks)
            return Examples(task, stage, seed, cells[0].source, rows)
    return None


def told_apart(
    task: str,
    test: tuple[list[str], np.ndarray, np.ndarray],
    masks: Mapping[str, Bool[np.ndarray, "images side side"]],
) -> tuple[SheetRow, ...]:
    """A task's telling images with everybody's predictions.

    Args:
        task: Its name.
        test: Ids, images and true masks of all test images.
        masks: Predictions by their names.
    """
    ids, images, truths = test
    scores = np.array(
        [[dice(a, b) for a, b in zip(own, truths, strict=True)] for own in masks.values()]
    )
    return tuple(
        SheetRow(
            task,
            ids[place],
            images[place],
            truths[place],
            {method: own[place] for method, own in masks.items()},
            f"{word}: mean Dice of {len(masks)} methods {scores[:, place].mean():.3f}",
        )
        for place, word in telling(scores)
    )
