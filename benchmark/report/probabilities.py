"""How probable a claim is, draw by draw, with bounds where scores are unknown."""

import math
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float

from benchmark.claim import Claim
from benchmark.report.evidence import Evidence
from benchmark.report.scales import SCALES
from benchmark.report.verdict import Between
from methods.errors import ConfigError

#: Least and most of something, in every draw.
Ends = tuple[Float[np.ndarray, " draws"], Float[np.ndarray, " draws"]]

#: Above the rounding of scores: a difference of exactly the tie is a tie.
SLACK = 1e-8


def probable(
    claim: Claim,
    found: Evidence,
    leads: Float[np.ndarray, "draws tasks"],
    kinds: Mapping[str, str],
) -> tuple[Float[np.ndarray, " draws"], Float[np.ndarray, " draws"], Between]:
    """Least and most of what is claimed in every draw, and how probable it is that it suffices.

    Raises:
        ConfigError: If there is no task of a kind that the claim is about.
    """
    if claim.wins:
        sure, possible = won(claim, found, leads)
        low, high = sure.sum(axis=1).astype(float), possible.sum(axis=1).astype(float)
        return low, high, Between(share(low >= claim.needed), share(high >= claim.needed))
    (low, high), first = margins(claim, leads, whole(claim, found), kinds)
    more = claim.tie + SLACK
    # Being behind by less is no margin.
    sure, possible = ((x > more) & (lead > 0) for x, lead in zip((low, high), first, strict=True))
    return low, high, Between(share(sure), share(possible))


def won(
    claim: Claim, found: Evidence, leads: Float[np.ndarray, "draws tasks"]
) -> tuple[Bool[np.ndarray, "draws tasks"], Bool[np.ndarray, "draws tasks"]]:
    """Where the subject surely wins a task in a draw, and where it may."""
    more = claim.tie + SLACK
    return whole(claim, found) & (leads > more), ~(leads <= more)


def whole(claim: Claim, found: Evidence) -> Bool[np.ndarray, "draws tasks"]:
    """Where a draw has scores of the subject and of all rivals."""
    return np.asarray(found.settled & [task not in found.lacks for task in claim.tasks])


def unlucky(found: Evidence) -> Float[np.ndarray, "draws tasks"]:
    """Leads in every draw without the luck of the best rival."""
    return np.asarray(found.draws + found.luck)


def certain(chances: Float[np.ndarray, " tasks"], level: float) -> int:
    """Of how many tasks at least something is true, with confidence in the number as a whole.

    A partial conjunction (Benjamini and Heller, "Screening for Partial Conjunction Hypotheses",
    Biometrics 64, 2008, https://doi.org/10.1111/j.1541-0420.2007.00984.x): r of n are certain if
    n - r + 1 times the r-th smallest chance of the contrary is small, however tasks depend on
    one another.

    Args:
        chances: Of the contrary, task by task.
        level: Confidence.
    """
    n = len(chances)
    beyond = np.arange(n, 0, -1) * np.sort(chances) > 1.0 - level + 1e-12
    return int(beyond.argmax()) if beyond.any() else n


def share(true: Bool[np.ndarray, " draws"]) -> float:
    """Of draws."""
    return float(true.mean())


def points(claim: Claim) -> float:
    """How many of what is printed make one of the metric's unit."""
    return 1.0 if SCALES[claim.metric].unit else 100.0


def margins(
    claim: Claim,
    leads: Float[np.ndarray, "draws tasks"],
    known: Bool[np.ndarray, "draws tasks"],
    kinds: Mapping[str, str],
) -> tuple[Ends, Ends]:
    """Least and largest difference of the two kinds' mean leads, in every draw; then the first's.

    Raises:
        ConfigError: If there is no task of a kind.
    """
    most = 1.0 if SCALES[claim.metric].larger_is_better else math.inf
    low = np.where(known, leads, -most)
    # More rivals can only take from a lead.
    high = np.where(np.isfinite(leads), leads, most)
    assert claim.margin is not None
    ends = []
    for kind in claim.margin.split(" > "):
        columns = [t for t, task in enumerate(claim.tasks) if kinds.get(task) == kind]
        if not columns:
            raise ConfigError(f"{claim.title}: none of its tasks is of the kind {kind}")
        ends.append((low[:, columns].mean(axis=1), high[:, columns].mean(axis=1)))
    (one_low, one_high), (other_low, other_high) = ends
    return (one_low - other_high, one_high - other_low), (one_low, one_high)
