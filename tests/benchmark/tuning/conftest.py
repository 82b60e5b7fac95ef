"""A PostgreSQL server, and studies of a small plan, for the tests that need them."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmark.plan import Plan, read_plan
from benchmark.tuning.search import Search, tune
from tests.benchmark.tuning.server import Server, programs
from tests.benchmark.tuning.small_tuning import PLAN


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


@pytest.fixture(scope="session")
def plan_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the small plan was written."""
    path = tmp_path_factory.mktemp("plan") / "plan.toml"
    path.write_text(PLAN)
    return path


@pytest.fixture(scope="session")
def plan(plan_file: Path) -> Plan:
    return read_plan(plan_file)


@pytest.fixture(scope="session")
def serial(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two studies of five trials by one undisturbed process."""
    out = tmp_path_factory.mktemp("serial") / "out"
    found = tune(plan, "phantom", out, "cpu", None, Search(trials=5))
    assert all(study.finished for study in found)
    return out
