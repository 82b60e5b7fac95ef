"""Open a plan's studies and let an executor's workers do them."""

import uuid
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console

from benchmark.checkpoints import EVERY
from benchmark.comparison import Way
from benchmark.computing import ready
from benchmark.executors import Observe, Say, quiet
from benchmark.leases import BEAT, BEATS, STALE, Leases
from benchmark.machine import device_called
from benchmark.narrowed import with_methods
from benchmark.plan import Plan
from benchmark.progress import progress_bar
from benchmark.roots import root_of
from benchmark.store import Store
from benchmark.tuning.questions import Tuning, settle, tunable_methods
from benchmark.tuning.snapshot import Snapshot, keep, read
from benchmark.tuning.storages import answering, check, close, locked, opened, owner
from benchmark.tuning.study import Study
from benchmark.tuning.trials import Hands
from benchmark.tuning.worker import Tuner
from methods.errors import ConfigError
from tasks.base import Source


@dataclass(frozen=True, slots=True)
class TuningJob:
    """Everything that a process needs to know to take part; can be pickled.

    Attributes:
        plan: What to tune.
        source: Where the images are, seen from there too.
        out: The results folder, seen from there too.
        device: "auto", "cpu" or "cuda".
        url: Of the storage; the results folder's journal if None.
        every: Seconds between two checkpoints of a training.
        stale: Seconds of silence after which a worker counts as dead.
        run: Tells this call's workers from those of others.
    """

    plan: Plan
    source: Source
    out: Path
    device: str
    url: str | None
    every: float = EVERY
    stale: float = STALE
    run: str = field(default_factory=lambda: uuid.uuid4().hex)

    def on(self, device: str) -> "TuningJob":
        """The same on another device."""
        return replace(self, device=device)

    def work(self, say: Say, observe: Observe) -> None:
        """Compute what is due, beside whoever else shares the studies."""
        ready(self.plan.threads)
        device, store = device_called(self.device), Store(self.out)
        tuning = settle(self.plan, self.source, device, quiet, store.exclusions)
        hands = Hands(tuning, store, device, say, self.every)
        beat = min(BEAT, self.stale / BEATS)
        with Leases(store.leases, self.stale, beat, self.run) as leases:
            Tuner(hands, leases, self.url, say, observe).run()


@dataclass(frozen=True, slots=True)
class Search:
    """What of a plan is tuned, and how.

    Attributes:
        trials: Of each study, the defaults among them.
        methods: Those to tune; all that can be if empty.
        url: Of a PostgreSQL database for the studies; a journal file in the results folder if None.
        workers: How many processes there will be.
        retry_failed: Whether failed trials are computed again.
        way: Who computes, and how often checkpoints are kept.
    """

    trials: int
    methods: tuple[str, ...] = ()
    url: str | None = None
    workers: int = 1
    retry_failed: bool = False
    way: Way = field(default_factory=Way)

    def __post_init__(self) -> None:
        """Insist on a trial for every worker.

        Raises:
            ConfigError: If there are fewer.
        """
        if self.trials < self.workers:
            raise ConfigError(
                f"--trials {self.trials} is less than --workers {self.workers}: some would never "
                "have one to do"
            )


def tune(
    plan: Plan, data: str, out: Path, device: str, cache: Path | None, search: Search
) -> list[Snapshot]:
    """Have so many trials of every method on every domain.

    Args:
        plan: What to tune, and how (``[tuning]``).
        data: The data root, or "phantom" for embedded data written below ``out``.
        out: The results folder.
        device: "auto", "cpu" or "cuda".
        cache: Where prepared images are kept; phantoms' are below ``out``.
        search: How far.

    Returns:
        The studies as they stand at the end.

    Raises:
        ConfigError: If the plan, the methods, the number of trials or the database cannot be used.
        StoreError: If a study of the same name is on other terms, or results cannot be written.
    """
    trials, url, way = search.trials, search.url, search.way
    plan = with_methods(plan, tunable_methods(plan, search.methods))
    console, store = Console(highlight=False, soft_wrap=True), Store(out)
    check(url, store.root)
    ready(plan.threads)
    root = root_of(plan, data, store, console, cache)
    tuning = settle(plan, root, device_called(device), console.print, store.exclusions)
    folders = begun(tuning, store, search)
    for frozen in tuning.exclusions:
        frozen.keep()
    job = TuningJob(plan, root, out, device, url, way.every, way.stale)
    with progress_bar(console) as progress:
        bar = progress.add_task("tuning", total=left(tuning, store, folders))
        way.executor.share(
            job,
            trials * len(folders),
            progress.console.print,
            lambda count: progress.advance(bar, count),
        )
    return [read(store.root / "studies" / f"{folder}.json") for folder in folders]


def begun(tuning: Tuning, store: Store, search: Search) -> list[str]:
    """Open or create every study, with so many trials; the names of their folders.

    No study is given trials unless all of them can be used.
    """
    url = search.url
    with locked(store.root, url), answering(url):
        storage = opened(url, store.root)
        try:
            own = owner(store.root)
            studies = [Study(storage, question, own) for question in tuning.questions]
            for study in studies:
                study.allows(search.trials)
            for study in studies:
                study.extend(search.trials)
                if search.retry_failed:
                    study.retry()
                keep(store.root, study.snapshot())
        finally:
            close(storage)
    return [study.question.folder for study in studies]


def left(tuning: Tuning, store: Store, folders: list[str]) -> int:
    """How many pieces are left, should no trial fail and the defaults need one of their own."""
    total = 0
    for question, folder in zip(tuning.questions, folders, strict=True):
        snapshot = read(store.root / "studies" / f"{folder}.json")
        done = sum(len(trial.values) for trial in snapshot.trials)
        halving = question.halving
        total -= done
        for trials in snapshot.brackets:
            total += sum(halving.survivors(trials, rung) for rung in range(halving.rungs))
    return max(total, 0)
