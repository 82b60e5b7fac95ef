"""Whether a claim holds: a pure function of the tidy frame.

A claim is asked in every draw of the leaderboard's bootstrap; its probability is the share of draws
in which it is true. A task without all cells is unknown: what it might be is bounded, and the claim
holds (fails) only if it does so whatever the missing scores are. A rival that is already level or
better makes a task no win, whoever else is missing.

In every draw the subject meets the best of its rivals in that draw, who is partly lucky. With many
close rivals this leans hard against the subject: in a simulation with eighteen of them and three
seeds, a method two points ahead of all on every task was found to fail nine of twelve, three times
in four. So the probability is also computed from leads corrected for that bias, by twice what the
bootstrap estimates it to be (once for the scores, once for the draws of them; Efron and Tibshirani,
"An Introduction to the Bootstrap", 1993, chapter 10), and there is an answer only where both agree.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from jaxtyping import Float

from benchmark.claim import Claim
from benchmark.report.estimate import Estimate
from benchmark.report.evidence import Evidence, evidence
from benchmark.report.limits import limits
from benchmark.report.probabilities import points, probable, share, unlucky, won
from benchmark.report.remedies import remedy
from benchmark.report.verdict import ANYTHING, Answer, Between, Outcome, State, Verdict


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
    low, high, probability = probable(claim, found, found.draws, kinds or {})
    corrected = probable(claim, found, unlucky(found), kinds or {})[2]
    unit = 1.0 if claim.wins else points(claim)
    expected, interval = amounts(unit * low, unit * high, claim.level)
    found_out = answer(probability, corrected, claim.level)
    return Verdict(
        claim=claim,
        source=source,
        # Of one training each, nothing tells a method from its luck.
        answer="undecided" if 1 in found.seeds.values() else found_out,
        probability=probability,
        corrected=corrected,
        expected=expected,
        interval=interval,
        outcomes=outcomes(claim, found, kinds or {}),
        limits=tuple(limits(claim, frame, source, found)),
    )


def answer(probability: Between, corrected: Between, level: float) -> Answer:
    """What follows from both of a claim's probabilities, whatever unknown scores are."""
    if min(probability.low, corrected.low) >= level:
        return "holds"
    return "fails" if 1 - max(probability.high, corrected.high) >= level else "undecided"


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
    kinds: Mapping[str, str],
) -> tuple[Outcome, ...]:
    """How every task goes; a coin flip is one whose chance is between 1 - level and level."""
    sure, possible = won(claim, found, found.draws)
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
