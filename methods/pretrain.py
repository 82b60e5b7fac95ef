"""The one loop in which every method is trained, on equal terms.

It owns the optimiser (Adam), the order of images, seeds, the budget, the validation loss, phases,
which checkpoint is transferred, batch-norm statistics and the check for divergence.
"""

import math
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import torch
from torch import Tensor

from methods.base import (
    Budget,
    Draws,
    History,
    Images,
    Method,
    Phase,
    Pretrained,
    Progress,
    Scalar,
    derive_seed,
)
from methods.draws import occurrences
from methods.errors import ConfigError
from methods.networks import Encoder, Width, set_precision
from methods.order import order, timetable
from methods.statistics import recalibrate

#: Validation batches per training step: the reference's 100 batches an epoch of 1,000 steps.
VALIDATION_SHARE = 0.1
#: The choice of checkpoint that needs images held out (``Phase.transfer``).
LOWEST = "lowest validation loss"
#: Steps between two looks at the losses, so that a GPU is not made to wait at every step.
LOOK_EVERY = 50


class DivergedError(RuntimeError):
    """A loss that is not finite; says at which step."""


def build(
    method: type[Method[Any]], config: object, width: Width, channels: int, *, seed: int
) -> Method[Any]:
    """A method with an encoder initialised from the seed; the global generators stay untouched.

    The encoder's weights depend on the seed alone, so that every method starts from the same ones.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(seed, "encoder"))
        encoder = Encoder(width, channels)
        torch.manual_seed(derive_seed(seed, method.name, "heads"))
        return method(encoder, config)  # type: ignore[arg-type]


def pretrain(
    method: Method[Any],
    images: Images,
    budget: Budget,
    *,
    seed: int,
    observe: Callable[[int], None] | None = None,
) -> Pretrained:
    """Train a method on a pool for exactly ``budget.images`` images drawn.

    Args:
        method: As ``build`` made it, on the device to train on.
        images: The pool.
        budget: What every method spends alike.
        seed: Decides the order of images and every augmentation.
        observe: Called after each step with the number of images it drew.

    Returns:
        The encoder in evaluation mode with what is known about its training.

    Raises:
        DivergedError: If a loss is not finite.
        ValueError: If the budget does not fit the method's batches or the pool.
    """
    device = next(method.parameters()).device
    set_precision(method, budget.precision)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derive_seed(seed, method.name, "training"))
        training = Training(method, images, budget, seed)
        for phase in method.phases:
            training.run(phase, observe)
    if budget.statistics == "recalibrated":
        training.passed += recalibrate(method.encoder, images, device)
    method.eval()
    return Pretrained(
        encoder=method.encoder,
        model=method,
        history=training.history,
        images_drawn=training.drawn,
        images_passed=training.passed,
        transferred=training.transferred,
    )


class Training:
    """One pre-training under way: where it stands and what it has seen."""

    def __init__(self, method: Method[Any], images: Images, budget: Budget, seed: int) -> None:
        self.method, self.images, self.seed = method, images, seed
        self.device = next(method.parameters()).device
        self.sizes = timetable(type(method), method.config.batch_size, budget.images)
        least = method.smallest_pool(method.config)
        if len(images) < least:
            raise ConfigError(
                f"{method.name} needs a pool of at least {least} training images with these "
                f"settings, not {len(images)}"
            )
        method.prepare(images)
        if not images.held_out and any(phase.transfer == LOWEST for phase in method.phases):
            raise ConfigError(
                f"{method.name} transfers the checkpoint of {LOWEST}, but the pool of "
                f"{len(images)} images holds none out for it: give it more images"
            )
        self.steps = sum(len(sizes) for sizes in self.sizes.values())
        self.checks = min(budget.checks, max(self.steps, 1))
        self.stream = order(seed, len(images), method.sampling)
        self.step = self.epochs = self.drawn = self.passed = 0
        self.transferred = "initialisation"
        self.history = History()
        self.pending: list[Tensor] = []

    def run(self, phase: Phase, observe: Callable[[int], None] | None) -> None:
        """Train one phase with an Adam of its own and load the checkpoint that it transfers."""
        config = self.method.config
        groups = self.method.param_groups(phase.name)
        decays = [group.pop("decay", phase.decay) for group in groups]
        optimiser = torch.optim.Adam(
            groups, lr=config.learning_rate, weight_decay=config.weight_decay
        )
        rates = [group["lr"] for group in optimiser.param_groups]
        self.passed += self.method.before_phase(phase.name, self.images)
        best_loss, best_state = math.inf, None
        sizes = self.sizes[phase.name]
        for number, size in enumerate(sizes):
            progress = Progress(phase.name, number, len(sizes))
            for group, rate, decay in zip(optimiser.param_groups, rates, decays, strict=True):
                group["lr"] = rate * decay(progress.fraction)
            self.train_step(optimiser, size, progress)
            if observe is not None:
                observe(size)
            if self.due():
                loss = self.check(progress)
                if phase.transfer == LOWEST and loss < best_loss:
                    best_loss, best_state = loss, deepcopy(self.method.state_dict())
        self.look()
        self.transferred = f"{phase.name}, {phase.transfer}"
        if phase.transfer == LOWEST:
            if best_state is None:
                raise DivergedError(
                    f"no validation loss of {self.method.name} in the phase {phase.name!r} is "
                    "finite: lower its learning_rate"
                )
            self.method.load_state_dict(best_state)

    def train_step(self, optimiser: torch.optim.Optimizer, size: int, progress: Progress) -> None:
        """Draw a batch, take one step."""
        if self.drawn >= self.epochs * len(self.images):
            self.passed += self.method.before_epoch(self.images)
            self.epochs += 1
        self.method.train()
        index = [next(self.stream) for _ in range(size)]
        loss = self.loss_of(index, self.step, progress)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
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
        loss = float(torch.stack(losses).mean())
        self.history.checks.append(
            {"phase": progress.phase, "step": self.step, "drawn": self.drawn, "loss": loss}
        )
        return loss
