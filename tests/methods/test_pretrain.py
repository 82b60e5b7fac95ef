"""The contract of every registered method, and the loop that trains it."""

import ast
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import methods
from benchmark import registry
from methods import METHODS
from methods.base import Batch, Budget, Draws, Images, Method, Pretrained, Progress
from methods.errors import ConfigError
from methods.images import Images as Pool
from methods.ld import LocalDiscrimination
from methods.order import batch_sizes, order, phase_images, timetable
from methods.pretrain import DivergedError, build, pretrain
from methods.simclr import SimCLR

TRAINED = [name for name in METHODS if name != "random"]
BUDGET = Budget(images=24, checks=2)


def made(name: str, channels: int = 3, seed: int = 0, batch: int = 8) -> Method[Any]:
    cls = registry.method(name)
    return build(cls, replace(cls.Config(), batch_size=batch), "tiny", channels, seed=seed)


def trained(name: str, images: Images, seed: int = 0, **settings: Any) -> Pretrained:  # noqa: ANN401
    return pretrain(made(name, seed=seed, **settings), images, BUDGET, seed=seed)


def deep_weight(method: Method[Any]) -> Tensor:
    """A copy of one weight of LD's decoder."""
    assert isinstance(method, LocalDiscrimination)
    weight: Tensor = method.state_dict()["decoder.trunk.levels.0.0.0.weight"]
    return weight.clone()


def weights(result: Pretrained) -> list[Tensor]:
    return list(result.model.state_dict().values())


@pytest.mark.parametrize("name", METHODS)
def test_complete(name: str) -> None:
    cls = registry.method(name)
    assert cls.name == name
    assert cls.__module__ == f"methods.{name}"
    assert cls.paper.startswith("https://")
    assert {"learning_rate", "weight_decay", "batch_size"} <= set(cls.Config.__dataclass_fields__)
    assert sum(phase.share for phase in cls.phases) in (0, pytest.approx(1.0))


