"""What a method promises of its training."""

import json
from dataclasses import replace
from typing import Any

import torch
from safetensors.torch import load, save

from benchmark.contract.subject import (
    Cls,
    budget_for,
    different_tensors,
    insist,
    is_control,
    made,
    one_batch,
    pool_for,
    progress_of,
    ready,
    recorded,
    trained,
)
from methods.base import Batch, Budget, Draws, Images, Method, Progress
from methods.checkpoint import Checkpoint, Checkpoints, every
from methods.collapse import spread
from methods.pretrain import pretrain
from methods.spread import Spread, collapsed
from methods.terms import OPTIMISER

#: A state of the global generator that must not matter.
NOISE = 2108
#: Overfitting: steps on one batch of images of this side, and by which share of its size the loss
#: must fall at least.
OVERFIT_STEPS, OVERFIT_SIDE, FALL = 40, 45, 0.1


def reproducible(cls: Cls) -> None:
    """The same seed gives the same bits, whatever the global generator's state."""
    one = trained(cls)
    torch.manual_seed(NOISE)
    state = torch.get_rng_state()
    other = pretrain(made(cls), pool_for(cls), budget_for(cls), seed=0)
    insist(
        torch.equal(torch.get_rng_state(), state),
        "training moves the global generator: do not seed it",
    )
    insist(one.history == other.history, "the same seed gives other losses: seed every draw")
    differ = different_tensors(one.model, other.model)
    insist(not differ, f"the same seed gives other values of {differ[:3]}: seed every draw")


def sensitive(cls: Cls) -> None:
    """Another seed gives other losses."""
    insist(
        is_control(cls) or trained(cls, seed=1).history.losses != trained(cls).history.losses,
        "another seed gives the same losses: use draws in views()",
    )


def trains(cls: Cls) -> None:
    """The loss is a finite number and every parameter of the encoder gets a gradient."""
    if is_control(cls):
        return
    for channels, width in ((3, "tiny"), (1, "tiny"), (3, "small")):
        images = pool_for(cls, channels)
        method = ready(cls, images, width=width)
        gradients_reach(method, images)


def gradients_reach(method: Method[Any], images: Images) -> None:
    """One step's gradients reach the whole encoder."""
    cls = type(method)
    batch, draws = one_batch(cls, images)
    loss = method.loss(method.views(batch, draws), progress_of(cls))
    insist(loss.shape == (), f"loss() must return a scalar, not shape {tuple(loss.shape)}")
    insist(loss.dtype == torch.float32, f"loss() must return float32, not {loss.dtype}")
    insist(bool(torch.isfinite(loss)), f"the first loss is {float(loss.detach())}")
    loss.backward()
    for name, parameter in method.encoder.named_parameters():
        gradient = parameter.grad
        insist(gradient is not None, f"encoder.{name} gets no gradient")
        if "0.bias" not in name:  # batch normalisation cancels the convolutions' biases
            insist(
                gradient is not None and bool(gradient.abs().max() > 0.0),
                f"encoder.{name} gets a gradient of zero",
            )


def fair(cls: Cls) -> None:
    """Exactly the budget is drawn, all that is passed besides is counted, held-out never train."""
    images, method = pool_for(cls), made(cls)
    drawn: list[int] = []
    observed: list[int] = []
    trained_on = training_images(method)
    with recorded(drawn):
        result = pretrain(method, images, budget_for(cls), seed=0, observe=observed.append)
    spent = 0 if is_control(cls) else budget_for(cls).images
    insist(
        sum(observed) == result.images_drawn == spent,
        f"{result.images_drawn} images were drawn instead of {spent}",
    )
    passed = result.images_drawn + result.images_passed
    insist(
        len(drawn) == passed,
        f"{len(drawn)} images were fetched, but {passed} counted: before_epoch and before_phase "
        "must return how many they pass",
    )
    insist(is_control(cls) or bool(trained_on), "views() was never called in training mode")
    insist(all(index < len(images) for index in trained_on), "held-out images were trained on")


def training_images(method: Method[Any]) -> set[int]:
    """Filled, from now on, with the images whose views are taken while the method trains."""
    seen: set[int] = set()
    real = method.views

    def views(batch: Batch, draws: Draws) -> Any:  # noqa: ANN401
        if method.training and torch.is_grad_enabled():
            seen.update(batch.index.tolist())
        return real(batch, draws)

    method.views = views  # type: ignore[method-assign]
    return seen


