"""The one loop in which every method is trained; its terms are those of ``methods.terms``."""

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass
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
    derive_seed,
)
from methods.checkpoint import (
    Checkpoint,
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
from methods.order import LOWEST, order, pool_suits, timetable
from methods.terms import OPTIMISER

#: Validation batches per training step: the reference's 100 batches an epoch of 1,000 steps.
VALIDATION_SHARE = 0.1
#: Steps between two looks at the losses, so that a GPU is not made to wait at every step.
LOOK_EVERY = 50
#: What of a training's numbers a checkpoint holds; the rest follows from the method and budget.
POSITION = ("phase", "number", "step", "epochs", "drawn", "passed", "best_loss", "transferred")


class DivergedError(RuntimeError):
    """A loss that is not finite; says at which step."""


@dataclass(frozen=True, slots=True)
class Checkpoints:
    """What to do about interruptions.

    Attributes:
        keep: Given a checkpoint every so many steps.
        every: Steps between two checkpoints.
        start: The checkpoint to go on from; from the beginning if None.
    """

    keep: Callable[[Checkpoint], None]
    every: int
    start: Checkpoint | None = None


class Training:
    """One pre-training under way: where it stands and what it has seen."""

    def __init__(self, method: Method[Any], images: Images, budget: Budget, seed: int) -> None:
        self.method, self.images, self.seed = method, images, seed
        self.device = next(method.parameters()).device
        self.sizes = timetable(type(method), method.config.batch_size, budget.images)
        pool_suits(type(method), method.config, len(images), images.held_out)
        method.prepare(images)
        self.steps = sum(len(sizes) for sizes in self.sizes.values())
        self.checks = min(budget.checks, max(self.steps, 1))
        self.stream = order(seed, len(images), method.sampling)
        # Phases finished, steps of the one under way, steps of all, passes over the pool begun.
        self.phase = self.number = self.step = self.epochs = 0
        self.drawn = self.passed = 0
        self.optimiser: torch.optim.Optimizer | None = None
        self.best_loss, self.best = math.inf, dict[str, Tensor]()
        self.transferred = "initialisation"
        self.history = History()
        self.pending: list[Tensor] = []

    def run(self, observe: Callable[[int], None] | None, checkpoints: Checkpoints | None) -> None:
        """Train what is left."""
        while self.phase < len(self.method.phases):
            phase = self.method.phases[self.phase]
            if self.optimiser is None:
                self.passed += self.method.before_phase(phase.name, self.images)
                self.optimiser = self.adam(phase)
            while self.number < len(self.sizes[phase.name]):
                size = self.take_step(phase, self.optimiser)
                if observe is not None:
                    observe(size)
                if checkpoints is not None and self.step % checkpoints.every == 0:
                    checkpoints.keep(self.checkpoint())
            self.finish(phase)

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
        return optimiser

    def take_step(self, phase: Phase, optimiser: torch.optim.Optimizer) -> int:
        """One step of a phase, and the check if one is due; returns the images drawn."""
        size = self.sizes[phase.name][self.number]
        progress = Progress(phase.name, self.number, len(self.sizes[phase.name]))
        for group in optimiser.param_groups:
            group["lr"] = group["full rate"] * group["decay"](progress.fraction)
        self.train_step(optimiser, size, progress)
        self.number += 1
        if self.due():
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
        return Checkpoint(tensors, {**values, **deepcopy(asdict(self.history))})

    def restore(self, start: Checkpoint) -> None:
        """Go to where a checkpoint was taken."""
        for name in POSITION:
            setattr(self, name, start.values[name])
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
            self.passed += self.method.before_epoch(self.images)
            self.epochs += 1
        self.method.train()
        index = [next(self.stream) for _ in range(size)]
        loss = self.loss_of(index, self.step, progress)
        optimiser.zero_grad(set_to_none=True)
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

    def due(self) -> bool:
        """Whether a check follows the step just taken."""
        return self.step * self.checks // self.steps > (self.step - 1) * self.checks // self.steps

    @torch.no_grad()
    def check(self, progress: Progress) -> float:
        """The validation loss on the held-out images: the same batches and views at every check.

        Also records how far held-out images' vectors lie apart.

        Returns:
            The mean loss, or infinity if the pool holds no images out.
        """
        self.look()
        held_out = self.images.held_out
        if not held_out:
            return math.inf
        batches = max(1, round(VALIDATION_SHARE * self.steps / self.checks))
        size = self.method.config.batch_size
        generator = torch.Generator().manual_seed(derive_seed(self.seed, "validation"))
        drawn = torch.randint(held_out, (batches, size), generator=generator) + len(self.images)
        self.method.eval()
        losses = [
            self.loss_of(index, -1 - number, progress)
            for number, index in enumerate(drawn.tolist())
        ]
        self.passed += batches * size
        loss = float(parallel.agreed(torch.stack(losses).mean()))
        self.passed += passed(self.images)
        self.history.checks.append(
            {
                "phase": progress.phase,
                "step": self.step,
                "drawn": self.drawn,
                "loss": loss,
                **looked_at(self.method, self.images, self.device),
            }
        )
        return loss
