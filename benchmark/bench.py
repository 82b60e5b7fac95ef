"""The worker's hands: trains encoders and evaluates them with the real methods and tasks."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmark import encoders
from benchmark.cells import EXCLUDED, PERSONS, SET, Cell, CellResult, Status
from benchmark.checkpoints import EVERY, Interrupted
from benchmark.grid import Grid
from benchmark.leases import Lease, unheard
from benchmark.limits import Limits, OutOfMemoryError, memory_named
from benchmark.machine import Meter
from benchmark.overtime import ExceededError
from benchmark.pictures import save_masks, save_picture, save_test
from benchmark.plan import Plan
from benchmark.rows import method_of
from benchmark.run import DiedError, Evaluated
from benchmark.store import Store
from methods.base import Images, Method, Pretrained
from methods.pretrain import build, pretrain
from tasks.base import NORMALISATION, Task
from tasks.listed import ListedTask, TaskData
from tasks.pools import Pool


def nothing() -> None:
    """What a rank without a lease insists on."""


MASKS = "masks_{stage}.png"
#: Ends of trainings that were good as far as they came.
RESUMABLE = (ExceededError, OutOfMemoryError, DiedError, OSError, torch.AcceleratorError)


def pool_images(pool: Pool) -> Images:
    """A pool as methods see it: pixels without names or labels."""
    values = NORMALISATION[pool.info.domain]
    return Images(pool.array, values.mean, values.std, pool.held_out, pool.rows)


def limits_of(plan: Plan) -> Limits:
    """What a plan allows a cell."""
    part = plan.limits
    return Limits(
        None if part.hours is None else part.hours * 3600,
        None if part.memory_gib is None else part.memory_gib * 1024,
    )


@dataclass(slots=True)
class TorchBench:
    """Computes cells of a grid on a device.

    Attributes:
        grid: The plan with its data.
        store: Where encoders are kept.
        device: Where to compute.
        observe: Told how many images training has passed since the last call.
        say: Told what is gone on from.
        every: Seconds between two checkpoints of a training.
        loaded: The encoder used last, by its folder's name: a group of cells shares it.
    """

    grid: Grid
    store: Store
    device: torch.device
    observe: Callable[[int], None]
    say: Callable[[str], None]
    every: float = EVERY
    loaded: tuple[str, Pretrained] | None = field(default=None, init=False)

    def under_way(self, name: str) -> Interrupted:
        """Where checkpoints of a training are kept."""
        return Interrupted(self.store.checkpoints / name, self.every, self.say)

    def mark(self, name: str) -> str:
        """How far the training called ``name`` is."""
        return self.under_way(name).mark

    def forget(self, name: str) -> None:
        """Remove what was kept of a training under way."""
        self.under_way(name).remove()

    def limits(self) -> Limits:
        """The plan's."""
        return limits_of(self.grid.plan)

    def built(self, cell: Cell) -> tuple[Method[Any], Images]:
        """The cell's method, not yet trained, and its pool."""
        key = cell.pretrain
        domain = self.grid.tasks[cell.key.task].info.domain
        images = pool_images(self.grid.pools[domain])
        cls, config = method_of(self.grid.plan, key.method), self.grid.configs[key.method, domain]
        width, channels = self.grid.plan.width, images.pixels.shape[1]
        return build(cls, config, width, channels, seed=key.seed).to(self.device), images

    def pretrain(self, cell: Cell, lease: Lease | None) -> None:
        """Train the cell's encoder and keep it; ranks but the first train along without a lease."""
        meter = Meter(self.device)
        under_way = self.under_way(cell.encoder)
        self.loaded = None  # two would not always fit into memory
        method, images = self.built(cell)
        with (
            memory_named(method.config.batch_size, images.side),
            self.limits().timed(meter, lease.hung if lease else unheard),
        ):
            trained = pretrain(
                method,
                images,
                self.grid.budget_of(cell.key.method),
                seed=cell.pretrain.seed,
                observe=self.limits().watch(meter, self.observe),
                checkpoints=under_way.points(meter, lease.check if lease else nothing),
            )
        if lease is None:
            return
        folder = self.store.encoders / cell.encoder
        pool = self.grid.pools[self.grid.tasks[cell.key.task].info.domain]
        encoders.save(folder, trained, cell, pool, meter.read(), lease.check)
        self.loaded = (cell.encoder, trained)
        under_way.remove()

    def pretrained(self, cell: Cell) -> Pretrained:
        """The cell's encoder, which is there."""
        if self.loaded is None or self.loaded[0] != cell.encoder:
            self.loaded = None
            method, images = self.built(cell)
            folder = self.store.encoders / cell.encoder
            budget = self.grid.budget_of(cell.key.method)
            trained = encoders.load(folder, method, images, budget)
            self.loaded = (cell.encoder, trained)
        return self.loaded[1]

    def evaluated(self, cell: Cell, lease: Lease) -> Evaluated:
        """Fine-tune and score the cell's encoder on its task."""
        task = self.grid.tasks[cell.key.task]
        data: TaskData = self.grid.data_of(cell.key)
        pretrained, meter = self.pretrained(cell), Meter(self.device)
        batch = data.settings.batch_size
        with (
            memory_named(batch, data.settings.size),
            self.limits().timed(meter, lease.hung),
        ):
            scores = task.evaluate(
                pretrained,
                data,
                seed=cell.key.seed,
                stages=cell.key.stages,
                observe=self.limits().watch(meter, lambda steps: self.observe(steps * batch)),
                checkpoints=self.under_way(cell.name).points(meter, lease.check),
            )
        spent = {} if scores.spent is None else asdict(scores.spent)
        result = CellResult(
            key=cell.key,
            status=Status.DONE,
            reason="",
            domain=task.info.domain,
            source=data.kind,
            rows=[(s.stage, s.image, s.metric, s.value) for s in scores.scores],
            facts={
                **scores.facts,
                **self.facts(cell),
                **({PERSONS: persons} if (persons := numbered(task, data.test.ids)) else {}),
                "transferred": pretrained.transferred,
            },
            cost={**meter.read(), **spent, "pretraining": self.pretraining_cost(cell)},
        )

        def extra(folder: Path) -> None:
            for stage, masks in scores.masks.items():
                save_masks(masks, folder / MASKS.format(stage=stage))
            for name, picture in scores.pictures.items():
                save_picture(picture, folder / f"{name}.png")

        save_test(data.test, self.store.tests / f"{cell.key.task}-{cell.key.manifest[:16]}")
        return Evaluated(result, extra)

    def pretraining_cost(self, cell: Cell) -> dict[str, Any]:
        """What the cell's encoder has cost; of somebody else's, only its calibration is known."""
        record = self.store.encoder_record(cell.encoder)
        if cell.key.method in self.grid.plan.encoders:
            unknown = dict.fromkeys(("images_drawn", "images_passed"))
            return {**unknown, "calibration": record["cost"]}
        drawn = {name: record[name] for name in ("images_drawn", "images_passed")}
        return {**drawn, **record["cost"]}

    def status_of(self, error: Exception) -> Status:
        """How a cell ended that raised this."""
        return Status.EXCEEDED if isinstance(error, ExceededError) else Status.FAILED

    def resumable(self, error: Exception) -> bool:
        """Whether more time, memory, or a disk or device that works is all that it lacked."""
        return isinstance(error, RESUMABLE)

    def device_broke(self, error: Exception) -> bool:
        """Whether a GPU refuses everything from now on, as after an illegal access."""
        return isinstance(error, torch.AcceleratorError)

    def unfinished(self, cell: Cell, status: Status, reason: str, lines: list[str]) -> CellResult:
        """The result of a cell that could not be computed."""
        task = self.grid.tasks[cell.key.task]
        return CellResult(
            key=cell.key,
            status=status,
            reason=reason,
            domain=task.info.domain,
            source=self.grid.data[cell.key.task].kind,
            facts={**self.facts(cell), "traceback": lines},
        )

    def facts(self, cell: Cell) -> dict[str, Any]:
        """What is known of a cell whether or not it succeeds."""
        info = self.grid.tasks[cell.key.task].info
        domain = info.domain
        tuned = self.grid.plan.tuned.get(cell.key.method, {}).get(domain)
        shape = self.grid.plan.shapes.get(cell.key.method)
        own = self.grid.plan.config.get(cell.key.method)
        return {
            **({"tuned": tuned.model_dump()} if tuned else {}),
            **({"prior": shape.said} if shape else {}),
            **({SET: sorted(own)} if own else {}),
            "encoder": cell.encoder,
            "leaks": self.grid.plan.leaks,
            "kind": info.kind,
            EXCLUDED: len(self.grid.pools[domain].excluded),
            "layout": self.grid.data[cell.key.task].variant,
            "pool": self.grid.pools[domain].info.name,
            "pool images skipped": len(self.grid.pools[domain].skipped),
            "pool images": len(self.grid.pools[domain].files),
        }


def numbered(task: Task, images: Sequence[str]) -> list[int]:
    """A number for whoever is shown on each image, sorted by name; none if nobody is shown twice.

    Numbers, for the names of persons have no place in results that are passed on.
    """
    if not isinstance(task, ListedTask):
        return []
    people = [task.person(image) or (image, "nobody known") for image in sorted(images)]
    numbers = {who: number for number, who in enumerate(dict.fromkeys(people))}
    return [numbers[who] for who in people] if len(numbers) < len(people) else []
