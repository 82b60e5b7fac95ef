"""Whether a claim holds: a pure function of the tidy frame.

A claim is asked in every draw of the leaderboard's bootstrap; its probability is the share of draws
in which it is true. A task without all cells is unknown: what it might be is bounded, and the claim
holds (fails) only if it does so whatever the missing scores are. A rival that is surely level or
better makes a task no win, whoever else is missing.

In every draw the subject meets the best of its rivals in that draw, who is partly lucky. With many
close rivals this leans hard against the subject. So everything is also computed from leads
without that luck (``evidence.luck``), and a task is won or lost only where both agree.

A number of wins leans to the middle besides: a draw adds noise to scores that have noise, and turns
sure wins and losses into uncertain ones. So a claim about wins holds or fails only if the number
of tasks that are won (not won) with confidence suffices, of all tasks together
(``probabilities.certain``). In a simulation with eighteen equal rivals, three seeds and twelve
tasks, a method two points ahead of all on every task was found to fail nine of twelve every
time by the plain draws, now and then without the luck, and not once by both and the number
(tests/benchmark/test_luck.py).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Float

from benchmark.claim import Claim
from benchmark.report.estimate import Estimate
from benchmark.report.evidence import Evidence, evidence
from benchmark.report.limits import limits
from benchmark.report.probabilities import certain, points, probable, share, unlucky, won
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
    probability = probable(claim, found, found.draws, kinds or {})[2]
    low, high, corrected = probable(claim, found, unlucky(found), kinds or {})
    unit = 1.0 if claim.wins else points(claim)
    expected, interval = amounts(unit * low, unit * high, claim.level)
    every = outcomes(claim, found, kinds or {})
    found_out = answer(probability, corrected, claim.level)
    if claim.wins:
        interval = counted(every, claim.level)
        if not (interval.low >= claim.needed or interval.high < claim.needed):
            found_out = "undecided"
    return Verdict(
        claim=claim,
        source=source,
        # Of one training each, nothing tells a method from its luck.
        answer="undecided" if 1 in found.seeds.values() else found_out,
        probability=probability,
        corrected=corrected,
        expected=expected,
        interval=interval,
        outcomes=every,
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


def counted(every: Sequence[Outcome], level: float) -> Between:
    """How many tasks are won at least and at most, each with the level's confidence."""
    lost = np.array([max(outcome.chance.high, outcome.corrected.high) for outcome in every])
    won = np.array([1.0 - min(outcome.chance.low, outcome.corrected.low) for outcome in every])
    return Between(float(certain(won, level)), float(len(every) - certain(lost, level)))


def outcomes(
    claim: Claim,
    found: Evidence,
    kinds: Mapping[str, str],
) -> tuple[Outcome, ...]:
    """How every task goes; a coin flip is one whose chance is between 1 - level and level."""
    plain, fair = (won(claim, found, leads) for leads in (found.draws, unlucky(found)))
    out = []
    for t, task in enumerate(claim.tasks):
        chance, corrected = (
            Between(share(sure[:, t]), share(possible[:, t])) for sure, possible in (plain, fair)
        )
        state = state_of(chance, corrected, claim.level)
        lacks = found.lacks.get(task, {})
        flip = state == "coin flip"
        out.append(
            Outcome(
                task=task,
                kind=kinds.get(task, ""),
                state=state,
                chance=chance,
                corrected=corrected,
                lead=lead_of(found, t, points(claim), claim.level),
                rival=found.best[t] if np.isfinite(found.leads[t]) else "",
                lacks=lacks,
                remedy=advice(found.differences[task], chance, claim) if flip else "",
            )
        )
    return tuple(out)


def advice(differences: Float[np.ndarray, "seeds people"], chance: Between, claim: Claim) -> str:
    """What would decide a coin flip; no number of seeds where its two chances disagree."""
    if chance.high <= 1 - claim.level:
        return "rivals are too close to tell how lucky the best of them is"
    return remedy(differences, claim.tie, claim.level)


def state_of(chance: Between, corrected: Between, level: float) -> State:
    """How a task goes: what both of its chances say."""
    if min(chance.low, corrected.low) >= level:
        return "win"
    if 1 - max(chance.high, corrected.high) >= level:
        return "loss"
    known = chance.low == chance.high and corrected.low == corrected.high
    return "coin flip" if known else "unknown"


def lead_of(found: Evidence, t: int, unit: float, level: float) -> Estimate:
    """The lead on a task, with an interval where there is one."""
    value, draws = float(found.leads[t]) * unit, np.sort(found.draws[:, t]) * unit
    if not np.isfinite(draws).all():
        return Estimate(value)
    tail = int((1 - level) / 2 * len(draws))
    return Estimate(value, float(draws[tail]), float(draws[len(draws) - 1 - tail]))
