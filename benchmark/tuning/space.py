"""What is searched, and where a trial looks: the same for all who ask, whatever the storage."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState

from methods.draws import derive_seed
from methods.errors import ConfigError
from methods.tunable import Value, tunables

Sampler = Literal["tpe", "random", "grid"]
Space = dict[str, BaseDistribution]
#: Random trials before TPE begins to learn; Optuna's 10 would leave it none of a dozen.
STARTUP = 5
#: Points of a grid along each hyperparameter: the ends of its range and the middle.
POINTS = 3


def space_of(config: Any, place: str) -> Space:  # noqa: ANN401
    """The hyperparameters of a method's settings with their search ranges.

    Args:
        config: The settings from which trials start.
        place: Where they are from, for errors.

    Raises:
        ConfigError: If a setting lies outside its own search range.
    """
    kinds = {entry.name: entry.type for entry in fields(config)}
    space: Space = {}
    for name, known in tunables(type(config)).items():
        value = getattr(config, name)
        if not known.low <= value <= known.high:
            raise ConfigError(
                f"{place}: {name} = {value:g} lies outside its search range "
                f"[{known.low:g}, {known.high:g}]: change it, or do not tune this method"
            )
        if kinds[name] in (int, "int"):
            space[name] = IntDistribution(int(known.low), int(known.high), log=known.log)
        else:
            space[name] = FloatDistribution(float(known.low), float(known.high), log=known.log)
    return space


def defaults(config: Any, space: Space) -> dict[str, Value]:  # noqa: ANN401
    """The values from which trials start."""
    return {name: getattr(config, name) for name in space}


def suggested(
    sampler: Sampler,
    space: Space,
    seed: int,
    trial: int,
    known: Sequence[tuple[Mapping[str, Value], float | None]],
) -> dict[str, Value]:
    """Where a trial looks.

    Args:
        sampler: By name.
        space: What is searched.
        seed: Of the whole study.
        trial: Its number; "random" and "grid" depend on nothing else.
        known: Earlier trials' values of the hyperparameters and the objective, None while they run;
            "tpe" learns from them.

    Raises:
        ConfigError: If a grid has no point left for this trial.
    """
    if sampler == "grid":
        return grid_point(space, seed, trial)
    own = derive_seed(seed, "trial", trial) % 2**32
    chosen: optuna.samplers.BaseSampler = (
        optuna.samplers.RandomSampler(seed=own)
        if sampler == "random"
        else optuna.samplers.TPESampler(seed=own, n_startup_trials=STARTUP)
    )
    # A study of its own: the real one's trials are under way until their bracket is decided, and
    # TPE learns from finished ones only.
    study = optuna.create_study(direction="maximize", sampler=chosen)
    for params, value in known:
        study.add_trial(
            optuna.create_trial(
                state=TrialState.RUNNING if value is None else TrialState.COMPLETE,
                value=value,
                params=dict(params),
                distributions=space,
            )
        )
    return dict(study.ask(space).params)


def grid_point(space: Space, seed: int, trial: int) -> dict[str, Value]:
    """A point of a full grid, in an order drawn from the seed; trials begin at 1."""
    axes = {name: axis(entry) for name, entry in space.items()}
    points = list(itertools.product(*axes.values()))
    if trial > len(points):  # the defaults come before them
        raise ConfigError(
            f"a grid of {', '.join(f'{len(axis)} {name}' for name, axis in axes.items())} has "
            f"{len(points)} points: give --trials {len(points) + 1} at most"
        )
    order = np.random.default_rng(seed).permutation(len(points))
    return dict(zip(axes, points[order[trial - 1]], strict=True))


def axis(entry: BaseDistribution) -> list[Value]:
    """A hyperparameter's points, evenly spaced on its scale, each once."""
    assert isinstance(entry, FloatDistribution | IntDistribution)
    spaced = np.geomspace if entry.log else np.linspace
    points = spaced(entry.low, entry.high, POINTS).tolist()
    points = [min(max(point, entry.low), entry.high) for point in points]  # rounding of geomspace
    if isinstance(entry, IntDistribution):
        points = [round(point) for point in points]
    return list(dict.fromkeys(points))


def described(space: Space) -> dict[str, dict[str, object]]:
    """The space as plain values, to tell it from another."""
    out: dict[str, dict[str, object]] = {}
    for name, entry in space.items():
        assert isinstance(entry, FloatDistribution | IntDistribution)
        kind = "int" if isinstance(entry, IntDistribution) else "float"
        out[name] = {"low": entry.low, "high": entry.high, "log": entry.log, "type": kind}
    return out
