"""The runner's hands: trains encoders and evaluates them with the real methods and tasks."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmark import encoders, registry
from benchmark.cells import EXCLUDED, Cell, CellResult, Status
from benchmark.fingerprint import fingerprint
from benchmark.grid import Grid
from benchmark.machine import Meter
from benchmark.pictures import save_masks, save_test
from benchmark.run import Evaluated
from benchmark.store import Store
from methods.base import Images, Pretrained
from methods.pretrain import build, pretrain
from tasks.base import NORMALISATION, Domain

MASKS = "masks_{stage}.png"


@dataclass(frozen=True, slots=True)
class TorchBench:
    """Computes cells of a grid on a device.

    Attributes:
        grid: The plan with its data.
        store: Where encoders are kept.
        device: Where to compute.
        observe: Told how many images training has passed since the last call.
    """

    grid: Grid
    store: Store
    device: torch.device
    observe: Callable[[int], None]

    def images(self, domain: Domain) -> Images:
        """A domain's pool as methods see it: pixels without names or labels."""
        pool = self.grid.pools[domain]
        values = NORMALISATION[pool.info.domain]
        return Images(pool.array, values.mean, values.std, pool.held_out, pool.rows)

    def pretrained(self, cell: Cell) -> Pretrained:
        """Load the cell's encoder, or train and keep it."""
        key = cell.pretrain
        config = self.grid.configs[key.method]
        images = self.images(self.grid.tasks[cell.key.task].info.domain)
        cls = registry.method(key.method)
        method = build(cls, config, self.grid.plan.width, images.pixels.shape[1], seed=key.seed).to(
            self.device
        )
        folder = self.store.encoders / cell.encoder
        if self.store.has_encoder(cell.encoder):
            return encoders.load(folder, method, images, self.grid.budget)
        meter = Meter()
        trained = pretrain(method, images, self.grid.budget, seed=key.seed, observe=self.observe)
        code = fingerprint(registry.module_of(key.method))
        encoders.save(folder, trained, key, code, meter.read(self.device))
        return trained

    def evaluated(self, cell: Cell, pretrained: Pretrained) -> Evaluated:
        """Fine-tune and score the cell's encoder on its task."""
        task, data = self.grid.tasks[cell.key.task], self.grid.data_of(cell.key)
        batch = data.settings.batch_size
        meter = Meter()
        scores = task.evaluate(
            pretrained,
            data,
            seed=cell.key.seed,
            stages=cell.key.stages,
            observe=lambda steps: self.observe(steps * batch),
        )
        result = CellResult(
            key=cell.key,
            status=Status.DONE,
            reason="",
            domain=task.info.domain,
            source=data.kind,
            rows=[(s.stage, s.image, s.metric, s.value) for s in scores.scores],
            facts={**scores.facts, **self.facts(cell), "transferred": pretrained.transferred},
            cost=meter.read(self.device),
        )

        def extra(folder: Path) -> None:
            for stage, masks in scores.masks.items():
                save_masks(masks, folder / MASKS.format(stage=stage))

        save_test(data.test, self.store.tests / f"{cell.key.task}-{cell.key.manifest[:16]}")
        return Evaluated(result, extra)

    def failed(self, cell: Cell, reason: str, facts: dict[str, Any]) -> CellResult:
        """The result of a cell that could not be computed."""
        task = self.grid.tasks[cell.key.task]
        return CellResult(
            key=cell.key,
            status=Status.FAILED,
            reason=reason,
            domain=task.info.domain,
            source=self.grid.data[cell.key.task].kind,
            facts={**self.facts(cell), **facts},
        )

    def facts(self, cell: Cell) -> dict[str, Any]:
        """What is known of a cell whether or not it succeeds."""
        domain = self.grid.tasks[cell.key.task].info.domain
        info = self.grid.tasks[cell.key.task].info
        return {
            "encoder": cell.encoder,
            "kind": info.kind,
            EXCLUDED: len(self.grid.pools[domain].excluded),
            "layout": self.grid.data[cell.key.task].variant,
            "pool": self.grid.pools[domain].info.name,
            "pool images skipped": len(self.grid.pools[domain].skipped),
            "pool images": len(self.grid.pools[domain].files),
        }
