"""Whether a claim holds: a pure function of the tidy frame.

A claim is asked in every draw of the leaderboard's bootstrap; its probability is the share of draws
in which it is true. A task without all cells is unknown: what it might be is bounded, and the claim
holds (fails) only if it does so whatever the missing scores are. A rival that is already level or
better makes a task no win, whoever else is missing. In every draw the subject faces the best of its
rivals in that draw, who is partly lucky: with many rivals this leans against the subject.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float

from benchmark.claim import Claim
from benchmark.report.estimate import Estimate
from benchmark.report.evidence import Evidence, evidence
from benchmark.report.limits import limits
from benchmark.report.remedies import remedy
from benchmark.report.scales import SCALES
from benchmark.report.verdict import ANYTHING, Answer, Between, Outcome, State, Verdict
from methods.errors import ConfigError

#: Above the rounding of scores: a difference of exactly the tie is a tie.
SLACK = 1e-8


def judge(
    claim: Claim,
    frame: pd.DataFrame,
    rng: np.random.Generator,
    *,
    source: str = "real",
    kinds: Mapping[str, str] | None = None,
    draws: int = 2000,
) -> Verdict:
    """Answer a claim.

    Args:
        claim: What is claimed.
        frame: One row per score; see the design guide, section 8. Other methods, tasks, stages,
            label fractions and kinds of images than the claim's may be in it; they do not count.
        rng: Source of all randomness.
        source: Whose images count.
        kinds: "lesion" or "anatomy" by task; needed where the claim is about kinds.
        draws: Number of draws of the bootstrap.

    Raises:
        ConfigError: If the frame contradicts itself, or a kind of task is missing.
    """
    found = evidence(frame, claim, source, rng, draws)
    known = found.settled & np.array([task not in found.lacks for task in claim.tasks])
    sure = known & (found.draws > claim.tie + SLACK)
    possible = ~(found.draws <= claim.tie + SLACK)
    if claim.wins:
        low, high = sure.sum(axis=1).astype(float), possible.sum(axis=1).astype(float)
        probability = Between(share(low >= claim.needed), share(high >= claim.needed))
        unit = 1.0
    else:
        low, high = margins(claim, found, known, kinds or {})
        more = claim.tie + SLACK
        probability = Between(share(low > more), share(high > more))
        unit = points(claim)
    expected, interval = amounts(unit * low, unit * high, claim.level)
    return Verdict(
        claim=claim,
        source=source,
        answer=answer(probability, claim.level),
        probability=probability,
        expected=expected,
        interval=interval,
        outcomes=outcomes(claim, found, sure, possible, kinds or {}),
        limits=tuple(limits(claim, frame, source, found)),
    )


def answer(probability: Between, level: float) -> Answer:
    """What follows from a claim's probability, whatever unknown scores are."""
    if probability.low >= level:
        return "holds"
    return "fails" if 1 - probability.high >= level else "undecided"


def share(true: Bool[np.ndarray, " draws"]) -> float:
    """Of draws."""
    return float(true.mean())


def points(claim: Claim) -> float:
    """How many of what is printed make one of the metric's unit."""
    return 1.0 if SCALES[claim.metric].unit else 100.0


def margins(
    claim: Claim, found: Evidence, known: Bool[np.ndarray, "draws tasks"], kinds: Mapping[str, str]
) -> tuple[Float[np.ndarray, " draws"], Float[np.ndarray, " draws"]]:
    """Least and largest difference of the two kinds' mean leads, in every draw.

    Raises:
        ConfigError: If there is no task of a kind.
    """
    most = 1.0 if SCALES[claim.metric].larger_is_better else math.inf
    seen = np.isfinite(found.draws)
    low = np.where(known, found.draws, -most)
    # More rivals can only take from a lead.
    high = np.where(seen, found.draws, most)
    assert claim.margin is not None
    ends = []
    for kind in claim.margin.split(" > "):
        columns = [t for t, task in enumerate(claim.tasks) if kinds.get(task) == kind]
        if not columns:
            raise ConfigError(f"{claim.title}: none of its tasks is of the kind {kind}")
        ends.append((low[:, columns].mean(axis=1), high[:, columns].mean(axis=1)))
    (one_low, one_high), (other_low, other_high) = ends
    return one_low - other_high, one_high - other_low


def amounts(
    low: Float[np.ndarray, " draws"], high: Float[np.ndarray, " draws"], level: float
) -> tuple[Between, Between]:
    """Means of both bounds, and the percentile interval around them."""
    if not np.isfinite([low, high]).all():
        return ANYTHING, ANYTHING
    tail = int((1 - level) / 2 * len(low))
    lowest, highest = np.sort(low)[tail], np.sort(high)[len(high) - 1 - tail]
    return Between(float(low.mean()), float(high.mean())), Between(float(lowest), float(highest))


def outcomes(
    claim: Claim,
    found: Evidence,
    sure: Bool[np.ndarray, "draws tasks"],
    possible: Bool[np.ndarray, "draws tasks"],
    kinds: Mapping[str, str],
) -> tuple[Outcome, ...]:
    """How every task goes; a coin flip is one whose chance is between 1 - level and level."""
    out = []
    for t, task in enumerate(claim.tasks):
        chance = Between(share(sure[:, t]), share(possible[:, t]))
        state = state_of(chance, claim.level)
        lacks = found.lacks.get(task, {})
        flip = state == "coin flip"
        out.append(
            Outcome(
                task=task,
                kind=kinds.get(task, ""),
                state=state,
                chance=chance,
                lead=lead_of(found, t, points(claim), claim.level),
                rival=found.best[t] if np.isfinite(found.leads[t]) else "",
                lacks=lacks,
                remedy=remedy(found.differences[task], claim.tie, claim.level) if flip else "",
            )
        )
    return tuple(out)


def state_of(chance: Between, level: float) -> State:
    """How a task goes."""
    if chance.low >= level:
        return "win"
    if 1 - chance.high >= level:
        return "loss"
    return "coin flip" if chance.low == chance.high else "unknown"


def lead_of(found: Evidence, t: int, unit: float, level: float) -> Estimate:
    """The lead on a task, with an interval where there is one."""
    value, draws = float(found.leads[t]) * unit, np.sort(found.draws[:, t]) * unit
    if not np.isfinite(draws).all():
        return Estimate(value)
    tail = int((1 - level) / 2 * len(draws))
    return Estimate(value, float(draws[tail]), float(draws[len(draws) - 1 - tail]))
