"""The one loop in which every method is trained; its terms are those of ``methods.terms``."""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor

from methods import parallel
from methods.base import (
    Budget,
    Draws,
    History,
    Images,
    Method,
    Phase,
    Progress,
    Scalar,
)
from methods.checkpoint import (
    Checkpoint,
    Checkpoints,
    generators,
    kept,
    moments,
    put_back,
    put_generators_back,
    put_moments_back,
    tensors_of,
)
from methods.collapse import looked_at, passed
from methods.draws import occurrences
from methods.errors import DivergedError
from methods.ledger import Ledger
from methods.order import LOWEST, order, pool_suits, timetable
from methods.terms import OPTIMISER
from methods.validation import Checks

#: Steps between two looks at the losses, so that a GPU is not made to wait at every step.
LOOK_EVERY = 50
#: What of a training's numbers a checkpoint holds; the rest follows from the method and budget.
POSITION = ("phase", "number", "step", "epochs", "drawn", "passed", "best_loss", "transferred")


class Training:
    """One pre-training under way: where it stands and what it has seen."""

    def __init__(self, method: Method[Any], images: Images, budget: Budget, seed: int) -> None:
        self.method, self.images, self.seed = method, images, seed
        self.device = next(method.parameters()).device
        self.sizes = timetable(type(method), method.config.batch_size, budget.images)
        pool_suits(type(method), method.config, len(images), images.held_out)
        method.prepare(images)
        self.steps = sum(len(sizes) for sizes in self.sizes.values())
        self.checks = Checks(self.steps, budget.checks, method.config.batch_size, seed)
        self.stream = order(seed, len(images), method.sampling)
        # Phases finished, steps of the one under way, steps of all, passes over the pool begun.
        self.phase = self.number = self.step = self.epochs = 0
        self.drawn = self.passed = 0
        self.optimiser: torch.optim.Optimizer | None = None
        self.best_loss, self.best = math.inf, dict[str, Tensor]()
        self.transferred = "initialisation"
        self.history, self.ledger = History(), Ledger()
        # Numbers that the optimiser moves, the most over the phases.
        self.parameters = 0
        self.pending: list[Tensor] = []

    @property
    def finished(self) -> bool:
        """Whether every phase has ended."""
        return self.phase == len(self.method.phases)

    def stops(self, until: int | None) -> bool:
        """Whether as many images were drawn, and there are steps left."""
        return until is not None and self.drawn >= until and 0 < self.step < self.steps

    def run(
        self,
        observe: Callable[[int], None] | None,
        checkpoints: Checkpoints | None,
        until: int | None = None,
    ) -> None:
        """Train what is left, or until so many images were drawn."""
        while not self.finished and not self.stops(until):
            phase = self.method.phases[self.phase]
            if self.optimiser is None:
                with self.ledger.other(f"before {phase.name}"):
                    self.passed += self.method.before_phase(phase.name, self.images)
                self.optimiser = self.adam(phase)
            if self.number == len(self.sizes[phase.name]):
                self.finish(phase)
                continue
            size = self.take_step(phase, self.optimiser)
            if observe is not None:
                observe(size)
            if checkpoints is not None and (checkpoints.due(self.step) or self.stops(until)):
                checkpoints.keep(self.checkpoint())
        self.look()

    def adam(self, phase: Phase) -> torch.optim.Optimizer:
        """The phase's own optimiser; each group keeps its full rate and how that decays."""
        config = self.method.config
        optimiser = OPTIMISER(
            self.method.param_groups(phase.name),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
        )
        for group in optimiser.param_groups:
            group["full rate"] = group["lr"]
            group.setdefault("decay", phase.decay)
        moved = sum(p.numel() for group in optimiser.param_groups for p in group["params"])
        self.parameters = max(self.parameters, moved)
        return optimiser

    def take_step(self, phase: Phase, optimiser: torch.optim.Optimizer) -> int:
        """One step of a phase, and the check if one is due; returns the images drawn."""
        size = self.sizes[phase.name][self.number]
        progress = Progress(phase.name, self.number, len(self.sizes[phase.name]))
        for group in optimiser.param_groups:
            group["lr"] = group["full rate"] * group["decay"](progress.fraction)
        self.train_step(optimiser, size, progress)
        self.number += 1
        if self.checks.due(self.step):
            loss = self.check(progress)
            if phase.transfer == LOWEST and loss < self.best_loss:
                self.best_loss, self.best = loss, kept(self.method.state_dict(), "best")
        return size

    def finish(self, phase: Phase) -> None:
        """Load the checkpoint that the phase transfers and make room for the next."""
        self.look()
        self.transferred = f"{phase.name}, {phase.transfer}"
        if phase.transfer == LOWEST:
            if not self.best:
                raise DivergedError(
                    f"no validation loss of {self.method.name} in the phase {phase.name!r} is "
                    "finite: lower its learning_rate"
                )
            self.method.load_state_dict(Checkpoint(self.best, {}).part("best"))
        self.best_loss, self.best = math.inf, {}
        self.phase, self.number, self.optimiser = self.phase + 1, 0, None

    def checkpoint(self) -> Checkpoint:
        """Everything that the rest of the training depends on."""
        self.look()
        assert self.optimiser is not None
        tensors = {
            **kept(tensors_of(self.method), "method"),
            **kept(moments(self.optimiser), "optimiser"),
            **kept(generators(self.device), "generator"),
            **self.best,
        }
        values = {name: getattr(self, name) for name in POSITION}
        if math.isinf(self.best_loss):
            values["best_loss"] = None  # JSON knows no infinity
        known = {"operations": self.ledger.values(), "parameters": self.parameters}
        return Checkpoint(tensors, {**values, **known, **deepcopy(asdict(self.history))})

    def restore(self, start: Checkpoint) -> None:
        """Go to where a checkpoint was taken."""
        for name in POSITION:
            setattr(self, name, start.values[name])
        self.best_loss = math.inf if self.best_loss is None else self.best_loss
        self.ledger = Ledger.of(start.values["operations"])
        self.parameters = start.values["parameters"]
        self.history = History(list(start.values["losses"]), list(start.values["checks"]))
        put_back(self.method, start.part("method"))
        self.optimiser = self.adam(self.method.phases[self.phase])
        put_moments_back(self.optimiser, start.part("optimiser"))
        self.best = {f"best/{name}": value for name, value in start.part("best").items()}
        for _ in range(self.drawn):
            next(self.stream)
        put_generators_back(start.part("generator"), self.device)

    def train_step(self, optimiser: torch.optim.Optimizer, size: int, progress: Progress) -> None:
        """Draw a batch, take one step."""
        if self.drawn >= self.epochs * len(self.images):
            with self.ledger.other("before an epoch"):
                self.passed += self.method.before_epoch(self.images)
            self.epochs += 1
        self.method.train()
        index = [next(self.stream) for _ in range(size)]
        optimiser.zero_grad(set_to_none=True)
        with self.ledger.step(f"{progress.phase}, {size} images") as forward_done:
            loss = self.loss_of(index, self.step, progress)
            forward_done()
            parallel.backward(loss, self.method)
        optimiser.step()
        self.method.after_step(progress)
        self.pending.append(loss.detach())
        self.step += 1
        self.drawn += size
        if len(self.pending) == LOOK_EVERY:
            self.look()

    def loss_of(self, index: list[int], step: int, progress: Progress) -> Scalar:
        """The method's loss on the images at ``index``."""
        chosen = torch.tensor(index)
        draws = Draws(self.seed, step, chosen, occurrences(index), self.device)
        views = self.method.views(self.images.batch(chosen, self.device), draws)
        loss: Scalar = self.method.loss(views, progress)
        return loss

    def look(self) -> None:
        """Move the losses since the last look into the history; refuse what is not finite."""
        losses = torch.stack(self.pending).tolist() if self.pending else []
        first = self.step - len(losses)
        for offset, loss in enumerate(losses):
            if not math.isfinite(loss):
                raise DivergedError(
                    f"the loss of {self.method.name} is {loss} at step {first + offset} of "
                    f"{self.steps}: lower its learning_rate"
                )
        self.history.losses.extend(losses)
        self.pending.clear()

    @torch.no_grad()
    def check(self, progress: Progress) -> float:
        """The validation loss; also how far held-out images' vectors lie apart."""
        self.look()
        if not self.images.held_out:
            return math.inf
        self.method.eval()
        with self.ledger.other(f"check of {progress.phase}"):
            loss = self.checks.loss(
                self.images, lambda index, number: self.loss_of(index, number, progress)
            )
            seen = looked_at(self.method, self.images, self.device)
        self.passed += self.checks.images(self.images) + passed(self.images)
        place = {"phase": progress.phase, "step": self.step, "drawn": self.drawn}
        self.history.checks.append({**place, "loss": loss, **seen})
        return loss
