"""How well a landmark is found in test images from one support image, again for several."""

from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch.utils.flop_counter import FlopCounterMode

from methods.base import Spent, derive_seed
from tasks.base import Score, TaskScores
from tasks.landmarks import CENTRE, FACTS, MAPS, SUPPORT, TEMPLATE
from tasks.landmarks.data import LandmarkData
from tasks.landmarks.dense import dense_of, vectors
from tasks.landmarks.matching import distances, highest, similarity, support_vector
from tasks.landmarks.pictures import small_map, small_picture
from tasks.landmarks.rivals import correlation, patch_around, patch_side
from tasks.preparation import SIDE

#: Shares of the image's width within which a landmark counts as found, in per cent.
RADII = (2, 5, 10)
#: Every metric, in the order of a cell's scores.
METRICS = ("radial_error_px", "radial_error", *(f"success_{radius}" for radius in RADII))
#: Digits of points among the facts: a hundredth of a pixel at 512.
DIGITS = 5

Observe = Callable[[int], None]
#: For one test image: what each window finds from each support, and the first support's map.
Found = tuple[dict[float, Float64[np.ndarray, "supports 2"]], np.ndarray | None]


def localise(
    pretrained: Any,  # noqa: ANN401
    data: LandmarkData,
    stages: tuple[str, ...],
    *,
    seed: int,
    observe: Observe | None = None,
) -> TaskScores:
    """Find the landmark of every test image from each support image alone.

    Support images depend on the seed alone, so that all methods have the same. Nothing is fitted
    or chosen: test images are opened once, at the end.

    Args:
        pretrained: What pre-training left (``methods.base.Pretrained``); rivals do not look at it.
        data: The task's images.
        stages: Some of ``tasks.landmarks.STAGES``.
        seed: Of the choice of supports.
        observe: Called with 0 after each image, so that limits are looked at.

    Returns:
        For every test image and stage, means over the supports: ``radial_error`` as a fraction of
        the width, ``radial_error_px`` in pixels at 512, and ``success_R``, the share of supports
        from which it is found within R % of the width.

    Raises:
        DivergedError: If the encoder's vectors are not finite.
    """
    chosen = supports_of(data, seed)
    rows, told, pictures, facts = list[Score](), dict[str, Any](), dict[str, np.ndarray](), {}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        for stage in stages:
            found = list(watched(answers(pretrained, data, stage, chosen), observe))
            points = [by_window[data.settings.window] for by_window, _ in found]
            rows += stage_scores(stage, points, data)
            told[stage] = stage_facts([by_window for by_window, _ in found], data)
            maps = [small_map(plane) for _, plane in found if plane is not None]
            if maps:
                pictures[MAPS[stage]] = np.concatenate(maps)
            facts[stage] = {"selection": "none", "steps": 0, "test opened after step": 0}
    pictures[SUPPORT] = small_picture(data.train.images[chosen[0]])
    known = {
        "supports": [data.train.ids[place] for place in chosen],
        "support point": rounded(data.train.points[chosen[0]]),
        "window": data.settings.window,
        "images": list(data.test.ids),
        "truth": rounded(data.test.points),
        "stages": told,
    }
    whole = {**facts, FACTS: known, "scikit-image": version("scikit-image")}
    # No step was taken; correlations are not counted.
    spent = Spent(forward=counter.get_total_flops())
    return TaskScores(rows, {}, whole, spent, pictures)


def supports_of(data: LandmarkData, seed: int) -> Int64[np.ndarray, " supports"]:
    """Places of the support images among those that train; the first is shown in figures.

    Raises:
        ValueError: If there are fewer than asked for.
    """
    count, wanted = len(data.train), data.settings.supports
    if wanted > count:
        raise ValueError(f"{wanted} support images are asked for, and {count} train")
    rng = np.random.default_rng(derive_seed(seed, "support images"))
    return rng.choice(count, wanted, replace=False)


def answers(
    pretrained: Any,  # noqa: ANN401
    data: LandmarkData,
    stage: str,
    chosen: Int64[np.ndarray, " supports"],
) -> Iterator[Found]:
    """What a stage finds in one test image after the other."""
    if stage == CENTRE:
        middle = np.full((len(chosen), 2), 0.5)
        yield from (({data.settings.window: middle}, None) for _ in data.test.ids)
    elif stage == TEMPLATE:
        yield from matched(data, chosen)
    else:
        yield from compared(pretrained, data, stage, chosen)


def matched(data: LandmarkData, chosen: Int64[np.ndarray, " supports"]) -> Iterator[Found]:
    """By template matching."""
    side = patch_side(data.settings.window, data.settings.size)
    patches = [
        patch_around(data.train.images[place], data.train.points[place], side) for place in chosen
    ]
    for image in data.test.images:
        maps = np.stack([correlation(np.asarray(image), patch) for patch in patches])
        yield {data.settings.window: highest(maps)}, maps[0]


def compared(
    pretrained: Any,  # noqa: ANN401
    data: LandmarkData,
    stage: str,
    chosen: Int64[np.ndarray, " supports"],
) -> Iterator[Found]:
    """By an encoder's dense vectors, under every window."""
    settings, dense = data.settings, dense_of(pretrained, stage, data)
    windows = tuple(dict.fromkeys((settings.window, *settings.windows)))
    device = next(pretrained.encoder.parameters()).device
    seen = vectors(dense, data.train.images[chosen], data, device)
    marked = list(zip(seen, data.train.points[chosen], strict=True))
    supports = {
        window: torch.stack([support_vector(own, point, window) for own, point in marked])
        for window in windows
    }
    for row in range(len(data.test)):
        (own,) = vectors(dense, data.test.images[row : row + 1], data, device)
        found, first = {}, None
        for window in windows:
            maps = similarity(own, supports[window], window, settings.size)
            found[window] = highest(maps)
            first = maps[0] if first is None else first
        yield found, first


def watched(found: Iterator[Found], observe: Observe | None) -> Iterator[Found]:
    """The same, letting limits be looked at."""
    for one in found:
        yield one
        if observe is not None:
            observe(0)


def stage_scores(
    stage: str, points: list[Float64[np.ndarray, "supports 2"]], data: LandmarkData
) -> list[Score]:
    """Every test image's means over the supports."""
    rows = []
    for image, found, truth in zip(data.test.ids, points, data.test.points, strict=True):
        away = distances(found, truth)
        within = [(away <= radius / 100.0).mean() for radius in RADII]
        values = (away.mean() * SIDE, away.mean(), *within)
        rows += [
            Score(stage, image, metric, float(value))
            for metric, value in zip(METRICS, values, strict=True)
        ]
    return rows


def stage_facts(
    found: list[dict[float, Float64[np.ndarray, "supports 2"]]], data: LandmarkData
) -> dict[str, Any]:
    """A stage's errors by support and by window, in pixels at 512, and the first one's answers."""
    errors = {
        window: SIDE
        * np.stack(
            [
                distances(one[window], truth)
                for one, truth in zip(found, data.test.points, strict=True)
            ]
        )
        for window in found[0]
    }
    main = data.settings.window
    return {
        "by support": errors[main].mean(axis=0).round(DIGITS).tolist(),
        "by window": {f"{w:g}": round(float(away.mean()), DIGITS) for w, away in errors.items()},
        "found": rounded(np.stack([one[main][0] for one in found])),
    }


def rounded(points: np.ndarray) -> list[Any]:
    """Points as JSON."""
    listed: list[Any] = np.asarray(points).round(DIGITS).tolist()
    return listed
