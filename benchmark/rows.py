"""What a plan's rows are: registered methods, encoders trained elsewhere, and shape priors."""

from pathlib import Path
from typing import Any

from benchmark import registry
from benchmark.plan import Plan
from methods.base import Method
from methods.given import Given, given
from methods.ld.shape_guided import shape_guided
from methods.networks import Encoder
from methods.weights import fitted
from tasks.base import NORMALISATION
from tasks.priors import Prior, read_prior


def method_of(plan: Plan, name: str) -> type[Method[Any]]:
    """The class behind a row.

    Raises:
        UnknownNameError: If there is no such row.
        ConfigError: If a row's file holds no encoder, or its prior no masks.
    """
    if name in plan.shapes:
        return shape_guided(name, prior_of(plan, name).masks)
    if name not in plan.encoders:
        return registry.method(name)
    return given(name, Path(plan.encoders[name].file))


def module_of(plan: Plan, name: str) -> str:
    """The module whose code a row's results depend on."""
    if name in plan.shapes:
        return registry.SHAPE_GUIDED
    return registry.GIVEN if name in plan.encoders else registry.module_of(name)


def prior_of(plan: Plan, name: str) -> Prior:
    """The masks of a row of ``[shapes]``, at the size of the plan's images.

    Raises:
        ConfigError: If there are none.
    """
    part = plan.shapes[name]
    return read_prior(part.masks, part.pattern, plan.size)


def config_of_given(plan: Plan, name: str) -> Given.Config:
    """Which file a row's weights are from; they suit the plan's encoders and images.

    Raises:
        ConfigError: If they do not.
    """
    part = plan.encoders[name]
    weights = given(name, Path(part.file)).weights
    for domain in {registry.task(task).info.domain for task in plan.tasks}:
        fitted(weights, Encoder(plan.width, NORMALISATION[domain].channels), part.channels)
    return Given.Config(weights.sha256, weights.layout, part.channels)
