"""One method's study on one domain: its trials in Optuna's storage, each begun and ended once.

A trial of ours is known by its number, from 0 for the defaults. Optuna's may be higher: a trial
whose worker was killed is failed there and queued again under the next one. All functions that
change a study are called by whoever holds the lock (``benchmark.tuning.storages.locked``).
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from benchmark.asked import difference
from benchmark.durable import StoreError
from benchmark.tuning.halving import DEFAULTS, Halving, Standing
from benchmark.tuning.snapshot import Snapshot, Trial
from benchmark.tuning.space import Sampler, Space, grid_point, suggested
from methods.errors import ConfigError
from methods.tunable import Value
from tasks.base import Domain
from tasks.manifest import digest

#: Under which names a study keeps what it is, and a trial what became of it.
OWNER, TERMS, BRACKETS, TRIAL, BEGUN, REASON, ORPHAN = (
    "owner", "terms", "brackets", "trial", "begun", "reason", "orphan",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Question:
    """What a study asks.

    Attributes:
        name: Of the study in its storage.
        method: Whose hyperparameters.
        domain: Of the tasks and the pool.
        space: What is searched.
        defaults: The first trial.
        halving: Who gets which budget.
        sampler: Who says where a trial looks.
        seed: Of the sampler.
        terms: Everything that a trial's value depends on, JSON-ready.
    """

    name: str
    method: str
    domain: Domain
    space: Space
    defaults: dict[str, Value]
    halving: Halving
    sampler: Sampler
    seed: int
    terms: Mapping[str, Any] = field(hash=False)

    @property
    def folder(self) -> str:
        """What its folders and leases begin with; another question has another one."""
        return f"{self.method}-{digest(dict(self.terms))[:12]}"


class Study:
    """A study in a storage."""

    def __init__(self, storage: BaseStorage, question: Question, owner: str) -> None:
        """Open it, or create it.

        Args:
            storage: Where it is kept.
            question: What it asks.
            owner: The results folder that its leases and scores are in.

        Raises:
            StoreError: If the storage has a study of this name on other terms, or of another
                folder; it is left alone.
        """
        self.question = question
        self.known: dict[int, Trial] | None = None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            self.study = optuna.load_study(study_name=question.name, storage=storage)
        except KeyError:
            self.study = optuna.create_study(
                study_name=question.name, storage=storage, direction="maximize"
            )
        attributes = self.study.user_attrs
        ours = not attributes or TERMS in attributes
        if ours and not attributes.get(BRACKETS) and not self.study.get_trials(deepcopy=False):
            # New, or its creator was refused or killed before it had trials.
            self.study.set_user_attr(OWNER, owner)
            self.study.set_user_attr(TERMS, dict(question.terms))
        self.agree(owner)

    def agree(self, owner: str) -> None:
        """Insist that it asks what is asked now.

        Raises:
            StoreError: If it does not; names the first difference.
        """
        terms = self.study.user_attrs.get(TERMS)
        if terms is None:
            raise StoreError(
                f"the storage has a study {self.question.name!r} that is not ours: give another "
                "--storage, or another title in the plan"
            )
        if self.study.user_attrs.get(OWNER) != owner:
            raise StoreError(
                f"the study {self.question.name!r} belongs to another results folder: give its "
                "--out, or another title in the plan"
            )
        for place in difference(terms, json.loads(json.dumps(self.question.terms))):
            raise StoreError(
                f"the study {self.question.name!r} differs in {place}: give another --out to begin "
                "a new one, or take back the change to go on with it"
            )

    @property
    def brackets(self) -> list[list[int]]:
        """The trials, those that started together in one list."""
        lists, first = [], 0
        for size in self.study.user_attrs.get(BRACKETS, ()):
            lists.append(list(range(first, first + size)))
            first += size
        return lists

    def allows(self, trials: int) -> None:
        """Insist that there may be so many trials in all.

        Raises:
            ConfigError: If there are more already, or more than a grid has points.
        """
        there, question = sum(map(len, self.brackets)), self.question
        if trials < there:
            raise ConfigError(
                f"the study {question.name!r} has {there} trials already: give --trials {there} or "
                "more"
            )
        if question.sampler == "grid":
            grid_point(question.space, question.seed, trials - 1)

    def extend(self, trials: int) -> None:
        """Have so many trials in all; new ones are a bracket of their own."""
        sizes = list(self.study.user_attrs.get(BRACKETS, ()))
        if trials > sum(sizes):
            self.study.set_user_attr(BRACKETS, [*sizes, trials - sum(sizes)])

    def trials(self) -> dict[int, Trial]:
        """Those that have begun, by our number."""
        if self.known is not None:
            return self.known
        attempts: dict[int, list[FrozenTrial]] = {}
        for each in self.study.get_trials(deepcopy=False):
            if TRIAL in each.user_attrs:
                attempts.setdefault(each.user_attrs[TRIAL], []).append(each)
        self.known = {index: trial_of(own) for index, own in sorted(attempts.items())}
        return self.known

    def standings(self) -> dict[int, Standing]:
        """How far each trial has come."""
        return {
            index: Standing(trial.values, trial.state == "failed")
            for index, trial in self.trials().items()
        }

    def due(self, kept: Callable[[Trial, int], bool] | None = None) -> list[tuple[int, int]]:
        """The (rung, trial) that can be computed now; empty if the study is finished.

        Args:
            kept: Whether the scores behind a trial's value at a rung are still there; without, it
                is computed again.
        """
        standings, halving = self.standings(), self.question.halving
        if kept is not None:
            for index, trial in self.trials().items():
                there = {rung: value for rung, value in trial.values.items() if kept(trial, rung)}
                standings[index] = Standing(there, trial.state == "failed")
        return [piece for bracket in self.brackets for piece in halving.due(bracket, standings)]

    def settle(self) -> list[int]:
        """Tell Optuna how those trials ended of which it is decided; those that are new."""
        told = []
        trials, standings = self.trials(), self.standings()
        states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
        for bracket in self.brackets:
            for index, fate in self.question.halving.fates(bracket, standings).items():
                trial = trials[index]
                if trial.state == "running":
                    value = trial.values[max(trial.values)] if fate == "complete" else None
                    self.study.tell(trial.number, value, states[fate])
                    told.append(index)
        self.known = None
        return told

    def retry(self) -> list[int]:
        """Queue every failed trial again with the same values; their numbers."""
        failed = [trial for trial in self.trials().values() if trial.state == "failed"]
        for trial in failed:
            self.queue(trial.index, trial.params, trial.values, [*trial.values])
        return [trial.index for trial in failed]

    def snapshot(self) -> Snapshot:
        """The study as it stands."""
        question, halving = self.question, self.question.halving
        return Snapshot(
            name=question.name,
            folder=question.folder,
            method=question.method,
            domain=question.domain,
            terms=dict(question.terms),
            images=[halving.images_at(rung) for rung in range(halving.rungs)],
            brackets=[len(bracket) for bracket in self.brackets],
            finished=not self.due(),
            trials=[*self.trials().values()],
        )

    def begin(self, index: int, rung: int) -> Trial:
        """Note that a trial's rung is begun by whoever holds its lease.

        A trial that is new looks where the sampler says. One whose rung somebody has begun before
        has lost its worker, or its scores: it is queued again with the same values.
        """
        old = self.trials().get(index)
        if old is None:
            self.queue(index, self.params(index), {}, [rung])
        elif rung in old.begun:
            if old.state == "running" and not old.orphan:
                self.fail(old, "its worker was lost", orphan=True)
            values = {before: value for before, value in old.values.items() if before < rung}
            self.queue(index, old.params, values, [*values, rung])
        else:
            self.live(old).set_user_attr(BEGUN, [*old.begun, rung])
            self.known = None
        return self.trials()[index]

    def params(self, index: int) -> dict[str, Value]:
        """Where a new trial looks."""
        question = self.question
        if index == DEFAULTS:
            return question.defaults
        trials = self.trials().values()
        # At the first rung all are compared; one that failed there is as bad as the worst.
        firsts = {trial.index: trial.values.get(0) for trial in trials}
        worst = min((value for value in firsts.values() if value is not None), default=0.0)
        firsts |= {t.index: worst for t in trials if t.state == "failed" and not t.values}
        known = [(trial.params, firsts[trial.index]) for trial in trials]
        return suggested(question.sampler, question.space, question.seed, index, known)

    def queue(
        self, index: int, params: Mapping[str, Value], values: Mapping[int, float], begun: list[int]
    ) -> None:
        """Add a trial under way, in one step, so that none is ever half there."""
        self.study.add_trial(
            optuna.create_trial(
                state=TrialState.RUNNING,
                params=dict(params),
                distributions=self.question.space,
                user_attrs={TRIAL: index, BEGUN: begun},
                intermediate_values=dict(values),
            )
        )
        self.known = None

    def report(self, trial: Trial, rung: int, value: float) -> None:
        """Note a trial's value at a rung."""
        self.live(trial).report(value, rung)
        self.known = None

    def fail(self, trial: Trial, reason: str, *, orphan: bool = False) -> None:
        """Note that a trial has failed; an orphan will be queued again."""
        live = self.live(trial)
        live.set_user_attr(REASON, reason)
        if orphan:
            live.set_user_attr(ORPHAN, True)
        self.study.tell(trial.number, state=TrialState.FAIL)
        self.known = None

    def live(self, trial: Trial) -> optuna.trial.Trial:
        """Optuna's handle on a trial under way."""
        return optuna.trial.Trial(self.study, trial.id)


def trial_of(attempts: list[FrozenTrial]) -> Trial:
    """A trial by its last attempt."""
    last = attempts[-1]
    names = {
        TrialState.RUNNING: "running",
        TrialState.WAITING: "running",
        TrialState.COMPLETE: "complete",
        TrialState.PRUNED: "pruned",
        TrialState.FAIL: "failed",
    }
    orphan = last.state is TrialState.FAIL and bool(last.user_attrs.get(ORPHAN))
    return Trial(
        index=last.user_attrs[TRIAL],
        number=last.number,
        id=last._trial_id,
        params=dict(last.params),
        values=dict(last.intermediate_values),
        begun=tuple(last.user_attrs.get(BEGUN, ())),
        state="running" if orphan else names[last.state],
        orphan=orphan,
        reason=str(last.user_attrs.get(REASON, "")),
        attempts=len(attempts),
    )
