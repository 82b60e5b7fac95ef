"""One trial at one rung: pre-train so far, fine-tune on each task, score validation images.

What a trial has scored is a folder ``OUT/trials/<study>-<trial>-<rung>/`` that is there whole or
not at all: whoever finds it need not compute it again.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch

from benchmark import registry
from benchmark.bench import limits_of, pool_images
from benchmark.checkpoints import EVERY, Interrupted
from benchmark.durable import intact, put_folder, sealed, sweep, write_json
from benchmark.leases import Lease
from benchmark.limits import memory_named
from benchmark.machine import Meter
from benchmark.rows import method_of
from benchmark.store import Store
from benchmark.tuning.questions import FLOOR, Tuning
from benchmark.tuning.snapshot import Trial, drawn_values, scores_name
from benchmark.tuning.study import Question
from methods.base import Pretrained
from methods.pretrain import build, pretrain
from tasks.base import Domain
from tasks.manifest import digest

RECORD, SCORES = "trial.json", "validation.parquet"
#: A floor leaves this Dice to win at least, or a task that is solved would outweigh all others.
LEAST = 0.02
FIELDS = pa.schema([("task", pa.string()), ("image", pa.string()), ("dice", pa.float64())])


@dataclass(frozen=True, slots=True)
class Validated:
    """What a trial has scored at a rung.

    Attributes:
        dice: Of every validation image, by task and image.
        record: What it was and what it cost, JSON-ready.
    """

    dice: dict[str, dict[str, float]]
    record: dict[str, Any]

    @property
    def means(self) -> dict[str, float]:
        """Mean validation Dice of each task."""
        return {task: float(np.mean([*images.values()])) for task, images in self.dice.items()}


def objective(dice: Mapping[str, float], floor: Mapping[str, float]) -> float:
    """What is maximised: the mean over tasks of the share won of what the floor leaves to win.

    Args:
        dice: Mean validation Dice of each task, in [0, 1].
        floor: The same without pre-training.

    Returns:
        At most 1; 0 where pre-training changes nothing, negative where it harms.
    """
    left = {task: max(1.0 - floor[task], LEAST) for task in dice}
    return float(np.mean([(dice[task] - floor[task]) / left[task] for task in dice]))


def trial_name(question: Question, index: int) -> str:
    """The name of a trial's lease; those of its checkpoints begin with it."""
    return f"trial-{question.folder}-{index:04d}"


def floor_name(tuning: Tuning, domain: Domain) -> str:
    """The name of a domain's floor."""
    return f"floor-{digest(tuning.floor_terms(domain))[:12]}"


def place(store: Store, name: str) -> Path:
    """Where scores are kept."""
    return store.root / "trials" / name


def there(store: Store, name: str) -> bool:
    """Whether they are."""
    return (place(store, name) / RECORD).is_file()


def read(store: Store, name: str) -> Validated:
    """What was scored.

    Raises:
        StoreError: If it cannot be read or was changed.
    """
    folder = place(store, name)
    digests = sealed(folder)
    record = json.loads(intact(folder, RECORD, digests))
    table = pq.read_table(pa.BufferReader(intact(folder, SCORES, digests)))
    dice: dict[str, dict[str, float]] = {}
    for row in table.to_pylist():
        dice.setdefault(row["task"], {})[row["image"]] = row["dice"]
    return Validated(dice, record)


