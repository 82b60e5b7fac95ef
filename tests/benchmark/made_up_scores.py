"""Scores with a known answer."""

import numpy as np

from benchmark.report.scores import Scores


def grid(values: np.ndarray, *, may_be_undefined: bool = False) -> Scores:
    """Scores with made-up names for an array (methods, tasks, seeds, images)."""
    methods, tasks, seeds, _ = values.shape
    return Scores(
        methods=tuple(f"m{i}" for i in range(methods)),
        tasks=tuple(f"t{i}" for i in range(tasks)),
        seeds=tuple(range(seeds)),
        values=values,
        may_be_undefined=may_be_undefined,
    )


def simulated(rng: np.random.Generator, tasks: int, seeds: int, images: int) -> np.ndarray:
    """Two methods of true mean 0.6; images are shared, runs and residuals are not."""
    return np.asarray(
        0.6
        + rng.normal(0, 0.02, (2, tasks, seeds, 1))
        + rng.normal(0, 0.08, (1, tasks, 1, images))
        + rng.normal(0, 0.05, (2, tasks, seeds, images))
    )
