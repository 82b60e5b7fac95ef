"""What a method promises before it is trained: who it is, what it touches and what it leaves."""

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path

import torch

from benchmark.admission import method_mistakes
from benchmark.contract.subject import (
    CPU,
    BrokenError,
    Cls,
    budget_for,
    insist,
    is_control,
    made,
    one_batch,
    pool_for,
    progress_of,
    ready,
    trained,
)
from benchmark.fingerprint import fingerprint
from methods.base import Batch
from methods.errors import ConfigError
from methods.networks import Encoder
from methods.pretrain import build, pretrain
from methods.random import RandomInitialisation

#: What of the harness an author's module may import.
CONTRACT = "benchmark.contract"


def complete(cls: Cls) -> None:
    """It says who it is, where it comes from and what can be set."""
    where = f"{cls.__module__}.{cls.__qualname__}"
    insist(bool(cls.__doc__), f"give {where} a docstring of one sentence")
    for mistake in method_mistakes(cls, cls.name):
        raise BrokenError(f"{where} {mistake}")
    shares = sum(phase.share for phase in cls.phases)
    insist(
        not cls.phases or abs(shares - 1.0) < 1e-9,
        f"the shares of {where}.phases must add up to 1, not {shares}",
    )


def unlabelled(cls: Cls) -> None:
    """Labels are never within its reach: it knows neither tasks nor the harness."""
    for module in fingerprint(cls.__module__):
        for name in imports(source(module)):
            if name == CONTRACT or name.startswith(f"{CONTRACT}."):
                continue  # a module may hold its own tests
            insist(
                name.split(".")[0] not in ("tasks", "benchmark"),
                f"{module} imports {name}: a method sees images only; remove the import",
            )
    seen = {entry.name for entry in fields(Batch)}
    insist(seen == {"images", "index", "mean", "std"}, f"a batch carries {sorted(seen)}")


def source(module: str) -> str:
    """The code of an importable module."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).read_text(encoding="utf-8")


def imports(source: str) -> Iterator[str]:
    """Modules that a source imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def same_start(cls: Cls) -> None:
    """Its encoder starts from the seed's weights, as every method's does."""
    encoder = made(cls).encoder.state_dict()
    control = RandomInitialisation
    plain = build(control, control.Config(), "tiny", 3, seed=0).encoder.state_dict()
    insist(
        encoder.keys() == plain.keys() and all(torch.equal(encoder[k], plain[k]) for k in plain),
        "the constructor changes the encoder's weights or layers: leave them as they are given",
    )


def honest_input(cls: Cls) -> None:
    """Views leave the images as they are."""
    for channels in (1, 3):
        images = pool_for(cls, channels)
        batch, draws = one_batch(cls, images)
        before = batch.images.clone()
        ready(cls, images).views(batch, draws)
        insist(
            torch.equal(batch.images, before), "views() writes into batch.images: work on a copy"
        )


def own_draws(cls: Cls) -> None:
    """Views are a function of their draws alone."""
    images = pool_for(cls)
    method = ready(cls, images).eval()
    batch, draws = one_batch(cls, images)
    losses = []
    for noise in (1, 2):
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(noise)
            losses.append(method.loss(method.views(batch, draws), progress_of(cls)))
    insist(
        torch.equal(*losses),
        "views() or loss() draws from a global generator: take random numbers from draws",
    )


def portable(cls: Cls) -> None:
    """The encoder comes back in evaluation mode and loads into a plain one; so does the model."""
    result = trained(cls)
    insist(not result.encoder.training, "the encoder comes back in training mode")
    fresh = Encoder("tiny", 3)
    insist(
        list(fresh.state_dict()) == list(result.encoder.state_dict()),
        "the encoder's state has other keys than a plain encoder's: do not change its layers",
    )
    images = pool_for(cls)
    again = made(cls, seed=1)
    again.prepare(images)
    again.load_state_dict(result.model.state_dict())
    batch = images.batch(torch.arange(4), CPU)
    inputs = batch.normalised(batch.images)
    with torch.no_grad():
        a, b = (method.eval().vectors(inputs) for method in (result.model, again))
    insist(
        torch.equal(a, b),
        "a trained state loaded into a fresh method gives other vectors: keep all that matters in "
        "parameters and buffers",
    )


def refuses_small_batches(cls: Cls) -> None:
    """A batch too small for the loss is an error that names the need."""
    if is_control(cls) or cls.smallest_batch == 1:
        return
    config = replace(cls.Config(), batch_size=cls.smallest_batch - 1)
    method = build(cls, config, "tiny", 3, seed=0)
    try:
        pretrain(method, pool_for(cls), budget_for(cls), seed=0)
    except ConfigError as error:
        insist(str(cls.smallest_batch) in str(error), f"the error names no number: {error}")
    else:
        raise BrokenError(f"a batch of {cls.smallest_batch - 1} is accepted: see smallest_batch")
