"""The contract sees what it is there to see: each slip is caught by its promise."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmark.contract import PROMISES, check, form
from benchmark.contract.subject import BrokenError, trained
from methods.base import Batch, Draws, Images, Method, Progress
from methods.networks import Encoder, pooled


@dataclass(frozen=True, slots=True)
class Settings:
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    batch_size: int = 8


class Sound(Method[Tensor]):
    """Tells images apart by a linear map of their features."""

    name = "sound"
    paper = "https://example.org"
    Config = Settings

    def __init__(self, encoder: Encoder, config: Any) -> None:  # noqa: ANN401
        super().__init__(encoder, config)
        self.head = nn.Linear(encoder.channels[-1], 16)
        self.centre: Tensor
        self.register_buffer("centre", torch.zeros(16))
        self.latest = torch.zeros(16)

    def views(self, batch: Batch, draws: Draws) -> Tensor:
        noise = draws.normal("noise", (1, 1, 1))
        return batch.normalised(batch.images) + 0.1 * noise

    def vectors(self, images: Tensor) -> Tensor:
        out: Tensor = self.head(pooled(self.encoder(images)))
        return out

    def loss(self, views: Tensor, progress: Progress) -> Tensor:
        z = self.vectors(views) - self.centre
        self.latest = z.detach().mean(0)
        return torch.exp(-z.std(0)).mean()

    def after_step(self, progress: Progress) -> None:
        self.centre += 0.1 * self.latest


class Writing(Sound):
    def views(self, batch: Batch, draws: Draws) -> Tensor:
        batch.images.mul_(0.5)
        return super().views(batch, draws)


class Global(Sound):
    def views(self, batch: Batch, draws: Draws) -> Tensor:
        return super().views(batch, draws) * torch.rand(())


class Constant(Sound):
    def loss(self, views: Tensor, progress: Progress) -> Tensor:
        return 0.0 * self.vectors(views).sum()


class Detached(Sound):
    def vectors(self, images: Tensor) -> Tensor:
        out: Tensor = self.head(pooled(self.encoder(images)).detach())
        return out


class Shallow(Sound):
    """Gradients reach the coarsest block only."""

    def vectors(self, images: Tensor) -> Tensor:
        self.encoder.blocks[:2].requires_grad_(False)
        return super().vectors(images)


class Restarted(Sound):
    def __init__(self, encoder: Encoder, config: Any) -> None:  # noqa: ANN401
        super().__init__(encoder, config)
        nn.init.zeros_(next(encoder.parameters()))


class Peeking(Sound):
    """Passes images that it does not own up to."""

    def before_epoch(self, images: Images) -> int:
        images.batch(torch.arange(5), torch.device("cpu"))
        return 0


class Cheating(Sound):
    """Trains on images that are held out, and counts them."""

    def before_epoch(self, images: Images) -> int:
        index = len(images) + torch.arange(4)
        batch = images.batch(index, torch.device("cpu"))
        self.loss(self.views(batch, Draws(0, 0, index)), Progress("", 0, 1)).backward()
        return len(index)


class Forgetful(Sound):
    """Keeps its moving average where no checkpoint finds it."""

    def __init__(self, encoder: Encoder, config: Any) -> None:  # noqa: ANN401
        super().__init__(encoder, config)
        self.hidden = torch.zeros(16)

    def loss(self, views: Tensor, progress: Progress) -> Tensor:
        return super().loss(views + self.hidden.mean(), progress)

    def after_step(self, progress: Progress) -> None:
        self.hidden = self.hidden + self.latest


class Unsaved(Sound):
    """Its vectors depend on a tensor that its state leaves out."""

    def __init__(self, encoder: Encoder, config: Any) -> None:  # noqa: ANN401
        super().__init__(encoder, config)
        self.scale: Tensor
        self.register_buffer("scale", torch.rand(16), persistent=False)

    def vectors(self, images: Tensor) -> Tensor:
        return super().vectors(images) * self.scale


class Half(Sound):
    def loss(self, views: Tensor, progress: Progress) -> Tensor:
        return super().loss(views, progress).to(torch.bfloat16)


class Sized(Sound):
    """Works on one size only."""

    def loss(self, views: Tensor, progress: Progress) -> Tensor:
        return super().loss(views.reshape(-1, 3, 32, 32), progress)


class Greedy(Sound):
    """Needs a whole batch."""

    def loss(self, views: Tensor, progress: Progress) -> Tensor:
        return super().loss(views, progress) if len(views) == 8 else views.new_tensor(torch.nan)


class Falling(Sound):
    """Pulls everything onto a point."""

    def loss(self, views: Tensor, progress: Progress) -> Tensor:
        return 100.0 * nn.functional.normalize(self.vectors(views), dim=1).var(0).sum()


class Sourceless(Sound):
    """A method from nowhere."""

    paper = "a paper"


SLIPS: dict[type[Sound], str] = {
    Writing: "honest input",
    Global: "own draws",
    Constant: "trains",
    Detached: "trains",
    Shallow: "trains",
    Restarted: "same start",
    Peeking: "fair",
    Cheating: "fair",
    Forgetful: "resumes",
    Unsaved: "portable",
    Half: "trains",
    Sized: "odd sizes",
    Greedy: "odd sizes",
    Falling: "overfits one batch",
    Sourceless: "complete",
}


@pytest.fixture(autouse=True)
def forget() -> Iterator[None]:
    yield
    trained.cache_clear()


def test_a_sound_method_keeps_every_promise() -> None:
    verdicts = check(Sound, PROMISES)
    assert [verdict.promise for verdict in verdicts] == list(PROMISES)
    assert [verdict for verdict in verdicts if not verdict.passed] == []


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.__name__)
def test_a_slip_breaks_its_promise(slip: type[Sound]) -> None:
    name = SLIPS[slip]
    (verdict,) = check(slip, {name: PROMISES[name]})
    assert not verdict.passed
    assert verdict.remedy


def test_a_method_that_knows_tasks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "source", lambda _: "from tasks.labelled import Labelled")
    with pytest.raises(BrokenError, match=r"imports tasks\.labelled: a method sees images only"):
        PROMISES["unlabelled"](Sound)


def test_a_crash_is_reported_and_the_others_go_on() -> None:
    def crash(cls: type[Method[Any]]) -> None:
        raise RuntimeError("out of order")

    verdicts = check(Sound, {"crash": crash, "complete": PROMISES["complete"]})
    assert [(v.promise, v.passed, v.remedy) for v in verdicts] == [
        ("crash", False, "RuntimeError: out of order"),
        ("complete", True, ""),
    ]
