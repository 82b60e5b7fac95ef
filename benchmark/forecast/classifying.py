"""What a probe takes besides passing images: fits, and every cell of an image's grid."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from benchmark.forecast.probe import Setting
from benchmark.forecast.tuning import Tuning
from benchmark.forecast.work import Counts, Work
from methods.networks import WIDTHS
from methods.views import view_side
from tasks.probing.choice import enlarged
from tasks.probing.classifiers import linear_probe, neighbours
from tasks.probing.features import grid_side, level_weights
from tasks.probing.representation import IMAGES as LOOKED_AT
from tasks.probing.sampling import COUNT, IMAGES
from tasks.probing.scoring import CHOOSERS

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Probing:
    """Seconds on this machine.

    Attributes:
        fit: Of both classifiers' fits.
        image: Of both classifiers' answers to an image.
        views: Share of an image's operations that its two augmented views and itself take, when
            the encoder's representation is looked at.
    """

    fit: float
    image: float
    views: float


def probing(setting: Setting) -> Probing:
    """Time both classifiers on drawn features of the plan's size and width."""
    rng, widths = np.random.default_rng(0), WIDTHS[setting.width]
    features = rng.normal(size=(COUNT, sum(widths)))
    foreground = features[:, 0] + rng.normal(size=COUNT) > 0.0
    cells = rng.normal(size=(grid_side(setting.size) ** 2, sum(widths))).astype(np.float32)
    with threadpool_limits(limits=torch.get_num_threads()):
        fit, both = timed(
            lambda: (
                linear_probe(features, foreground),
                neighbours(features, foreground, level_weights(widths)),
            )
        )
        image, _ = timed(lambda: [enlarged(one.probabilities(cells), setting.size) for one in both])
    view = (view_side(setting.size) / setting.size) ** 2
    return Probing(fit, image, 1.0 + 2.0 * view)


def timed(compute: Callable[[], T]) -> tuple[float, T]:
    """Seconds that something takes, and what it gives."""
    start = time.perf_counter()
    done = compute()
    return time.perf_counter() - start, done


def probe_cell(task: Counts, tuning: Tuning, spent: Probing, size: int) -> Work:
    """One probe's cell.

    Args:
        task: Images at the label fraction.
        tuning: What an image takes that the encoder looks at.
        spent: What the classifiers take.
        size: Bytes that it leaves.
    """
    answered = min(task.validation, CHOOSERS) + task.test
    looked_at = min(task.train + task.validation, LOOKED_AT)
    # One test image again, for pictures.
    passed = min(task.train, IMAGES) + answered + 1
    encoded = passed + looked_at * spent.views
    return Work(
        seen=passed + 3 * looked_at,
        operations=encoded * tuning.encode.forward,
        seconds=encoded * tuning.encode.seconds + spent.fit + answered * spent.image,
        size=size,
    )
