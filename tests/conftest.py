"""What all tests share: the option that renews golden values, and pools of small images."""

from collections.abc import Callable, Iterator

import pytest
import torch

from benchmark.contract.pool import blobs
from methods.images import Images


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="write the golden values anew instead of comparing with them; then review the diff",
    )


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors are tiny here: a second thread only waits, and for ever on a busy machine.

    Programs that tests start have one, too.
    """
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's prepared images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture(scope="session")
def make_images() -> Callable[..., Images]:
    """Makes a pool: ``make_images(count=16, channels=3, side=32, held_out=4)``."""
    return blobs


@pytest.fixture(scope="session")
def images() -> Images:
    """Twelve training and four held-out colour images of 32 px."""
    return blobs()
