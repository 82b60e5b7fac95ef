"""The loop around a method that costs nothing: steps, rates, checks, checkpoints, statistics."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from methods.base import Batch, Budget, Draws, Images, Method, Phase, Pretrained, Progress
from methods.byol import BYOL
from methods.errors import ConfigError, DivergedError
from methods.inpainting import Inpainting
from methods.networks import Encoder
from methods.order import batch_sizes, order, phase_images, timetable
from methods.pretrain import build, pretrain
from methods.schedules import Halving, WarmCosine, constant, cosine
from methods.simclr import SimCLR

CPU = torch.device("cpu")
BUDGET = Budget(images=40, checks=5, statistics="trained")


@dataclass(frozen=True, slots=True)
class ProbeConfig:
    learning_rate: float = 0.1
    weight_decay: float = 0.0
    batch_size: int = 4


@dataclass(frozen=True, slots=True)
class Seen:
    """One call of the loss."""

    training: bool
    gradient: bool
    index: list[int]
    numbers: Tensor
    weight: float
    progress: Progress


class Probe(Method[Batch]):
    """Minimises the distance of one weight to 3, and remembers how it was called."""

    name = "probe"
    paper = "https://example.org"
    Config = ProbeConfig

    config: ProbeConfig

    def __init__(self, encoder: Encoder, config: ProbeConfig) -> None:
        super().__init__(encoder, config)
        self.weight = nn.Parameter(torch.zeros(()))
        self.head = nn.Linear(4, 4)
        self.seen: list[Seen] = []
        self.events: list[str] = []
        self.validation: Iterator[float] = iter(())

    def views(self, batch: Batch, draws: Draws) -> Batch:
        self.index, self.numbers = batch.index.tolist(), draws.uniform("x")
        return batch

    def loss(self, views: Batch, progress: Progress) -> Tensor:
        assert len(views.images) == len(self.index)
        self.seen.append(
            Seen(
                self.training,
                torch.is_grad_enabled(),
                self.index,
                self.numbers,
                self.weight.item(),
                progress,
            )
        )
        if not self.training:
            return torch.tensor(next(self.validation, 1.0))
        self.events.append("step")
        return (self.weight - 3.0) ** 2

    def before_epoch(self, images: Images) -> int:
        self.events.append("epoch")
        return len(images)

    def after_step(self, progress: Progress) -> None:
        self.events.append(f"after {progress.step}")


def probe(seed: int = 0, **settings: Any) -> Probe:  # noqa: ANN401
    method = build(Probe, ProbeConfig(**settings), "tiny", 3, seed=seed)
    assert isinstance(method, Probe)
    return method


def steps(method: Probe) -> list[Seen]:
    return [seen for seen in method.seen if seen.training]


def checks(method: Probe) -> list[Seen]:
    return [seen for seen in method.seen if not seen.training]


def with_phases(monkeypatch: pytest.MonkeyPatch, *phases: Phase) -> None:
    monkeypatch.setattr(Probe, "phases", phases)


def two_phases(transfer: Literal["last", "lowest validation loss"]) -> tuple[Phase, Phase]:
    return Phase("one", 0.2, Halving(2)), Phase("two", 0.8, Halving(4), transfer)


def adam_by_hand(rates: list[float], decay: float) -> float:
    """Kingma and Ba, ICLR 2015, algorithm 1, on (w - 3)^2 with an L2 penalty."""
    w = m = v = 0.0
    for t, rate in enumerate(rates, start=1):
        g = 2.0 * (w - 3.0) + decay * w
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        w -= rate * (m / (1 - 0.9**t)) / (math.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return w


@pytest.mark.parametrize("decay", [constant, cosine, Halving(4)])
def test_the_optimiser_is_adam_with_the_configs_numbers(
    decay: Callable[[float], float], images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, Phase("pretraining", decay=decay))
    method = probe(learning_rate=0.3, weight_decay=0.5)
    pretrain(method, images, BUDGET, seed=0)
    rates = [0.3 * decay(step / 10) for step in range(10)]
    assert method.weight.item() == pytest.approx(adam_by_hand(rates, 0.5), rel=1e-5)
    assert method.weight.item() != pytest.approx(adam_by_hand(rates, 0.0), rel=1e-2)


def test_each_phase_starts_a_new_adam(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    with_phases(monkeypatch, Phase("one", 0.5), Phase("two", 0.5))
    method = probe(learning_rate=0.3)
    pretrain(method, images, BUDGET, seed=0)
    # A new Adam's first step has the length of the rate, whatever the gradient.
    moves = [
        later.weight - sooner.weight
        for sooner, later in zip(steps(method)[:-1], steps(method)[1:], strict=True)
    ]
    assert [abs(move) == pytest.approx(0.3, rel=1e-4) for move in moves].count(True) >= 2
    assert abs(moves[0]) == pytest.approx(0.3, rel=1e-4)
    assert abs(moves[5]) == pytest.approx(0.3, rel=1e-4)
    assert abs(moves[4]) != pytest.approx(0.3, rel=1e-2)


def test_a_group_may_have_a_rate_and_a_decay_of_its_own(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, Phase("pretraining", decay=cosine))
    rates: list[list[float]] = []
    real = torch.optim.Adam.step

    def step(self: torch.optim.Adam, closure: None = None) -> None:
        rates.append([group["lr"] for group in self.param_groups])
        real(self, closure)

    def param_groups(self: Probe, phase: str) -> list[dict[str, Any]]:
        assert phase == "pretraining"
        return [
            {"params": [self.weight], "decay": constant},
            {"params": [self.head.weight], "lr": 0.05},
            {"params": [self.head.bias], "lr": 0.02, "decay": Halving(2)},
        ]

    monkeypatch.setattr(torch.optim.Adam, "step", step)
    monkeypatch.setattr(Probe, "param_groups", param_groups)
    method = probe(learning_rate=0.3)
    pretrain(method, images, BUDGET, seed=0)
    assert method.weight.item() == pytest.approx(adam_by_hand([0.3] * 10, 0.0), rel=1e-5)
    for n, got in enumerate(rates):
        assert got == [0.3, 0.05 * cosine(n / 10), 0.02 * Halving(2)(n / 10)]
    assert len(rates) == 10


def test_schedules() -> None:
    assert [constant(f) for f in (0.0, 0.7)] == [1.0, 1.0]
    assert [cosine(f) for f in (0.0, 1 / 3, 0.5, 1.0)] == pytest.approx([1.0, 0.75, 0.5, 0.0])
    assert [WarmCosine(0.2)(f) for f in (0.0, 0.1, 0.2, 0.6, 1.0)] == pytest.approx(
        [0.0, 0.5, 1.0, 0.5, 0.0]
    )
    assert [Halving(4)(f) for f in (0.0, 0.24, 0.25, 0.5, 0.75, 0.99)] == [
        1.0,
        1.0,
        0.5,
        0.25,
        0.125,
        0.125,
    ]


@pytest.mark.parametrize(
    ("method", "decay"), [(SimCLR, WarmCosine(0.1)), (BYOL, cosine), (Inpainting, cosine)]
)
def test_single_phase_methods_decay_along_a_cosine(
    method: type[Method[Any]], decay: Callable[[float], float]
) -> None:
    (phase,) = method.phases
    assert phase.decay == decay
    assert (phase.share, phase.transfer) == (1.0, "last")


def test_hooks_are_called_in_order(images: Images) -> None:
    method = probe(batch_size=6)  # 12 training images: an epoch is two steps
    result = pretrain(method, images, replace(BUDGET, images=24, checks=1), seed=0)
    expected = ["epoch", "step", "after 0", "step", "after 1"]
    expected += ["epoch", "step", "after 2", "step", "after 3"]
    assert method.events == expected
    validated = 6 + 4  # one batch, and the held-out images once
    assert result.images_passed == 2 * 12 + validated


def test_phases_follow_each_other(images: Images, monkeypatch: pytest.MonkeyPatch) -> None:
    with_phases(monkeypatch, *two_phases("last"))
    method = probe()
    result = pretrain(method, images, BUDGET, seed=0)
    progress = [seen.progress for seen in steps(method)]
    assert progress == [Progress("one", n, 2) for n in range(2)] + [
        Progress("two", n, 8) for n in range(8)
    ]
    assert [p.fraction for p in progress[2:]] == [n / 8 for n in range(8)]
    assert result.transferred == "two, last"
    assert len(result.history.losses) == 10


@pytest.mark.parametrize("budget", [4, 38, 41, 42, 43])
def test_the_last_batch_makes_the_budget_exact(budget: int, images: Images) -> None:
    method, told = probe(), list[int]()
    result = pretrain(method, images, replace(BUDGET, images=budget), seed=0, observe=told.append)
    sizes = [len(seen.index) for seen in steps(method)]
    assert sum(sizes) == result.images_drawn == budget
    assert told == sizes
    assert min(sizes) >= Probe.smallest_batch
    assert all(size == 4 for size in sizes[:-1])


@pytest.mark.parametrize("shares", [(1.0,), (0.2, 0.8), (0.1, 0.2, 0.7), (1 / 3, 1 / 3, 1 / 3)])
@pytest.mark.parametrize("group", [1, 2, 3])
def test_phases_share_a_budget_in_whole_groups(
    shares: tuple[float, ...], group: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, *(Phase(str(n), share) for n, share in enumerate(shares)))
    monkeypatch.setattr(Probe, "group", group)
    for budget in range(1, 200):
        counts = phase_images(budget, Probe)
        assert sum(counts) == budget
        assert all(count % group == 0 for count in counts[:-1])
        for count, share in zip(counts, shares, strict=True):
            assert abs(count - share * budget) <= 2 * group


def test_batches_of_broken_groups_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Probe, "group", 2)
    with pytest.raises(ConfigError, match=r"probe needs batches .* in groups of 2, not 5"):
        batch_sizes(40, Probe, 5)
    with pytest.raises(ConfigError, match=r"probe draws images in groups of 2, not 41"):
        timetable(Probe, 4, 41)


def test_images_are_drawn_in_the_seeds_order(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = {}
    for name, seed in (("probe", 0), ("another", 0), ("other seed", 1)):
        monkeypatch.setattr(Probe, "name", name)
        method = probe(seed)
        pretrain(method, images, BUDGET, seed=seed)
        drawn[name] = [n for seen in steps(method) for n in seen.index]
    assert drawn["probe"] == drawn["another"]  # so that methods are paired
    assert drawn["probe"] != drawn["other seed"]
    passes = [drawn["probe"][start : start + 12] for start in (0, 12, 24)]
    assert all(sorted(each) == list(range(12)) for each in passes)
    assert passes[0] != passes[1]


def test_replacement_draws_independently() -> None:
    stream = order(3, 50, "replacement")
    drawn = torch.tensor([next(stream) for _ in range(5000)])
    counts = torch.bincount(drawn, minlength=50).double()
    # Poisson-like: an epoch's permutations would give a variance of zero.
    assert 50.0 < float(counts.var()) < 150.0
    assert not torch.equal(drawn[:50], drawn[50:100])


def test_every_step_and_every_copy_is_augmented_anew(
    make_images: Callable[..., Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Probe, "sampling", "replacement")
    method = probe(batch_size=8)
    pretrain(method, make_images(count=4, held_out=1), BUDGET, seed=0)
    numbers = torch.cat([seen.numbers for seen in steps(method)])
    assert len(numbers) == 40  # of three images, so each batch holds copies
    assert len(numbers.unique()) == 40


def test_checks_repeat_the_same_held_out_batches(images: Images) -> None:
    method = probe()
    budget = replace(BUDGET, images=160, checks=2)  # 40 steps, so 2 batches a check
    result = pretrain(method, images, budget, seed=0)
    seen = checks(method)
    assert len(seen) == 4
    first, second = seen[:2], seen[2:]
    for a, b in zip(first, second, strict=True):
        assert a.index == b.index
        assert torch.equal(a.numbers, b.numbers)
    assert not torch.equal(first[0].numbers, first[1].numbers)
    assert all(12 <= n < 16 for each in seen for n in each.index)
    assert not any(each.gradient for each in seen)
    assert all(n < 12 for each in steps(method) for n in each.index)
    trained_on = torch.cat([each.numbers for each in steps(method)])
    assert not bool(torch.isin(first[0].numbers, trained_on).any())
    # Checks, the held-out images at each, and before_epoch of 14 passes.
    assert result.images_passed == 4 * 4 + 2 * 4 + 14 * 12


def test_a_checks_batches_are_augmented_differently(make_images: Callable[..., Images]) -> None:
    method = probe()
    pretrain(method, make_images(held_out=1), replace(BUDGET, images=80, checks=1), seed=0)
    one, other = checks(method)
    assert one.index == other.index == [15] * 4  # there is one held-out image
    assert len(torch.cat([one.numbers, other.numbers]).unique()) == 8


def test_checks_are_spread_over_the_run(images: Images) -> None:
    method = probe()
    method.validation = iter([5.0, 4.0, 3.0])
    result = pretrain(method, images, replace(BUDGET, checks=3), seed=0)
    seen = [
        {key: value for key, value in check.items() if key in ("phase", "step", "drawn", "loss")}
        for check in result.history.checks
    ]
    assert seen == [
        {"phase": "pretraining", "step": step, "drawn": 4 * step, "loss": loss}
        for step, loss in ((4, 5.0), (7, 4.0), (10, 3.0))
    ]


def test_a_check_is_the_mean_over_its_batches(images: Images) -> None:
    method = probe()
    method.validation = iter([1.0, 3.0, 8.0])
    result = pretrain(method, images, replace(BUDGET, images=120, checks=1), seed=0)
    assert [check["loss"] for check in result.history.checks] == [4.0]


def test_training_goes_on_in_training_mode_after_a_check(images: Images) -> None:
    method = probe()
    result = pretrain(method, images, replace(BUDGET, checks=10), seed=0)
    assert len(result.history.checks) == len(steps(method)) == 10


@pytest.mark.parametrize(
    ("losses", "best"),
    [
        ([0.5, 9.0, 3.0, 1.0, 2.0], 3),  # the lowest within the last phase, not of all
        ([0.5, 1.0, 1.0, 1.0, 1.0], 1),  # the first of equals
        ([0.5, math.nan, math.inf, 4.0, 5.0], 3),
    ],
)
def test_the_checkpoint_of_lowest_validation_loss_is_transferred(
    losses: list[float], best: int, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, *two_phases("lowest validation loss"))
    method = probe()
    method.validation = iter(losses)
    result = pretrain(method, images, BUDGET, seed=0)
    at_checks = [seen.weight for seen in checks(method)]
    assert len(set(at_checks)) == 5
    assert method.weight.item() == at_checks[best]
    assert result.transferred == "two, lowest validation loss"


def test_a_phase_without_a_finite_validation_loss_diverged(
    images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, *two_phases("lowest validation loss"))
    method = probe()
    method.validation = iter([0.5, math.nan, math.inf, math.nan, math.nan])
    with pytest.raises(DivergedError, match="no validation loss of probe in the phase 'two'"):
        pretrain(method, images, BUDGET, seed=0)


def test_the_last_checkpoint_stays_whatever_the_validation_loss(images: Images) -> None:
    method = probe()
    method.validation = iter([1.0, 2.0, 3.0, 4.0, 5.0])
    pretrain(method, images, BUDGET, seed=0)
    assert method.weight.item() == checks(method)[-1].weight


def test_without_held_out_images_nothing_can_be_selected(
    make_images: Callable[..., Images], monkeypatch: pytest.MonkeyPatch
) -> None:
    with_phases(monkeypatch, *two_phases("lowest validation loss"))
    with pytest.raises(ConfigError, match=r"probe transfers .* holds none out"):
        pretrain(probe(), make_images(held_out=0), BUDGET, seed=0)


@pytest.mark.parametrize("bad", [0, 49, 50, 57])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_diverged_loss_names_its_step(
    bad: int, value: float, images: Images, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Probe.loss

    def loss(self: Probe, views: Batch, progress: Progress) -> Tensor:
        out = real(self, views, progress)
        return out * value if progress.step == bad else out

    monkeypatch.setattr(Probe, "loss", loss)
    with pytest.raises(DivergedError, match=f"probe is -?(nan|inf) at step {bad} of 60: lower"):
        pretrain(probe(), images, replace(BUDGET, images=240, checks=1), seed=0)


def test_building_and_training_leave_the_global_generator_alone(images: Images) -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    first = probe()
    pretrain(first, images, BUDGET, seed=0)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(6)
    again, other = probe(), probe(seed=1)
    assert torch.equal(first.head.weight, again.head.weight)
    assert not torch.equal(first.head.weight, other.head.weight)


def test_heads_do_not_depend_on_the_encoders_size() -> None:
    heads = []
    for width in ("tiny", "small"):
        method = build(Probe, ProbeConfig(), width, 1, seed=4)
        assert isinstance(method, Probe)
        heads.append(method.head.weight)
    assert torch.equal(*heads)


def norms(encoder: nn.Module) -> list[nn.BatchNorm2d]:
    return [part for part in encoder.modules() if isinstance(part, nn.BatchNorm2d)]


def outcome(images: Images, **settings: Any) -> Pretrained:  # noqa: ANN401
    return pretrain(probe(), images, replace(BUDGET, **settings), seed=0)


def test_statistics_as_trained_are_left_alone(images: Images) -> None:
    result = outcome(images, statistics="trained")
    for norm in norms(result.encoder):  # the probe never runs its encoder
        assert not bool(norm.running_mean.any())  # type: ignore[union-attr]
    assert not result.encoder.training
    assert not result.model.training


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_budgets_precision_reaches_the_encoder(precision: str, images: Images) -> None:
    encoder = outcome(images, precision=precision).encoder
    assert encoder.precision == precision
    assert encoder(torch.zeros(1, 3, 16, 16))[0].dtype == getattr(torch, precision)
    assert all(parameter.dtype == torch.float32 for parameter in encoder.parameters())


def test_a_transferred_encoder_loads_into_a_fresh_one(images: Images) -> None:
    encoder = outcome(images, statistics="recalibrated").encoder
    fresh = Encoder("tiny", 3)
    fresh.load_state_dict(encoder.state_dict(), strict=True)
    batch = images.batch(torch.arange(4), CPU)
    inputs = batch.normalised(batch.images)
    for a, b in zip(encoder(inputs), fresh.eval()(inputs), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("images_drawn", "checks_made"), [(0, 1), (-4, 1), (4, 0)])
def test_an_empty_budget_is_refused(images_drawn: int, checks_made: int) -> None:
    with pytest.raises(ValueError, match=f"not {images_drawn} images and {checks_made} checks"):
        Budget(images=images_drawn, checks=checks_made)
