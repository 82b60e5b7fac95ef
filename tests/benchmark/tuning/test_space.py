"""Where trials look: inside the declared ranges, the same for whoever asks."""

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
from optuna.distributions import FloatDistribution, IntDistribution

from benchmark import registry
from benchmark.tuning.space import (
    STARTUP,
    Sampler,
    axis,
    defaults,
    described,
    grid_point,
    space_of,
    suggested,
)  # fmt: skip
from methods import METHODS
from methods.errors import ConfigError
from methods.tunable import tunable, tunables


@dataclass(frozen=True)
class Config:
    rate: float = tunable(1e-3, 1e-4, 1e-2, log=True)
    count: int = tunable(10, 1, 40)
    fixed: int = 3


SPACE = space_of(Config(), "[config.some]")


def test_a_space_is_what_the_config_declares() -> None:
    assert {
        "rate": FloatDistribution(1e-4, 1e-2, log=True),
        "count": IntDistribution(1, 40),
    } == SPACE
    assert defaults(Config(count=7), SPACE) == {"rate": 1e-3, "count": 7}
    assert described(SPACE)["count"] == {"low": 1, "high": 40, "log": False, "type": "int"}


@pytest.mark.parametrize("name", [name for name in METHODS if name != "random"])
def test_every_method_can_be_tuned_with_rate_and_decay(name: str) -> None:
    config = registry.method(name).Config()
    space = space_of(config, name)
    assert {"learning_rate", "weight_decay"} <= set(space)
    assert set(space) == set(tunables(type(config)))
    for trial in range(1, 4):
        found = suggested("random", space, 0, trial, [])
        changed: Any = replace(config, **found)  # what the config itself refuses, raises here
        assert all(space[key]._contains(value) for key, value in found.items())
        assert changed != config


def test_a_setting_outside_its_range_is_named() -> None:
    with pytest.raises(ConfigError, match=r"\[config.some\]: rate = 1 lies outside .*0.0001, 0.01"):
        space_of(Config(rate=1.0), "[config.some]")


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_these_depend_on_the_number_alone(sampler: Sampler) -> None:
    known = [({"rate": 1e-3, "count": 10}, 0.5), ({"rate": 2e-3, "count": 11}, None)]
    alone = [suggested(sampler, SPACE, 7, trial, []) for trial in range(1, 9)]
    beside = [suggested(sampler, SPACE, 7, trial, known) for trial in range(1, 9)]
    assert alone == beside
    assert len({tuple(found.values()) for found in alone}) == 8
    assert alone != [suggested(sampler, SPACE, 8, trial, []) for trial in range(1, 9)]


def test_a_grid_visits_each_point_once() -> None:
    assert axis(SPACE["rate"]) == pytest.approx([1e-4, 1e-3, 1e-2])
    assert axis(SPACE["count"]) == [1, 20, 40]
    points = {tuple(grid_point(SPACE, 0, trial).values()) for trial in range(1, 10)}
    assert len(points) == 9
    with pytest.raises(ConfigError, match="has 9 points: give --trials 10 at most"):
        grid_point(SPACE, 0, 10)


def test_tpe_learns_where_values_are_high() -> None:
    """Values fall with the distance from a rate of 1e-2, on the log scale."""

    def value(rate: float) -> float:
        return -abs(math.log10(rate) + 2.0)

    known: list[tuple[dict[str, int | float], float | None]] = []
    for trial in range(1, 31):
        found = suggested("tpe", SPACE, 0, trial, known)
        known.append((found, value(found["rate"])))
    early = [params["rate"] for params, _ in known[:STARTUP]]
    late = [params["rate"] for params, _ in known[-10:]]
    assert sum(map(value, late)) / len(late) > sum(map(value, early)) / len(early) + 0.3
    again = suggested("tpe", SPACE, 0, 30, known[:-1])
    assert again == known[-1][0]
