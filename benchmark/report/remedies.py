"""What would decide a task that is a coin flip."""

import math
from statistics import NormalDist

import numpy as np
from jaxtyping import Float

from benchmark.report.variance import Split, split

#: More seeds than this are not advised.
MOST = 100


def remedy(differences: Float[np.ndarray, "seeds people"], tie: float, level: float) -> str:
    """Whether more seeds would decide a task, if the lead stays what it is.

    A rough normal approximation; of the lead's variance only the images' part stays
    (``variance.split``).

    Args:
        differences: Of two methods' scores, by the person who is shown; positive is better.
        tie: The largest difference that is called none, in the unit of the scores.
        level: Probability that decides.

    Returns:
        A clause.
    """
    seeds, persons = differences.shape
    if seeds < 2:
        return "one seed: run more, the spread between trainings is unknown"
    if persons < 2:
        return "more test images would decide it"
    parts = split(differences[None])
    assert isinstance(parts, Split)
    gap = (float(differences.mean()) - tie) / NormalDist().inv_cdf(level)
    room = gap**2 - parts.images
    if room <= 0:
        return f"{persons} test images or persons are too few: more seeds alone would not decide it"
    needed = max(math.ceil(parts.one_seed / room), seeds + 1)
    if needed > MOST:
        return f"more than {MOST} seeds would be needed"
    return f"about {needed} seeds would decide it, if the lead stays"
