"""Every registered method keeps every promise."""

import pytest

from benchmark import registry
from benchmark.contract import PROMISES
from methods import METHODS


@pytest.mark.parametrize("promise", PROMISES)
@pytest.mark.parametrize("name", METHODS)
def test_contract(name: str, promise: str) -> None:
    PROMISES[promise](registry.method(name))