def odd_sizes(cls: Cls) -> None:
    """Odd image sides and a last short batch train like others."""
    if is_control(cls):
        return
    for side in (45, 67):
        images = pool_for(cls, side=side)
        method = made(cls)
        short = cls.smallest_batch + -cls.smallest_batch % cls.group
        phases = len(cls.phases)
        budget = Budget(images=(3 * method.config.batch_size + short) * phases, checks=1)
        losses = pretrain(method, images, budget, seed=0).history.losses
        insist(len(losses) >= phases, f"images of {side} px gave {len(losses)} steps")


def half_precision(cls: Cls) -> None:
    """Convolutions in bfloat16 leave the loss finite and in float32."""
    if is_control(cls):
        return
    # Enough steps for a phase of a fifth of the budget; the loop refuses what is no number.
    budget = replace(budget_for(cls, 1 if len(cls.phases) == 1 else 5), precision="bfloat16")
    losses = pretrain(made(cls), pool_for(cls), budget, seed=0).history.losses
    insist(len(losses) >= len(cls.phases), f"{len(cls.phases)} phases gave {len(losses)} losses")


def stored(checkpoint: Checkpoint) -> Checkpoint:
    """A checkpoint as a file gives it back: plain values and tensors, nothing else."""
    values = json.loads(json.dumps(checkpoint.values, allow_nan=False))
    return Checkpoint(load(save(checkpoint.tensors)), values)


def resumes(cls: Cls) -> None:
    """Going on from a checkpoint ends in the same bits as never having stopped."""
    if is_control(cls):
        return
    images = pool_for(cls)
    # More than one pass over the pool, so that what is done between passes is covered.
    whole_pass = -(-len(images) // made(cls).config.batch_size)
    budget = budget_for(cls, whole_pass + 3 * len(cls.phases))
    kept: list[Checkpoint] = []
    whole = pretrain(
        made(cls), images, budget, seed=0, checkpoints=Checkpoints(kept.append, every(1))
    )
    for taken in (kept[0], kept[len(kept) // 2], kept[whole_pass - 1], kept[-2]):
        start = stored(taken)
        again = pretrain(
            made(cls),
            images,
            budget,
            seed=0,
            checkpoints=Checkpoints(kept.append, every(10**9), start),
        )
        step = start.values["step"]
        insist(
            whole.history == again.history and not different_tensors(whole.model, again.model),
            f"resumed after step {step} the training ends differently: what outlives a step must "
            "be a parameter or a buffer",
        )


def watched(cls: Cls) -> None:
    """Every check records how far vectors lie apart."""
    checks = trained(cls).history.checks
    insist(is_control(cls) or bool(checks), "no check was made")
    for entry in checks:
        seen = Spread(entry["deviation"], entry["rank"])
        insist(
            torch.isfinite(torch.tensor(seen)).all().item() is True,
            f"vectors() gave a spread of {seen}",
        )


def overfits(cls: Cls) -> None:
    """On one batch the loss falls by a tenth at least, and the vectors do not collapse."""
    if is_control(cls):
        return
    images = pool_for(cls, side=OVERFIT_SIDE)
    method = ready(cls, images)
    losses = overfitted(method, images)
    first, last = sum(losses[:3]) / 3, sum(losses[-3:]) / 3
    insist(
        first - last >= FALL * abs(first),
        f"in {OVERFIT_STEPS} steps on one batch the loss went from {first:.4g} to {last:.4g}",
    )
    batch, _ = one_batch(cls, images)
    with torch.no_grad():
        seen = spread(method.eval().vectors(batch.normalised(batch.images)))
    insist(not collapsed(seen), f"the vectors collapsed: {seen}")


def overfitted(method: Method[Any], images: Images) -> list[float]:
    """The losses of a training on the same views of the same images again and again."""
    batch, draws = one_batch(type(method), images)
    phase = method.phases[-1].name
    config = method.config
    groups = method.param_groups(phase)
    optimiser = OPTIMISER(groups, lr=config.learning_rate, weight_decay=config.weight_decay)
    losses = []
    for step in range(OVERFIT_STEPS):
        progress = Progress(phase, step, OVERFIT_STEPS)
        loss = method.loss(method.views(batch, draws), progress)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        method.after_step(progress)
        losses.append(float(loss.detach()))
    return losses
