"""What is found about a claim, as text and as JSON."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from benchmark.claim import Claim
from benchmark.report.estimate import NAN, Estimate, plain
from benchmark.report.scales import SCALES

Answer = Literal["holds", "fails", "undecided"]
State = Literal["win", "loss", "coin flip", "unknown"]

#: How many methods a line names.
_NAMED = 4


@dataclass(frozen=True, slots=True)
class Between:
    """A number, or its bounds over all that unknown scores might be."""

    low: float
    high: float

    def text(self, decimals: int = 2) -> str:
        """For example "0.25" or "between 0.00 and 1.00"."""
        low, high = f"{self.low:.{decimals}f}", f"{self.high:.{decimals}f}"
        return low if low == high else f"between {low} and {high}"

    def record(self) -> list[float | None]:
        """JSON-ready."""
        return [plain(x) if np.isfinite(x) else None for x in (self.low, self.high)]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One task.

    Attributes:
        task: Its name.
        kind: "anatomy" or "lesion"; "" if nobody said.
        state: How it goes for the subject.
        chance: Bootstrap probability of a win.
        corrected: The same without the luck of the best rival of a draw.
        lead: Over the best rival that can be compared, in points of a share, or in pixels.
        rival: That one; "" where there is none.
        lacks: Methods whose cells are missing, with the seeds if not all are.
        remedy: What would decide it; "" if it is decided.
    """

    task: str
    kind: str
    state: State
    chance: Between
    corrected: Between
    lead: Estimate
    rival: str
    lacks: Mapping[str, tuple[int, ...]]
    remedy: str

    def missing(self, methods: int) -> str:
        """Whose cells are missing, in words; there are so many methods."""
        if len(self.lacks) == methods and not any(self.lacks.values()):
            return "no cells of any method"
        names = [
            f"{name} (seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))})" if seeds else name
            for name, seeds in self.lacks.items()
        ]
        more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
        return f"lacks cells of {', '.join(names[:_NAMED] + more)}"

    def text(self, unit: str, methods: int) -> str:
        """One line."""
        parts = [f"chance of a win {self.chance.text()}"]
        if self.corrected != self.chance:
            parts = [f"{parts[0]}, corrected {self.corrected.text()}"]
        if self.rival:
            parts.append(f"{self.lead.text(1, signed=True)} {unit} over {self.rival}")
        if self.lacks:
            parts.append(self.missing(methods))
        if self.remedy:
            parts.append(self.remedy)
        return f"{self.task}: {'; '.join(parts)}"

    def record(self) -> dict[str, Any]:
        """JSON-ready."""
        return {
            "task": self.task,
            "kind": self.kind,
            "state": self.state,
            "chance": self.chance.record(),
            "corrected": self.corrected.record(),
            "lead": self.lead.record(),
            "rival": self.rival,
            "lacks": {name: list(seeds) for name, seeds in self.lacks.items()},
            "remedy": self.remedy,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer and what it rests on.

    Attributes:
        claim: What was claimed.
        source: Whose images were counted.
        answer: What follows.
        probability: That the claim is true, by the bootstrap.
        corrected: The same without the luck of the best rival of a draw.
        expected: Number of wins, or the difference of the mean leads, without that luck; NaN if
            it has no bounds.
        interval: Of that, at the claim's level; the least and the most wins have it each.
        outcomes: Every task.
        limits: What a reader has to know to judge the answer.
    """

    claim: Claim
    source: str
    answer: Answer
    probability: Between
    corrected: Between
    expected: Between
    interval: Between
    outcomes: tuple[Outcome, ...]
    limits: tuple[str, ...]

    def of_state(self, state: State) -> list[Outcome]:
        """The tasks that go this way."""
        return [outcome for outcome in self.outcomes if outcome.state == state]

    @property
    def unit(self) -> str:
        """Of leads."""
        return SCALES[self.claim.metric].unit or "points"

    @property
    def terms(self) -> str:
        """What was compared on which images, and what counts as a tie."""
        return (
            f"{SCALES[self.claim.metric].title} on {self.source} images, {self.claim.stage}, label "
            f"fraction {self.claim.fraction:g}; {self.claim.subject} against "
            f"{len(self.claim.rivals)} methods on {len(self.claim.tasks)} tasks; a difference "
            f"within {self.claim.ties:g} {self.unit} is a tie, and no win"
        )

    def lines(self) -> list[str]:
        """For people; each line about phantoms says so."""
        unit = self.unit
        out = [f"{self.answer}: {self.claim.title}", f"  {self.terms}"]
        out.append(
            f"  bootstrap probability: {self.probability.text()}; corrected for the luck of the "
            f"best rival: {self.corrected.text()}"
        )
        out.append(f"  {self.amount(unit)}")
        states: tuple[State, ...] = ("win", "loss", "coin flip", "unknown")
        for state in states:
            tasks = self.of_state(state)
            if tasks:
                out.append(f"  {'loss or tie' if state == 'loss' else state}: {len(tasks)}")
                out += [
                    f"    {outcome.text(unit, len(self.claim.rivals) + 1)}" for outcome in tasks
                ]
        out += [f"  - {limit}" for limit in self.limits]
        return out if self.source == "real" else [f"{self.source}: {line}" for line in out]

    def amount(self, unit: str) -> str:
        """The expected number of wins, or the difference of leads, in words."""
        level = f"{100 * self.claim.level:g} % interval"
        if self.claim.wins:
            return (
                f"expected wins, corrected: {self.expected.text(1)} of {len(self.claim.tasks)}; at "
                f"least {self.interval.low:.0f} and at most {self.interval.high:.0f} with "
                f"{100 * self.claim.level:g} % confidence each; claimed {self.claim.wins}"
            )
        if np.isfinite([self.interval.low, self.interval.high]).all():
            ends = f"[{self.interval.low:+.1f}, {self.interval.high:+.1f}]"
            return (
                f"difference of mean leads, corrected, {self.claim.margin}: "
                f"{self.expected.text(1)} {unit}, {level} {ends}"
            )
        return f"difference of mean leads, {self.claim.margin}: it may be anything"

    def record(self) -> dict[str, Any]:
        """JSON-ready: plain types only, NaN as None."""
        return {
            "title": self.claim.title,
            "source": self.source,
            "answer": self.answer,
            "claim": {**self.claim.model_dump(), "against": list(self.claim.rivals)},
            "probability": self.probability.record(),
            "corrected": self.corrected.record(),
            "expected": self.expected.record(),
            "interval": self.interval.record(),
            "wins": len(self.of_state("win")),
            "losses": len(self.of_state("loss")),
            "coin flips": len(self.of_state("coin flip")),
            "unknown": len(self.of_state("unknown")),
            "tasks": [{**outcome.record(), "source": self.source} for outcome in self.outcomes],
            "limits": list(self.limits),
        }


#: Of a claim about leads that cannot be bounded.
ANYTHING = Between(NAN, NAN)
