"""What the tests of tasks share: phantoms, task instances, where real data may lie."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest

from tasks import EXTRAS, TASKS
from tasks.base import Source
from tasks.phantoms import write_phantoms
from tasks.segmentation import SegmentationTask


@pytest.fixture(scope="session")
def make_task() -> Callable[[str], SegmentationTask]:
    """Makes a registered task by its name."""
    return task_called


def task_called(name: str) -> SegmentationTask:
    module, _, attribute = (TASKS | EXTRAS)[name].partition(":")
    task: SegmentationTask = getattr(import_module(module), attribute)()
    return task


@pytest.fixture(scope="session")
def phantoms(tmp_path_factory: pytest.TempPathFactory) -> Source:
    """The smallest phantoms of every data set, 96 px, with a cache of their own."""
    folder = tmp_path_factory.mktemp("phantoms")
    write_phantoms(folder / "data", scale=0.01, seed=0, size=96)
    return Source.at(folder / "data", folder / "cache")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder ``shared`` beside the repository: published splits and real images."""
    folder = Path(__file__).parents[3] / "shared"
    if not folder.is_dir():
        pytest.skip("there is no folder called shared beside the repository")
    return folder


@pytest.fixture(scope="session")
def real(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Source:
    """Real images, read in place; what is prepared from them goes with the test."""
    if not (shared / "data").is_dir():
        pytest.skip("the folder shared beside the repository holds no data")
    return Source.at(shared / "data", tmp_path_factory.mktemp("real") / "cache")