def test_every_method_file_is_listed() -> None:
    found = set()
    for path in Path(methods.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            bases = [ast.unparse(base) for base in getattr(node, "bases", [])]
            if isinstance(node, ast.ClassDef) and any(base.startswith("Method[") for base in bases):
                found.add(path.parent.name if path.stem == "__init__" else path.stem)
    assert found == set(METHODS)


@pytest.mark.parametrize("name", METHODS)
def test_views_leave_the_images_alone_and_depend_on_their_draws_only(
    name: str, images: Images
) -> None:
    method, index = made(name), torch.arange(8)
    method.prepare(images)
    batch = images.batch(index, torch.device("cpu"))
    before = batch.images.clone()
    one = method.views(batch, Draws(0, 3, index))
    torch.rand(1)
    two = method.views(batch, Draws(0, 3, index))
    assert torch.equal(batch.images, before)
    progress = Progress(method.phases[0].name if method.phases else "", 0, 2)
    method.eval()
    assert torch.equal(method.loss(one, progress), method.loss(two, progress))


@pytest.mark.parametrize("name", TRAINED)
def test_reproducible_sensitive_and_without_side_effects(name: str, images: Images) -> None:
    torch.manual_seed(1)
    first = trained(name, images)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    second = trained(name, images)
    assert torch.equal(torch.get_rng_state(), state)
    assert first.history == second.history
    assert all(torch.equal(a, b) for a, b in zip(weights(first), weights(second), strict=True))
    assert trained(name, images, seed=1).history.losses != first.history.losses


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("channels", [1, 3])
def test_fair_and_portable(
    name: str, channels: int, make_images: Callable[..., Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make_images(channels=channels)
    drawn: list[int] = []
    real = Pool.batch

    def batch(self: Pool, index: Tensor, device: torch.device) -> Batch:
        drawn.extend(index.tolist())
        return real(self, index, device)

    method = made(name, channels)
    keys = list(method.encoder.state_dict())
    counted: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(Pool, "batch", batch)
        result = pretrain(method, pool, BUDGET, seed=0, observe=counted.append)
    spent = 0 if name == "random" else BUDGET.images
    assert sum(counted) == result.images_drawn == spent
    assert len(drawn) == result.images_drawn + result.images_passed
    assert not result.encoder.training
    assert list(result.encoder.state_dict()) == keys


@pytest.mark.parametrize("name", TRAINED)
def test_every_encoder_parameter_is_trained(name: str, images: Images) -> None:
    method, index = made(name), torch.arange(8)
    method.prepare(images)
    views = method.views(images.batch(index, torch.device("cpu")), Draws(0, 0, index))
    loss = method.loss(views, Progress(method.phases[-1].name, 0, 2))
    assert loss.shape == ()
    assert torch.isfinite(loss)
    loss.backward()
    for key, parameter in method.encoder.named_parameters():
        assert parameter.grad is not None, key
        if "0.bias" not in key:  # batch normalisation cancels the convolutions' biases
            assert float(parameter.grad.abs().max()) > 0.0, key


def test_every_method_starts_from_the_same_encoder() -> None:
    start = [made(name).encoder.state_dict() for name in METHODS]
    for other in start[1:]:
        assert all(torch.equal(start[0][key], other[key]) for key in start[0])
    another = made("ld", seed=1).encoder.state_dict()
    assert not all(torch.equal(start[0][key], another[key]) for key in another)


@pytest.mark.parametrize("name", TRAINED)
def test_too_small_a_batch_is_refused_by_name(name: str, images: Images) -> None:
    cls = registry.method(name)
    with pytest.raises(ConfigError, match=f"{name} needs batches of at least"):
        trained(name, images, batch=cls.smallest_batch - 1)


def test_random_trains_nothing(images: Images) -> None:
    before = {key: value.clone() for key, value in made("random").encoder.named_parameters()}
    result = trained("random", images)
    after = dict(result.encoder.named_parameters())
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert result.history.losses == []


def test_ld_spends_a_fifth_on_stage_one_and_transfers_its_best_checkpoint(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert phase_images(1000, LocalDiscrimination) == [200, 800]
    assert sum(phase_images(86, LocalDiscrimination)) == 86
    from methods.pretrain import Training  # noqa: PLC0415

    losses = iter([9.0, 3.0, 1.0, 2.0])
    kept: dict[float, Tensor] = {}

    def check(self: Training, progress: Progress) -> float:
        loss = next(losses)
        kept[loss] = deep_weight(self.method)
        return loss

    monkeypatch.setattr(Training, "check", check)
    budget = replace(BUDGET, images=40, checks=4, statistics="trained")
    result = pretrain(made("ld", batch=8), images, budget, seed=0)
    final = deep_weight(result.model)
    assert torch.equal(final, kept[1.0])
    assert not torch.equal(final, kept[2.0])
    assert result.transferred == "local discrimination, lowest validation loss"


def test_rates_follow_the_phases_and_each_has_a_new_adam(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    fresh: list[bool] = []
    real = torch.optim.Adam.step

    def step(self: torch.optim.Adam, closure: None = None) -> None:
        rates.append(self.param_groups[0]["lr"])
        fresh.append(not self.state)
        real(self, closure)

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    pretrain(made("ld", batch=4), images, replace(BUDGET, images=80), seed=0)
    assert rates[:4] == [1e-3, 1e-3, 5e-4, 5e-4]
    assert rates[4:8] == [1e-3, 1e-3, 5e-4, 5e-4]
    assert [number for number, first in enumerate(fresh) if first] == [0, 4]


@pytest.mark.parametrize("bad", [0, 2])
def test_a_loss_that_is_no_number_names_its_step(
    bad: int, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = SimCLR.loss

    def loss(self: SimCLR, views: Any, progress: Progress) -> Tensor:  # noqa: ANN401
        value = real(self, views, progress)
        return value / 0.0 if progress.step >= bad else value

    monkeypatch.setattr(SimCLR, "loss", loss)
    with pytest.raises(DivergedError, match=f"simclr is (inf|nan) at step {bad} of 3"):
        trained("simclr", images)


def test_epochs_show_every_image_before_any_again() -> None:
    stream = order(0, 7, "epochs")
    for _ in range(3):
        assert sorted(next(stream) for _ in range(7)) == list(range(7))
    again = order(0, 7, "replacement")
    drawn = [next(again) for _ in range(200)]
    assert set(drawn) == set(range(7))
    assert sorted(drawn[:7]) != list(range(7))


@pytest.mark.parametrize(
    ("images", "expected"), [(24, [8, 8, 8]), (26, [8, 8, 10]), (28, [8, 8, 8, 4]), (4, [4])]
)
def test_batches_add_up(images: int, expected: list[int]) -> None:
    assert batch_sizes(images, LocalDiscrimination, 8) == expected


def test_an_odd_budget_for_pairs_is_refused() -> None:
    with pytest.raises(ConfigError, match="groups of 2, not 25"):
        timetable(LocalDiscrimination, 8, 25)


def test_held_out_images_never_train(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()
    real = LocalDiscrimination.views

    def views(self: LocalDiscrimination, batch: Batch, draws: Draws) -> Any:  # noqa: ANN401
        (seen if self.training else set()).update(batch.index.tolist())
        return real(self, batch, draws)

    monkeypatch.setattr(LocalDiscrimination, "views", views)
    trained("ld", images)
    assert seen
    assert max(seen) < len(images)
