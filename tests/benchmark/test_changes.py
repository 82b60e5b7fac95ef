"""A plan changed on the command line is checked as a plan from a file is."""

import math
import sys
from pathlib import Path

import pytest

from benchmark import registry
from benchmark.changes import Of, plan_from, scaled, with_changes
from benchmark.cli import main
from benchmark.plan import Plan, read_plan
from methods.errors import ConfigError, InputError
from methods.order import timetable

PLANS = Path(__file__).parents[2] / "benchmark" / "plans"


@pytest.fixture(scope="module")
def demo() -> Plan:
    return read_plan(PLANS / "demo.toml")


def test_values_are_set(demo: Plan) -> None:
    changes = ["size=96", "width=small", "budget.images=512", "config.simclr.temperature=0.2"]
    plan = with_changes(demo, [*changes, "downstream.fractions=[0.5, 1.0]", 'tasks=["scr_lung"]'])
    assert (plan.size, plan.width, plan.budget.images) == (96, "small", 512)
    assert plan.config["simclr"] == {"temperature": 0.2}
    assert plan.config["transvw"] == {"neighbours": 40}
    assert (plan.downstream.fractions, plan.tasks) == ([0.5, 1.0], ["scr_lung"])
    assert with_changes(demo, ['pools."chest X-ray"=./mine']).pools["chest X-ray"] == "./mine"
    assert with_changes(demo, []) == demo


def test_epochs_replace_steps(demo: Plan) -> None:
    part = with_changes(demo, ["downstream.epochs=2"]).downstream
    assert (part.steps, part.epochs) == (None, 2.0)
    own = with_changes(demo, ["downstream.tasks.scr_lung.epochs=2"]).downstream.of("scr_lung")
    assert (own.steps, own.epochs) == (None, 2.0)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("syze=64", "unknown plan key 'syze'; did you mean 'size'"),
        ("budget.image=64", "did you mean 'budget.images'"),
        ("size=1024", "--set: size: .*not 1024"),
        ("width=wide", "--set: width: .*not 'wide'"),
        ("size", "--set size: write KEY=VALUE"),
        (".size=1", "write KEY=VALUE"),
        ("size.large=64", "--set size.large=64: size is no table"),
        ('methods=["dl"]', "unknown method 'dl'"),
        ("config.simcrl.temperature=1", "did you mean 'simclr'"),
    ],
)
def test_changes_are_checked(demo: Plan, change: str, expected: str) -> None:
    with pytest.raises(InputError, match=expected):
        with_changes(demo, [change])


def test_counts_are_scaled_and_nothing_else(demo: Plan) -> None:
    half = scaled(demo, 0.5)
    assert (half.budget.images, half.downstream.steps) == (128, 12)
    back = with_changes(half, ["budget.images=256", "downstream.steps=24"])
    assert back == demo == scaled(demo, 1.0)
    epochs = scaled(with_changes(demo, ["downstream.tasks.scr_lung.epochs=3"]), 0.5)
    assert epochs.downstream.of("scr_lung").epochs == 1.5


def test_budgets_of_some_methods_are_scaled_too(demo: Plan) -> None:
    own = with_changes(demo, ["budget.own.simclr=512"])
    assert scaled(own, 0.5).budget.own == {"simclr": 256}
    assert scaled(own, 1e-9).budget.own == {"simclr": scaled(demo, 1e-9).budget.images}


@pytest.mark.parametrize("name", ["demo", "real", "paper"])
def test_the_smallest_scale_still_suits_every_method(name: str) -> None:
    plan = scaled(read_plan(PLANS / f"{name}.toml"), 1e-9)
    for method in plan.methods:
        cls = registry.method(method)
        assert plan.budget.images % math.lcm(cls.group) == 0
        timetable(cls, cls.Config().batch_size, plan.budget.images)  # refuses what does not suit
    part = plan.downstream
    assert part.steps == 1 or part.settings(64, "float32", 1.0, 1000).steps == 1


@pytest.mark.parametrize("factor", [0.0, -1.0, 1.5, math.nan])
def test_a_scale_out_of_range_is_refused(demo: Plan, factor: float) -> None:
    with pytest.raises(ConfigError, match=r"--scale must lie in \(0, 1\]"):
        scaled(demo, factor)


def test_what_is_set_is_not_scaled() -> None:
    plan = plan_from(
        PLANS / "demo.toml", 0.5, ["budget.images=100"], Of(["ld", "random"], ["scr_lung"])
    )
    assert (plan.budget.images, plan.downstream.steps) == (100, 12)
    assert (plan.methods, plan.tasks) == (["random", "ld"], ["scr_lung"])


@pytest.mark.parametrize("command", ["run", "pretrain"])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--scale", "0"), "--scale must lie"),
        (("--set", "syze=1"), "did you mean 'size'"),
        (("--set", "phantom.most=3"), "phantom.most: Input should be greater than or equal to 4"),
    ],
)
def test_mistakes_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    arguments: tuple[str, str],
    expected: str,
) -> None:
    out = tmp_path / "out"
    places = ("--data", "phantom", "--out", str(out))
    words = [command, str(PLANS / "demo.toml"), *places, *arguments]
    monkeypatch.setattr(sys, "argv", ["ldbench", *words])
    assert main() == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert expected in line
    assert not out.exists()
