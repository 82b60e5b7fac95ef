"""What would decide a task that is a coin flip."""

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

#: More seeds than this are not advised.
MOST = 100


def remedy(differences: Float[np.ndarray, "seeds images"], tie: float, level: float) -> str:
    """Whether more seeds would decide a task, if the lead stays what it is.

    A rough normal approximation: the variance of the mean is that of seeds' means over their
    number plus that of images' means over theirs, and only the former shrinks with more seeds.

    Args:
        differences: Of two methods' scores; positive is better.
        tie: The largest difference that is called none, in the unit of the scores.
        level: Probability that decides.

    Returns:
        A clause.
    """
    seeds, images = differences.shape
    if seeds < 2:
        return "one seed: run more, the spread between trainings is unknown"
    if images < 2:
        return "more test images would decide it"
    by_seed = float(differences.mean(axis=1).var(ddof=1))
    by_image = float(differences.mean(axis=0).var(ddof=1)) / images
    gap = (float(differences.mean()) - tie) / NormalDist().inv_cdf(level)
    room = gap**2 - by_image
    if room <= 0:
        return f"{images} test images are too few: more seeds alone would not decide it"
    needed = max(math.ceil(by_seed / room), seeds + 1)
    if needed > MOST:
        return f"more than {MOST} seeds would be needed"
    return f"about {needed} seeds would decide it, if the lead stays"
