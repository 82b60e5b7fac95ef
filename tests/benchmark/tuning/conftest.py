"""A PostgreSQL server for the tests that need one."""

import os
from collections.abc import Iterator

import pytest

from tests.benchmark.tuning.server import Server, programs


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A server, stopped at the end; where none is installed, the tests are skipped.

    LDBENCH_POSTGRESQL=required makes that a failure instead.
    """
    if programs() is None:
        reason = "needs a PostgreSQL server: apt-get install postgresql"
        assert os.environ.get("LDBENCH_POSTGRESQL") != "required", reason
        pytest.skip(reason)
    with Server.running() as server:
        yield server
