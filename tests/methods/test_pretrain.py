"""The contract of every registered method, and the loop that trains it."""

import ast
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
from methods.errors import ConfigError, DivergedError
from methods.ld import LocalDiscrimination
from methods.order import batch_sizes, order, phase_images, timetable
from methods.pretrain import build, pretrain
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
def test_a_method_is_called_as_its_module(name: str) -> None:
    cls = registry.method(name)
    assert cls.name == name
    assert cls.__module__ == f"methods.{name}"


def test_every_method_file_is_listed() -> None:
    found = set()
    for path in Path(methods.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            bases = [ast.unparse(base) for base in getattr(node, "bases", [])]
            if isinstance(node, ast.ClassDef) and any(
                base.startswith(("Method[", "Untrained")) for base in bases
            ):
                found.add(path.parent.name if path.stem == "__init__" else path.stem)
    # Somebody else's weights are a row of a plan, not of the registry.
    assert found - {"given", "untrained"} == set(METHODS)


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
    from methods.training import Training  # noqa: PLC0415

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