def put_scores(folder: Path, dice: Mapping[str, Mapping[str, float]]) -> None:
    """Write scores by task and image."""
    rows = [(task, image, value) for task, own in dice.items() for image, value in own.items()]
    table = pa.table(dict(zip(FIELDS.names, zip(*rows, strict=True), strict=True)), FIELDS)
    pq.write_table(table, folder / SCORES)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Something to pre-train and score.

    Attributes:
        name: Of the folder for what it scores.
        training: Of the checkpoints of its pre-training.
        method: As registered.
        config: Its settings.
        domain: Of pool and tasks.
        images: To draw.
        told: What else the record says.
    """

    name: str
    training: str
    method: str
    config: Any
    domain: Domain
    images: int
    told: Mapping[str, Any]


@dataclass(slots=True)
class Hands:
    """Trains and scores trials on a device; it holds no test image.

    Attributes:
        tuning: What the studies need.
        store: The results folder.
        device: Where to compute.
        say: Told what is gone on from.
        every: Seconds between two checkpoints of a training.
    """

    tuning: Tuning
    store: Store
    device: torch.device
    say: Callable[[str], None]
    every: float = EVERY

    def under_way(self, name: str) -> Interrupted:
        """Where checkpoints of a training are kept."""
        return Interrupted(self.store.checkpoints / name, self.every, self.say)

    def mark(self, name: str) -> str:
        """How far the trial or floor of a lease is."""
        folders = sorted(self.store.checkpoints.glob(f"{name}*"))
        return " ".join(f"{folder.name} {self.under_way(folder.name).mark}" for folder in folders)

    def forget(self, name: str) -> None:
        """Remove what was kept of the trainings of a trial."""
        for folder in self.store.checkpoints.glob(f"{name}*"):
            self.under_way(folder.name).remove()

    def trial(self, question: Question, trial: Trial, rung: int, lease: Lease) -> float:
        """The value of a trial at a rung; what it has scored is kept."""
        name, domain = scores_name(question.folder, trial, rung), question.domain
        if not there(self.store, name):
            start = self.tuning.configs[question.method, domain]
            images = question.halving.images_at(rung)
            told = {"trial": trial.index, "rung": rung, "params": trial.params}
            config = replace(start, **trial.params)
            training = f"{trial_name(question, trial.index)}-{drawn_values(trial)}"
            attempt = Attempt(name, training, question.method, config, domain, images, told)
            self.score(attempt, lease)
        floor = read(self.store, floor_name(self.tuning, domain)).means
        return objective(read(self.store, name).means, floor)

    def floor(self, domain: Domain, lease: Lease) -> None:
        """Score no pre-training."""
        name, config = floor_name(self.tuning, domain), registry.method(FLOOR).Config()
        if there(self.store, name):  # by another worker, a moment ago
            return
        images = self.tuning.budget.images
        self.score(Attempt(name, name, FLOOR, config, domain, images, {}), lease)

    def score(self, attempt: Attempt, lease: Lease) -> None:
        """Pre-train until so many images are drawn, score, and keep what came out."""
        meter, name = Meter(self.device), attempt.name
        sweep(place(self.store, name))
        pretrained = self.pretrained(attempt, lease, meter)
        dice: dict[str, dict[str, float]] = {}
        for task in self.tuning.tasks_of(attempt.domain):
            fine_tuning = f"{attempt.training}-{task}-{attempt.images}"
            dice[task] = self.validated(pretrained, task, fine_tuning, lease)
        record = {
            **attempt.told,
            "images_drawn": pretrained.images_drawn,
            "transferred": pretrained.transferred,
            "selection": {task: self.tuning.data[task].settings.selection for task in dice},
            "cost": {**meter.read(), **asdict(pretrained.spent)},
        }

        def fill(folder: Path) -> None:
            put_scores(folder, dice)
            write_json(folder / RECORD, record)

        put_folder(place(self.store, name), fill, lease.check)
        for task in dice:
            self.under_way(f"{attempt.training}-{task}-{attempt.images}").remove()

    def pretrained(self, attempt: Attempt, lease: Lease, meter: Meter) -> Pretrained:
        """Train on from the last checkpoint until so many images are drawn."""
        plan, budget, seed = self.tuning.plan, self.tuning.budget, self.tuning.plan.tuning.seed
        pool = pool_images(self.tuning.pools[attempt.domain])
        cls, channels = method_of(plan, attempt.method), pool.pixels.shape[1]
        built = build(cls, attempt.config, plan.width, channels, seed=seed).to(self.device)
        points = self.under_way(attempt.training).points(meter, lease.check)
        most = attempt.images + attempt.config.batch_size
        if points.start and points.start.values["drawn"] >= most:
            points = replace(points, start=None)  # of a later rung: scores were removed by hand
        limits = limits_of(plan)
        with memory_named(attempt.config.batch_size, pool.side), limits.timed(meter, lease.hung):
            return pretrain(
                built,
                pool,
                budget,
                seed=seed,
                observe=limits.watch(meter, lambda _: None),
                checkpoints=points,
                until=attempt.images if attempt.images < budget.images else None,
            )

    def validated(
        self, pretrained: Pretrained, task: str, name: str, lease: Lease
    ) -> dict[str, float]:
        """Dice of every validation image of a task; the plan's limits are of it alone."""
        data, limits = self.tuning.data[task], limits_of(self.tuning.plan)
        meter = Meter(self.device)
        with (
            memory_named(data.settings.batch_size, data.settings.size),
            limits.timed(meter, lease.hung),
        ):
            seen = self.tuning.tasks[task].validate(
                pretrained,
                data,
                seed=self.tuning.plan.tuning.seed,
                stage=self.tuning.plan.tuning.stage,
                observe=limits.watch(meter, lambda _: None),
                checkpoints=self.under_way(name).points(meter, lease.check),
            )
        return dict(zip(seen.ids, seen.dice.tolist(), strict=True))
