"""Build a method, train it on equal terms, hand its encoder over."""

from collections.abc import Callable
from typing import Any

import torch

from methods import parallel
from methods.base import Budget, Images, Method, Pretrained, Spent, derive_seed
from methods.checkpoint import Checkpoints
from methods.networks import Encoder, Width, set_precision
from methods.statistics import recalibrate
from methods.training import Training


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


def pretrain(  # noqa: PLR0913  (what to train, how far, and who watches)
    method: Method[Any],
    images: Images,
    budget: Budget,
    *,
    seed: int,
    observe: Callable[[int], None] | None = None,
    checkpoints: Checkpoints | None = None,
    until: int | None = None,
) -> Pretrained:
    """Train a method on a pool for exactly ``budget.images`` images drawn, or the start of that.

    A training that is stopped is the first part of the whole one: its learning rates and phases are
    those of the full budget. Another call with the checkpoint that it leaves goes on to the same
    bits as if it had never stopped.

    Args:
        method: As ``build`` made it, on the device to train on.
        images: The pool.
        budget: What every method spends alike.
        seed: Decides the order of images and every augmentation.
        observe: Called after each step with the number of images it drew.
        checkpoints: Where to start from, and who keeps checkpoints how often; one is kept where
            training stops, too, whether or not it is due.
        until: Stop after the step that brings the images drawn to as many, if that is not the
            last step; where the start is that far already, nothing is trained.

    Returns:
        The encoder in evaluation mode with what is known about its training; the current weights if
        it was stopped, whichever checkpoint the phase would have transferred.

    Raises:
        DivergedError: If a loss is not finite.
        ConfigError: If the budget does not fit the method's batches or the pool.
    """
    device = next(method.parameters()).device
    set_precision(method, budget.precision)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(derive_seed(seed, method.name, "training"))
        training = Training(method, images, budget, seed)
        if checkpoints is not None and checkpoints.start is not None:
            training.restore(checkpoints.start)
        with parallel.split(method):
            training.run(observe, checkpoints, until)
    if budget.statistics == "recalibrated":
        with training.ledger.other("recalibration"):
            training.passed += recalibrate(method.encoder, images, device)
    method.eval()
    stopped = f"stopped at {training.drawn} images"
    return Pretrained(
        encoder=method.encoder,
        model=method,
        history=training.history,
        images_drawn=training.drawn,
        images_passed=training.passed,
        transferred=training.transferred if training.finished else stopped,
        spent=Spent(training.step, training.parameters, **training.ledger.operations()),
    )
