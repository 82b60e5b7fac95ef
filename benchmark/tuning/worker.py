"""A worker that computes what is due of some studies, beside any number of others."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from optuna.storages import BaseStorage

from benchmark.durable import StoreError
from benchmark.leases import Lease, Leases, LostLeaseError
from benchmark.run import PATIENCE, not_deadly
from benchmark.store import Store
from benchmark.tuning.snapshot import Trial, keep, scores_name
from benchmark.tuning.storages import JOURNAL, answering, close, locked, mend, opened, owner
from benchmark.tuning.study import Question, Study
from benchmark.tuning.trials import Hands, floor_name, there, trial_name
from tasks.base import Domain

#: Longest wait between two looks at what is due, seconds.
LONGEST = 5.0


@dataclass(frozen=True, slots=True)
class Piece:
    """What a worker computes next: a trial at a rung, or a domain's floor if there is no trial."""

    lease: Lease
    domain: Domain
    question: Question | None = None
    trial: Trial | None = None
    rung: int = 0

    @property
    def label(self) -> str:
        """For people."""
        if self.question is None or self.trial is None:
            return f"floor / {self.domain}"
        last = self.question.halving.rungs
        trial = f"trial {self.trial.index}, rung {self.rung + 1} of {last}"
        return f"{self.question.method} / {self.domain} / {trial}"


@dataclass(slots=True)
class Tuner:
    """Works on studies until they are finished.

    Attributes:
        hands: Trains and scores.
        leases: Who computes what; entered by the caller.
        url: Of the storage; the results folder's journal if None.
        say: Told about each piece.
        observe: Told about each piece that is over.
    """

    hands: Hands
    leases: Leases
    url: str | None
    say: Callable[[str], None]
    observe: Callable[[int], None]
    storage: BaseStorage | None = field(default=None, init=False)

    @property
    def store(self) -> Store:
        """The results folder."""
        return self.hands.store

    def run(self) -> None:
        """Compute what is due, wait while others do, end when every study is finished."""
        wait = PATIENCE
        try:
            while (pieces := self.next()) is not None:
                for piece in pieces:
                    self.compute(piece)
                # Whoever has nothing to do must not keep those from the studies who have.
                wait = PATIENCE if pieces else min(2 * wait, LONGEST)
                if not pieces:
                    time.sleep(wait)
        finally:
            if self.storage is not None:
                close(self.storage)

    @contextmanager
    def studies(self) -> Iterator[list[Study]]:
        """Every study, to be changed by this worker alone."""
        with locked(self.store.root, self.url), answering(self.url):
            if self.storage is None:
                self.storage = opened(self.url, self.store.root)
            elif self.url is None:
                mend(self.store.root / JOURNAL)
            storage = self.storage
            own = owner(self.store.root)
            yield [Study(storage, question, own) for question in self.hands.tuning.questions]

    def next(self) -> list[Piece] | None:
        """A piece to compute, nothing if others are at all of them, None if all is finished."""
        with self.studies() as studies:
            waiting = False
            for domain in dict.fromkeys(study.question.domain for study in studies):
                if there(self.store, name := floor_name(self.hands.tuning, domain)):
                    continue
                waiting = True
                if lease := self.claimed(name):
                    return [Piece(lease, domain)]
            for study in studies:
                question = study.question
                if not there(self.store, floor_name(self.hands.tuning, question.domain)):
                    continue
                self.settle(study)
                for rung, index in study.due(self.kept(question)):
                    waiting = True
                    if lease := self.claimed(trial_name(question, index)):
                        trial = study.begin(index, rung)
                        keep(self.store.root, study.snapshot())
                        return [Piece(lease, question.domain, question, trial, rung)]
            if waiting:
                return []
            for study in studies:  # whoever came to the end may have been killed before it could
                keep(self.store.root, study.snapshot())
            return None

    def claimed(self, name: str) -> Lease | None:
        """A lease, if nobody living has it."""
        return self.leases.claim(name, self.hands.mark(name))

    def kept(self, question: Question) -> Callable[[Trial, int], bool]:
        """Whether the scores of a trial at a rung are there."""
        return lambda trial, rung: there(self.store, scores_name(question.folder, trial, rung))

    def settle(self, study: Study) -> None:
        """Note which trials have ended, and forget how far they were."""
        ended = study.settle()
        for index in ended:
            self.hands.forget(trial_name(study.question, index))
        if ended:
            keep(self.store.root, study.snapshot())

    def compute(self, piece: Piece) -> None:
        """Compute a piece and note what came out; a failure is a result.

        Raises:
            StoreError: If results cannot be written; nothing is noted then.
        """
        piece.lease.hung = lambda error: self.give_up(piece, error)
        try:
            self.note(piece, *self.outcome(piece))
        except LostLeaseError:
            self.say(f"lost    {piece.label} was taken over by another worker")
        finally:
            self.leases.release(piece.lease)

    def give_up(self, piece: Piece, error: Exception) -> None:
        """Note that a piece hangs, from another thread; the process ends afterwards."""
        self.note(piece, None, f"{type(error).__name__}: {error}")
        self.leases.release(piece.lease)

    def outcome(self, piece: Piece) -> tuple[float | None, str]:
        """A piece's value, or why it has none."""
        try:
            not_deadly(piece.lease)
            if piece.question is None or piece.trial is None:
                self.hands.floor(piece.domain, piece.lease)
                return None, ""
            return self.hands.trial(piece.question, piece.trial, piece.rung, piece.lease), ""
        except StoreError:
            raise  # not the method's fault
        except Exception as error:
            piece.lease.check()  # whatever went wrong without it is another worker's now
            if piece.trial is None:
                raise StoreError(
                    f"{piece.label} cannot be computed, without which no trial has a value: "
                    f"{type(error).__name__}: {error}"
                ) from error
            return None, f"{type(error).__name__}: {error}"

    def note(self, piece: Piece, value: float | None, reason: str) -> None:
        """Write down what came out.

        Raises:
            LostLeaseError: If another worker has taken over; nothing is written then.
        """
        with self.studies() as studies:
            piece.lease.check()
            for study in studies:
                if piece.trial is None or study.question != piece.question:
                    continue
                if value is None:
                    study.fail(piece.trial, reason)
                    self.hands.forget(trial_name(study.question, piece.trial.index))
                else:
                    study.report(piece.trial, piece.rung, value)
                keep(self.store.root, study.snapshot())
                self.settle(study)
        self.observe(1)
        if reason:
            self.say(f"FAILED  {piece.label}: {reason.splitlines()[0]}")
        else:
            self.say(f"done    {piece.label}" + ("" if value is None else f": {value:+.4f}"))
