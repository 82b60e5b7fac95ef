"""Every registered method keeps every promise."""

import pytest

from benchmark import registry
from benchmark.contract import PROMISES
from methods import METHODS

#: Whole trainings, a second or more each.
SLOW = ("odd sizes", "resumes", "overfits one batch")


@pytest.mark.parametrize(
    "promise",
    [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in PROMISES],
)
@pytest.mark.parametrize("name", METHODS)
def test_contract(name: str, promise: str) -> None:
    PROMISES[promise](registry.method(name))
